//! Where plugins are looked for, and what is taken for one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where plugins are looked for, and what is taken for one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Directories whose folders are plugins. Default: none. The first that has a plugin of a name is
    /// the one whose plugin is taken.
    pub directories: Vec<PathBuf>,
    /// Programs that run scripts, by the names that manifests use. Default: `python3` from /usr/bin or
    /// /usr/local/bin, whichever has it. What a script says by `#!` is never read.
    pub interpreters: BTreeMap<String, PathBuf>,
    /// Whether plugins have to be pinned. Default: yes.
    pub pins: Pins,
    /// Most folders of a directory that are looked at. Default: 4,096.
    pub max_candidates: usize,
    /// Longest manifest, in bytes. Default: 1 MiB. It is held in memory.
    pub max_manifest_bytes: usize,
    /// Most files of a plugin. Default: 4,096.
    pub max_files: usize,
    /// Most bytes of all files of a plugin together. Default: 1 GiB. All of them are read when it is
    /// verified.
    pub max_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directories: Vec::new(),
            interpreters: interpreters(),
            pins: Pins::default(),
            max_candidates: 4_096,
            max_manifest_bytes: 1 << 20,
            max_files: 4_096,
            max_bytes: 1 << 30,
        }
    }
}

/// Whether the manifest has to name the SHA-256 of every file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pins {
    /// It has to, and none may differ.
    #[default]
    Required,
    /// A manifest without is taken, too, as is wanted for a plugin that is just being written: what it
    /// is when it is verified is what runs, and nobody else may have been able to change it. Where a
    /// manifest has them, they hold.
    Optional,
}

fn interpreters() -> BTreeMap<String, PathBuf> {
    let places = ["/usr/bin/python3", "/usr/local/bin/python3"];
    let found = places.iter().map(Path::new).find(|path| path.is_file());
    let python = found.map(|path| ("python3".to_owned(), path.to_owned()));
    python.into_iter().collect()
}
