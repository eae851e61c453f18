//! Manifests with other hashes, and everything else as it was.

use std::collections::BTreeMap;
use std::fmt::Write;

use linkspan::plugin::{Digest, ManifestFormat, PluginPath};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::failure::Result;

/// The text of a manifest with these hashes of its files; without the key if there are none.
pub(super) fn with_hashes(
    text: &str,
    format: ManifestFormat,
    hashes: &BTreeMap<PluginPath, Digest>,
) -> Result<String> {
    match format {
        ManifestFormat::Toml => toml(text, hashes),
        _ => Ok(yaml(text, hashes)),
    }
}

fn toml(text: &str, hashes: &BTreeMap<PluginPath, Digest>) -> Result<String> {
    let mut document: DocumentMut = text.parse().map_err(anyhow::Error::from)?;
    let before = document.get(FILES).and_then(Item::as_table);
    let mut table = Table::new();
    match before {
        Some(before) => {
            *table.decor_mut() = before.decor().clone();
            table.set_position(before.position());
        }
        None => table.decor_mut().set_prefix("\n"),
    }
    for (path, digest) in hashes {
        table.insert(path.as_str(), value(digest.to_string()));
    }
    if hashes.is_empty() {
        document.remove(FILES);
    } else {
        document.insert(FILES, Item::Table(table));
    }
    Ok(document.to_string())
}

/// Of YAML, the lines of the key are replaced, from its own to the next that is not further in.
fn yaml(text: &str, hashes: &BTreeMap<PluginPath, Digest>) -> String {
    let mut section = String::new();
    if !hashes.is_empty() {
        section.push_str("files:\n");
    }
    for (path, digest) in hashes {
        // Writing into a string cannot fail. JSON's quotes are YAML's, too.
        let path = serde_json::Value::from(path.as_str());
        writeln!(section, "  {path}: {digest}").unwrap_or_default();
    }
    let mut lines = text.split_inclusive('\n').peekable();
    let mut written = String::new();
    let mut is_there = false;
    while let Some(line) = lines.next() {
        if is_files(line) && !is_there {
            is_there = true;
            while lines.next_if(|line| is_inner(line)).is_some() {}
            written.push_str(&section);
        } else {
            written.push_str(line);
        }
    }
    if !is_there && !section.is_empty() {
        if !written.ends_with('\n') {
            written.push('\n');
        }
        written.push_str(&section);
    }
    written
}

fn is_files(line: &str) -> bool {
    let rest = line.strip_prefix(FILES);
    rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// Whether a line belongs to the key above: it is further in, or is a brace that closes.
fn is_inner(line: &str) -> bool {
    line.starts_with([' ', '\t', '}'])
}

const FILES: &str = "files";

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(paths: &[&str]) -> BTreeMap<PluginPath, Digest> {
        let hash = |path: &&str| (path.parse().unwrap(), Digest::of(path.as_bytes()));
        paths.iter().map(hash).collect()
    }

    #[test]
    fn everything_else_stays_as_it_was() {
        let digest = Digest::of(b"main.py");
        for (format, before, after) in [
            (
                ManifestFormat::Toml,
                "# A plugin\nname = 'a' # its name\n\n[limits]\nmax_files = 64\n",
                format!(
                    "# A plugin\nname = 'a' # its name\n\n[limits]\nmax_files = 64\n\n[files]\n\"main.py\" = \"{digest}\"\n"
                ),
            ),
            (
                ManifestFormat::Yaml,
                "# A plugin\nname: a # its name\nlimits: { max_files: 64 }",
                format!(
                    "# A plugin\nname: a # its name\nlimits: {{ max_files: 64 }}\nfiles:\n  \"main.py\": {digest}\n"
                ),
            ),
        ] {
            let pinned = with_hashes(before, format, &hashes(&["main.py"])).unwrap();
            assert_eq!(pinned, after);
            let again = with_hashes(&pinned, format, &hashes(&["main.py"])).unwrap();
            assert_eq!(again, after);
            let removed = with_hashes(&pinned, format, &hashes(&[])).unwrap();
            assert_eq!(removed.trim_end(), before.trim_end());
        }
    }

    #[test]
    fn hashes_are_replaced_where_they_stand() {
        let toml =
            "name = 'a'\n\n# What it is.\n[files]\nold = \"x\"\n\n[limits]\nmax_files = 64\n";
        let written = with_hashes(toml, ManifestFormat::Toml, &hashes(&["new"])).unwrap();
        let digest = Digest::of(b"new");
        let expected = toml.replace("old = \"x\"", &format!("new = \"{digest}\""));
        assert_eq!(written, expected);
        let yaml = "name: a\n# What it is.\nfiles:\n  old: x\n  older: y\nlimits: {}\n";
        let written = with_hashes(yaml, ManifestFormat::Yaml, &hashes(&["new"])).unwrap();
        let expected = yaml.replace("  old: x\n  older: y", &format!("  \"new\": {digest}"));
        assert_eq!(written, expected);
    }
}
