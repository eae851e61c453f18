//! Plugins whose files are what their manifest says, and nobody else's to change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use os::{Directory, TrustedFile};

use crate::plugin::digest::copy;
use crate::plugin::files::{list, open, read};
use crate::plugin::{
    Config, Digest, Manifest, ManifestError, ManifestFormat, Pins, PluginPath, Refusal,
};

/// A plugin that was verified, and is held open.
///
/// Its folder, all folders and files in it and everything above belong to this user or root, and nobody
/// else can write there. Each file that belongs to it has the SHA-256 that the manifest names.
///
/// What runs is to be copied out of it, by [`copy_entry`](Self::copy_entry) and
/// [`copy_file`](Self::copy_file), to where nothing can change it any more: what is copied is hashed
/// once more on the way, so that there is no moment between check and use.
#[derive(Debug)]
pub struct Verified {
    folder: Directory,
    manifest: Manifest,
    manifest_file: (&'static str, Vec<u8>),
    digest: Digest,
    is_pinned: bool,
    files: BTreeMap<PluginPath, VerifiedFile>,
    entry: TrustedFile,
    interpreter: Option<Interpreter>,
}

/// What is known of a file of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedFile {
    /// Its SHA-256.
    pub digest: Digest,
    /// Its length in bytes.
    pub length: u64,
    /// Whether its owner may run it.
    pub is_executable: bool,
}

/// The program that runs a script.
#[derive(Debug)]
#[non_exhaustive]
pub struct Interpreter {
    /// Its path, without symbolic links.
    pub path: PathBuf,
    /// The program, opened; nobody but this user and root can change it.
    pub file: File,
}

impl Verified {
    /// Verifies the plugin in a folder. It reads all of its files, and blocks meanwhile.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: why it is not taken.
    pub fn open(folder: &Path, config: &Config) -> Result<Self, Refusal> {
        let folder = Directory::open_trusted(folder)?;
        let (manifest, manifest_file) = manifest(&folder, config)?;
        let is_pinned = !manifest.files.is_empty();
        if !is_pinned && config.pins == Pins::Required {
            return Err(Refusal::NotPinned);
        }
        let paths = list(&folder, &manifest.include, config)?;
        if is_pinned {
            check_paths(&paths, &manifest)?;
        }
        let files = hash(&folder, paths, config)?;
        let changed = files.iter().find(|(path, file)| {
            let pin = manifest.files.get(*path);
            pin.is_some_and(|pin| *pin != file.digest)
        });
        if let Some((path, _)) = changed {
            return Err(Refusal::Changed { path: path.clone() });
        }
        let path = &manifest.entry.file;
        if !files.contains_key(path) {
            return Err(Refusal::Missing { path: path.clone() });
        }
        Ok(Self {
            entry: open(&folder, path)?,
            interpreter: interpreter(&manifest, config)?,
            digest: digest_of(&manifest_file.1, &files),
            folder,
            manifest,
            manifest_file,
            is_pinned,
            files,
        })
    }

    /// Where it is, without symbolic links.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The name of its manifest's file, and what that holds.
    pub fn manifest_file(&self) -> (&'static str, &[u8]) {
        let (name, text) = &self.manifest_file;
        (name, text)
    }

    /// What tells it from every other state of it: the SHA-256 of the manifest and of what its files are.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether the manifest names the hashes of its files.
    pub fn is_pinned(&self) -> bool {
        self.is_pinned
    }

    /// The files that belong to it, without the manifest.
    pub fn files(&self) -> impl Iterator<Item = (&PluginPath, &VerifiedFile)> {
        self.files.iter()
    }

    /// The program that runs it, if it is a script.
    pub fn interpreter(&self) -> Option<&Interpreter> {
        self.interpreter.as_ref()
    }

    /// Copies what runs, a program or a script, from the file that has been open since it was verified.
    ///
    /// # Errors
    ///
    /// [`Refusal::Changed`] if it was changed in its place since then, and [`Refusal::Io`]; what was
    /// copied until then is not to be used.
    pub fn copy_entry(&self, into: &mut dyn Write) -> Result<(), Refusal> {
        self.copy(&self.manifest.entry.file, &self.entry, into)
    }

    /// Copies one of its files. No file but the entry stays open, so that plugins of many files do not
    /// take all descriptors; it is opened anew, and has to be what was verified.
    ///
    /// # Errors
    ///
    /// - [`Refusal::Changed`]: it is not what it was; what was copied until then is not to be used.
    /// - [`Refusal::Missing`]: it is gone, or never belonged to the plugin.
    /// - [`Refusal::File`], [`Refusal::Directory`], [`Refusal::Io`]: others could change it now, or it
    ///   cannot be read.
    pub fn copy_file(&self, path: &PluginPath, into: &mut dyn Write) -> Result<(), Refusal> {
        self.copy(path, &open(&self.folder, path)?, into)
    }

    fn copy(
        &self,
        path: &PluginPath,
        file: &TrustedFile,
        into: &mut dyn Write,
    ) -> Result<(), Refusal> {
        let verified = self.files.get(path);
        let verified = verified.ok_or_else(|| Refusal::Missing { path: path.clone() })?;
        let changed = || Refusal::Changed { path: path.clone() };
        match read(&self.folder, path, file, into, verified.length) {
            Ok((digest, _)) if digest == verified.digest => Ok(()),
            Ok(_) | Err(Refusal::TooLarge { .. }) => Err(changed()),
            Err(error) => Err(error),
        }
    }
}

/// The SHA-256 of every file that belongs to a plugin, which is what a manifest is to say. Nobody else
/// may be able to change the plugin.
///
/// # Errors
///
/// [`Refusal`]
pub fn hash_files(folder: &Path, config: &Config) -> Result<BTreeMap<PluginPath, Digest>, Refusal> {
    let folder = Directory::open_trusted(folder)?;
    let (manifest, _) = manifest(&folder, config)?;
    let paths = list(&folder, &manifest.include, config)?;
    let files = hash(&folder, paths, config)?;
    let file = &manifest.entry.file;
    match files.contains_key(file) {
        true => Ok(files
            .into_iter()
            .map(|(path, file)| (path, file.digest))
            .collect()),
        false => Err(Refusal::Missing { path: file.clone() }),
    }
}

/// The manifest in a folder, the name of its file, and what that holds.
fn manifest(
    folder: &Directory,
    config: &Config,
) -> Result<(Manifest, (&'static str, Vec<u8>)), Refusal> {
    let mut found: Vec<(&'static str, ManifestFormat, TrustedFile)> = Vec::new();
    for (name, format) in ManifestFormat::FILES {
        let file = folder.open_file(name.as_ref())?;
        found.extend(file.map(|file| (*name, *format, file)));
    }
    let (name, format, file) = match found.as_slice() {
        [] => return Err(ManifestError::none_in(folder.path()).into()),
        [(name, format, file)] => (*name, *format, &file.file),
        [(one, ..), (other, ..), ..] => {
            return Err(ManifestError::two_in(folder.path(), [one, other]).into());
        }
    };
    let path = folder.path().join(name);
    let wrong = |problem: String| ManifestError::new(problem).in_file(&path);
    let (mut bytes, limit) = (Vec::new(), config.max_manifest_bytes);
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    copy(file, &mut bytes, limit_bytes).map_err(|source| {
        let path = path.clone();
        Refusal::Io { path, source }
    })?;
    if bytes.len() > limit {
        return Err(wrong(format!("it has more than {limit} bytes")).into());
    }
    let text = str::from_utf8(&bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let manifest = Manifest::parse(text, format).map_err(|error| error.in_file(&path))?;
    Ok((manifest, (name, bytes)))
}

/// That the manifest names all files, and no others.
fn check_paths(paths: &[PluginPath], manifest: &Manifest) -> Result<(), Refusal> {
    if let Some(path) = paths
        .iter()
        .find(|path| !manifest.files.contains_key(*path))
    {
        return Err(Refusal::Stray { path: path.clone() });
    }
    let mut pins = manifest.files.keys();
    match pins.find(|path| paths.binary_search(path).is_err()) {
        Some(path) => Err(Refusal::Missing { path: path.clone() }),
        None => Ok(()),
    }
}

fn hash(
    folder: &Directory,
    paths: Vec<PluginPath>,
    config: &Config,
) -> Result<BTreeMap<PluginPath, VerifiedFile>, Refusal> {
    let mut left = config.max_bytes;
    let mut files = BTreeMap::new();
    for path in paths {
        let file = open(folder, &path)?;
        let (digest, length) = match read(folder, &path, &file, &mut io::sink(), left) {
            Err(Refusal::TooLarge { .. }) => {
                let limit = config.max_bytes;
                return Err(Refusal::TooLarge { limit });
            }
            result => result?,
        };
        left = left.saturating_sub(length);
        let is_executable = file.is_executable;
        let facts = VerifiedFile {
            digest,
            length,
            is_executable,
        };
        files.insert(path, facts);
    }
    Ok(files)
}

fn interpreter(manifest: &Manifest, config: &Config) -> Result<Option<Interpreter>, Refusal> {
    let Some(name) = &manifest.entry.interpreter else {
        return Ok(None);
    };
    let path = config
        .interpreters
        .get(name)
        .ok_or_else(|| Refusal::UnknownInterpreter {
            name: name.clone(),
            known: config.interpreters.keys().cloned().collect(),
        })?;
    let opened = open_program(path);
    opened.map(Some).map_err(|reason| Refusal::Interpreter {
        path: path.clone(),
        reason: Box::new(reason),
    })
}

/// Opens a program of the host's; symbolic links to it are followed.
fn open_program(path: &Path) -> Result<Interpreter, Refusal> {
    let io = |source| Refusal::Io {
        path: path.into(),
        source,
    };
    let real = path.canonicalize().map_err(io)?;
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(Refusal::NotAFile { path: path.into() });
    };
    let file = Directory::open_trusted(parent)?.open_file(name.as_ref())?;
    let file = file.ok_or_else(|| io(io::ErrorKind::NotFound.into()))?.file;
    Ok(Interpreter { path: real, file })
}

fn digest_of(manifest: &[u8], files: &BTreeMap<PluginPath, VerifiedFile>) -> Digest {
    let mut text = Digest::of(manifest).to_string();
    for (path, file) in files {
        // No path has a line break in it.
        text.push_str(&format!("\n{} {path}", file.digest));
    }
    Digest::of(text.as_bytes())
}
