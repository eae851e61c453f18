//! In what a manifest is written, and where it stands.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::plugin::{Config, Manifest, ManifestError};

/// In what language a manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestFormat {
    /// TOML, in `plugin.toml`.
    Toml,
    /// YAML, in `plugin.yaml` or `plugin.yml`.
    Yaml,
}

impl ManifestFormat {
    /// Names of files that are manifests, and what is in them. A folder has one of them.
    pub const FILES: &[(&str, Self)] = &[
        ("plugin.toml", Self::Toml),
        ("plugin.yaml", Self::Yaml),
        ("plugin.yml", Self::Yaml),
    ];
}

impl Manifest {
    /// Reads the manifest in a folder, and nothing else; whose files they are is not looked at.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if there is none, or more than one, or something is wrong with it.
    pub fn read(folder: &Path, config: &Config) -> Result<Self, ManifestError> {
        let mut there = ManifestFormat::FILES
            .iter()
            .filter(|(name, _)| folder.join(name).exists());
        let found = there.next().ok_or_else(|| ManifestError::none_in(folder))?;
        if let Some(second) = there.next() {
            return Err(ManifestError::two_in(folder, [found.0, second.0]));
        }
        let path = folder.join(found.0);
        let text = text_of(&path, config.max_manifest_bytes);
        let text = text.map_err(|error| ManifestError::new(error.to_string()));
        let manifest = text.and_then(|text| Self::parse(&text, found.1));
        manifest.map_err(|error| error.in_file(&path))
    }
}

fn text_of(path: &Path, max_bytes: usize) -> io::Result<String> {
    // What blocks when it is opened, as a pipe does, is no manifest.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        let problem = format!("it has more than {max_bytes} bytes");
        return Err(io::Error::other(problem));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}
