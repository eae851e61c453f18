//! Manifests of plugins: nothing leads out of the folder, and what is asked for is asked for clearly.

use std::path::{Component, Path};

use linkspan::plugin::{Grant, Manifest, ManifestFormat, PluginName};

/// Reads the input as a manifest: in TOML if it begins with a `t`, in YAML otherwise.
///
/// # Panics
///
/// If something is taken that should not be.
pub fn manifest(input: &[u8]) {
    let Some((first, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let format = match first {
        b't' => ManifestFormat::Toml,
        _ => ManifestFormat::Yaml,
    };
    if let Ok(manifest) = Manifest::parse(text, format) {
        check(&manifest);
    }
}

fn check(manifest: &Manifest) {
    let name = manifest.name.as_str();
    assert!(name.len() <= 64 && name.is_ascii(), "{name}");
    assert_eq!(name.parse::<PluginName>().as_ref(), Ok(&manifest.name));
    let paths = manifest.files.keys().chain(&manifest.include);
    for path in paths.chain([&manifest.entry.file]) {
        let mut parts = Path::new(path.as_str()).components();
        let is_inner = parts.all(|part| matches!(part, Component::Normal(_)));
        assert!(is_inner, "{path} may lead out");
    }
    for grant in &manifest.capabilities {
        assert_eq!(grant.to_string().parse().as_ref(), Ok(grant));
        if let Grant::Read(path) | Grant::Write(path) = grant {
            let is_clear = |part| part != Component::ParentDir;
            assert!(path.components().all(is_clear), "{}", path.display());
        }
    }
    for method in manifest.methods.values() {
        assert!(method.is_idempotent || !method.is_pure);
        for schema in [&method.input, &method.output].into_iter().flatten() {
            assert!(serde_json::from_str::<serde_json::Value>(schema).is_ok());
        }
    }
    let restart = &manifest.restart;
    assert!(!restart.backoff.is_zero() && restart.backoff <= restart.max_backoff);
    assert!((1..=64).contains(&manifest.instances));
}
