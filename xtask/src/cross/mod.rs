//! A second toolchain, for systems that this machine does not run.
//!
//! The Rust project's own builds of std for other systems come by rustup; where only the Debian
//! archive and crates.io can be reached, this is the way: Debian's newest compiler is unpacked (not
//! installed) into a directory of its own, std is built from its sources, and Wine runs what was
//! built for Windows. Every step looks first whether it was done; a directory that is complete asks
//! nobody.
//!
//! | in the directory | is |
//! |---|---|
//! | `toolchain/` | the compiler, with a std for each target |
//! | `stand-in/` | a C compiler that makes empty files |
//! | `wineprefix/` | the Windows that tests see |
//! | `target/` | what cargo builds |

mod debian;
mod stand_in;
mod standard;
mod toolchain;
mod wine;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cross::stand_in::StandIn;
use crate::cross::toolchain::Toolchain;
use crate::shell;

pub(crate) use crate::cross::standard::Standard;
pub(crate) use crate::cross::wine::Wine;

/// Where the second toolchain is.
#[derive(Debug, clap::Args)]
pub(crate) struct Directory {
    /// Directory of the second toolchain: 2 GB with what is built; the first run fills it
    ///
    /// Default: linkspan-cross in the user's cache directory.
    #[arg(long, value_name = "DIR", env = "LINKSPAN_CROSS_DIR")]
    dir: Option<PathBuf>,
}

impl Directory {
    fn path(&self) -> Result<PathBuf> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let cache =
            || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
        let default = || Some(cache()?.join("linkspan-cross"));
        let path = self.dir.clone().or_else(default);
        let path = path.context("no home directory is known; choose one by --dir")?;
        Ok(std::path::absolute(path)?)
    }
}

/// A toolchain that is ready for use; nobody else uses its directory meanwhile.
pub(crate) struct Cross {
    directory: PathBuf,
    toolchain: Toolchain,
    stand_in: StandIn,
    _lock: File,
}

impl Cross {
    /// Sets up what is missing for some targets.
    ///
    /// # Errors
    ///
    /// When this is no Debian on amd64, or a package, a crate or the disk cannot be had.
    pub(crate) fn set_up(directory: &Directory, targets: &[(&str, Standard)]) -> Result<Self> {
        let directory = directory.path()?;
        let lock = lock(&directory)?;
        let toolchain = Toolchain::set_up(&directory)?;
        debian::install_missing(&[LINKER_PACKAGE, &toolchain.llvm_package()?])?;
        for (target, standard) in targets {
            standard::set_up(&directory, &toolchain, target, *standard)?;
        }
        let stand_in = StandIn::set_up(&directory)?;
        Ok(Self {
            directory,
            toolchain,
            stand_in,
            _lock: lock,
        })
    }

    /// Sets up a Windows to run programs in.
    ///
    /// # Errors
    ///
    /// When Wine cannot be installed, or does not start.
    pub(crate) fn wine(&self) -> Result<Wine> {
        debian::install_missing(&[wine::PACKAGE])?;
        Wine::set_up(&self.directory)
    }

    /// Cargo with this toolchain, to check code for a target; C is not compiled, but for Windows.
    pub(crate) fn checking_cargo(&self, target: &str) -> Command {
        let mut cargo = self.cargo();
        if target != WINDOWS {
            self.stand_in.choose(&mut cargo, target);
        }
        cargo
    }

    /// Cargo with this toolchain; builds apart from the usual ones.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = shell::cargo();
        self.toolchain.choose(&mut cargo);
        cargo
            .env("CARGO_TARGET_DIR", self.directory.join("target"))
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER);
        cargo
    }
}

/// Waits until no other command uses the directory.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    fs::create_dir_all(directory)
        .and_then(|()| File::create(&path))
        .and_then(|file| file.lock().map(|()| file))
        .with_context(|| format!("cannot lock {}", path.display()))
}

/// What to do when the toolchain cannot be set up.
pub(crate) const REMEDY: &str =
    "remove the directory of the second toolchain if it is damaged, and see CONTRIBUTING.md";

/// Builds for 64-bit Windows with its linker and libraries.
pub(crate) const WINDOWS: &str = "x86_64-pc-windows-gnu";

const LINKER: &str = "x86_64-w64-mingw32-gcc";
const LINKER_PACKAGE: &str = "gcc-mingw-w64-x86-64-win32";
