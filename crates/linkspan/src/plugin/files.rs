//! The files that belong to a plugin.

use std::io::{self, Write};
use std::path::Path;

use os::{Directory, EntryKind, TrustedFile};

use crate::plugin::digest::copy;
use crate::plugin::{Config, Digest, ManifestFormat, PluginPath, Refusal};

/// All files below a folder that belong to the plugin, sorted by their paths.
pub(super) fn list(
    folder: &Directory,
    include: &[PluginPath],
    config: &Config,
) -> Result<Vec<PluginPath>, Refusal> {
    let mut listing = Listing {
        found: Vec::new(),
        limit: config.max_files,
    };
    match include {
        [] => listing.add_all(folder, None)?,
        include => {
            for path in include {
                listing.add_included(folder, path)?;
            }
        }
    }
    // What is included may stand in something else that is.
    listing.found.sort();
    listing.found.dedup();
    Ok(listing.found)
}

/// The files that were found.
struct Listing {
    found: Vec<PluginPath>,
    limit: usize,
}

impl Listing {
    /// Adds what is named: a file, or all in a folder.
    fn add_included(&mut self, root: &Directory, path: &PluginPath) -> Result<(), Refusal> {
        let missing = || Refusal::Missing { path: path.clone() };
        let (folders, name) = path.split();
        let inner = enter(root, folders)?;
        let parent = inner.as_ref().unwrap_or(root);
        let place = parent.path().join(name);
        let metadata = place.symlink_metadata().map_err(|_| missing())?;
        match metadata.file_type() {
            sort if sort.is_symlink() => Err(Refusal::Link { path: place }),
            sort if sort.is_dir() => self.add_all(&parent.open_inner(name)?, Some(path)),
            sort if sort.is_file() => self.add(path.clone()),
            _ => Err(Refusal::NotAFile { path: place }),
        }
    }

    /// Adds everything in a folder, but what nobody means.
    fn add_all(&mut self, folder: &Directory, at: Option<&PluginPath>) -> Result<(), Refusal> {
        // Some of them are not files, or nobody means them.
        let most = self.limit.saturating_mul(2).saturating_add(64);
        let entries = folder.entries(most).map_err(|source| Refusal::Io {
            path: folder.path().into(),
            source,
        })?;
        if entries.len() > most {
            return Err(Refusal::TooManyFiles { limit: self.limit });
        }
        for entry in entries {
            let name = entry.name.to_string_lossy();
            if is_meant(&name, at) {
                let path = PluginPath::join(at, &name).map_err(|source| Refusal::Name {
                    folder: folder.path().into(),
                    source,
                })?;
                self.add_entry(folder, &path, entry.name.as_ref(), entry.kind)?;
            }
        }
        Ok(())
    }

    fn add_entry(
        &mut self,
        folder: &Directory,
        path: &PluginPath,
        name: &Path,
        kind: EntryKind,
    ) -> Result<(), Refusal> {
        let place = folder.path().join(name);
        match kind {
            EntryKind::File => self.add(path.clone()),
            EntryKind::Directory => self.add_all(&folder.open_inner(name)?, Some(path)),
            EntryKind::Link => Err(Refusal::Link { path: place }),
            _ => Err(Refusal::NotAFile { path: place }),
        }
    }

    fn add(&mut self, path: PluginPath) -> Result<(), Refusal> {
        if self.found.len() >= self.limit {
            return Err(Refusal::TooManyFiles { limit: self.limit });
        }
        self.found.push(path);
        Ok(())
    }
}

/// Whether what has this name in a folder belongs to a plugin that does not say what does.
fn is_meant(name: &str, at: Option<&PluginPath>) -> bool {
    let is_manifest = at.is_none() && ManifestFormat::FILES.iter().any(|(file, _)| *file == name);
    !is_manifest && !name.starts_with('.') && name != "__pycache__"
}

/// Opens a file of a plugin, which nobody else can change.
pub(super) fn open(folder: &Directory, path: &PluginPath) -> Result<TrustedFile, Refusal> {
    let (folders, name) = path.split();
    let inner = enter(folder, folders)?;
    let file = inner.as_ref().unwrap_or(folder).open_file(name)?;
    file.ok_or_else(|| Refusal::Missing { path: path.clone() })
}

/// The last of some folders in each other; none if there are none.
fn enter<'a>(
    root: &Directory,
    folders: impl Iterator<Item = &'a Path>,
) -> Result<Option<Directory>, Refusal> {
    let mut inner: Option<Directory> = None;
    for folder in folders {
        inner = Some(inner.as_ref().unwrap_or(root).open_inner(folder)?);
    }
    Ok(inner)
}

/// Copies a file of a plugin to `into`, at most `max_bytes`; its SHA-256 and its length.
pub(super) fn read(
    folder: &Directory,
    path: &PluginPath,
    file: &TrustedFile,
    into: &mut dyn Write,
    max_bytes: u64,
) -> Result<(Digest, u64), Refusal> {
    let io = |source: io::Error| Refusal::Io {
        path: folder.path().join(path.as_str()),
        source,
    };
    let (digest, length) = copy(&file.file, into, max_bytes).map_err(io)?;
    match length > max_bytes {
        true => Err(Refusal::TooLarge { limit: max_bytes }),
        false => Ok((digest, length)),
    }
}
