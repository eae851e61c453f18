//! Whether a plugin is what its manifest says.

use std::collections::BTreeSet;

use crate::plugin::host::RunError;
use crate::plugin::host::words::cut;
use crate::plugin::wire::RESERVED_PREFIX;
use crate::plugin::{Describe, Manifest};

/// Compares what a plugin says of itself with its manifest. A manifest that names no methods leaves them
/// to the plugin.
pub(super) fn check(manifest: &Manifest, description: &Describe) -> Result<(), RunError> {
    let same = |what, manifest: &str, plugin: &str| match manifest == plugin {
        true => Ok(()),
        false => Err(RunError::Mismatch {
            what,
            manifest: manifest.to_owned(),
            plugin: cut(plugin.to_owned()),
        }),
    };
    same("name", manifest.name.as_str(), &description.name)?;
    same("version", &manifest.version, &description.version)?;
    if manifest.methods.is_empty() {
        return Ok(());
    }
    let named: BTreeSet<_> = manifest
        .methods
        .keys()
        .map(|method| full_name(manifest, method))
        .collect();
    let described = description.methods.iter().map(|method| method.name.clone());
    let described: BTreeSet<_> = described
        .filter(|name| !name.starts_with(RESERVED_PREFIX))
        .collect();
    let missing: Vec<_> = named.difference(&described).cloned().collect();
    let strays = described.difference(&named).cloned().map(cut);
    let stray: Vec<_> = strays.take(MAX_NAMED).collect();
    match missing.is_empty() && stray.is_empty() {
        true => Ok(()),
        false => Err(RunError::Methods { missing, stray }),
    }
}

/// The name by which a method of a manifest is called.
fn full_name(manifest: &Manifest, method: &str) -> String {
    match method.contains('.') {
        true => method.to_owned(),
        false => format!("{}.{method}", manifest.name.as_str().replace('-', "_")),
    }
}

/// Methods that are named which the manifest does not have.
const MAX_NAMED: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::ManifestFormat;
    use crate::rpc::MethodInfo;

    fn manifest(methods: &str) -> Manifest {
        let text = format!(
            "format = 1\nname = \"log-indexer\"\nversion = \"1.0\"\nprotocol = 1\n\
             entry = {{ binary = \"main\" }}\n{methods}"
        );
        Manifest::parse(&text, ManifestFormat::Toml).unwrap()
    }

    fn describe(methods: &[&str]) -> Describe {
        let methods = methods.iter().map(|name| MethodInfo::named(*name));
        Describe::new("log-indexer", "1.0", methods.collect())
    }

    #[test]
    fn methods_are_compared_by_their_full_names() {
        let manifest = manifest("[methods.find]\n[methods.\"other.count\"]");
        let said = ["log_indexer.find", "other.count", "linkspan.methods"];
        check(&manifest, &describe(&said)).unwrap();
        let error = check(&manifest, &describe(&["log_indexer.find", "a.b"])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("(other.count), but others (a.b)"), "{text}");
    }

    #[test]
    fn a_manifest_without_methods_leaves_them_open() {
        check(&manifest(""), &describe(&["a.b"])).unwrap();
    }

    #[test]
    fn another_name_or_version_is_named() {
        let mut said = describe(&[]);
        said.version = "1.1".to_owned();
        let text = check(&manifest(""), &said).unwrap_err().to_string();
        assert_eq!(text, "the manifest says version 1.0, the plugin says 1.1");
        said.name = "indexer".to_owned();
        let text = check(&manifest(""), &said).unwrap_err().to_string();
        assert_eq!(
            text,
            "the manifest says name log-indexer, the plugin says indexer"
        );
    }
}
