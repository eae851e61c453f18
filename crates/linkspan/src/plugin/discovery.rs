//! Finding plugins in directories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use os::{Directory, EntryKind};

use crate::plugin::{Config, Digest, Manifest, ManifestFormat, PluginName, Refusal, Verified};

/// What there is in the directories of a [`Config`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Discovery {
    /// Plugins that were verified, by name. They are closed again, so that no number of them takes all
    /// descriptors; [`Verified::open`] verifies one anew.
    pub found: Vec<Found>,
    /// What is not taken, and why, in the order in which it was found.
    pub refused: Vec<Refused>,
    /// Directories that do not exist.
    pub missing: Vec<PathBuf>,
}

/// A plugin that can be taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Found {
    /// Its folder.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What tells it from every other state of it.
    pub digest: Digest,
    /// Whether the manifest names the hashes of its files.
    pub is_pinned: bool,
}

/// Something that is not taken.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The folder, or the directory if none of its folders is taken.
    pub path: PathBuf,
    /// Its name, as far as the manifest could be read.
    pub name: Option<PluginName>,
    /// Why.
    pub reason: Refusal,
}

impl Discovery {
    /// Looks at every folder of the directories that has a manifest, and verifies it. Nothing is run.
    ///
    /// The first directory that has a plugin of a name, and in it the first folder, is the one whose
    /// plugin counts, even if it is refused: another one does not take its place. Folders whose names
    /// begin with a `.` are left out. It reads all files of all plugins, and blocks meanwhile.
    pub fn run(config: &Config) -> Self {
        let mut discovery = Self::default();
        let mut taken = BTreeMap::new();
        for directory in &config.directories {
            match directory.try_exists() {
                Ok(false) => discovery.missing.push(directory.clone()),
                _ => discovery.look_into(directory, &mut taken, config),
            }
        }
        discovery
            .found
            .sort_by(|one, other| one.manifest.name.cmp(&other.manifest.name));
        discovery
    }

    /// The plugin of a name, if there is one that can be taken.
    pub fn plugin(&self, name: &str) -> Option<&Found> {
        self.found
            .iter()
            .find(|found| found.manifest.name.as_str() == name)
    }

    fn look_into(&mut self, path: &Path, taken: &mut Taken, config: &Config) {
        match candidates(path, config) {
            Ok(folders) => {
                for folder in folders {
                    self.look_at(folder, taken, config);
                }
            }
            Err(reason) => self.refused.push(Refused {
                path: path.into(),
                name: None,
                reason,
            }),
        }
    }

    fn look_at(&mut self, folder: PathBuf, taken: &mut Taken, config: &Config) {
        // The name is needed for what is refused, too; what counts is read anew once it is trusted.
        let name = Manifest::read(&folder, config)
            .ok()
            .map(|manifest| manifest.name);
        let reason = match name
            .as_ref()
            .and_then(|name| Some((name, taken.get(name)?)))
        {
            Some((name, first)) => Refusal::Duplicate {
                name: name.clone(),
                first: first.clone(),
            },
            None => match Verified::open(&folder, config) {
                Ok(verified) => {
                    let found = Found::new(folder, &verified);
                    taken.insert(found.manifest.name.clone(), found.path.clone());
                    return self.found.push(found);
                }
                Err(reason) => reason,
            },
        };
        if let Some(name) = &name {
            taken.entry(name.clone()).or_insert_with(|| folder.clone());
        }
        self.refused.push(Refused {
            path: folder,
            name,
            reason,
        });
    }
}

impl Found {
    fn new(path: PathBuf, verified: &Verified) -> Self {
        Self {
            path,
            manifest: verified.manifest().clone(),
            digest: verified.digest(),
            is_pinned: verified.is_pinned(),
        }
    }
}

/// Where the plugins of names are that were found first.
type Taken = BTreeMap<PluginName, PathBuf>;

/// The folders of a directory that have a manifest.
fn candidates(path: &Path, config: &Config) -> Result<Vec<PathBuf>, Refusal> {
    let directory = Directory::open_trusted(path)?;
    let limit = config.max_candidates;
    let entries = directory.entries(limit).map_err(|source| Refusal::Io {
        path: path.into(),
        source,
    })?;
    if entries.len() > limit {
        return Err(Refusal::TooManyCandidates { limit });
    }
    let is_plugin = |folder: &PathBuf| {
        let mut files = ManifestFormat::FILES
            .iter()
            .map(|(name, _)| folder.join(name));
        files.any(|file| file.symlink_metadata().is_ok())
    };
    // A link to a folder elsewhere is as good as the folder, which is looked at where it is.
    let folders = entries.into_iter().filter(|entry| {
        let is_hidden = entry.name.as_encoded_bytes().starts_with(b".");
        !is_hidden && matches!(entry.kind, EntryKind::Directory | EntryKind::Link)
    });
    Ok(folders
        .map(|entry| path.join(entry.name))
        .filter(is_plugin)
        .collect())
}
