//! The compiler: the newest of the Debian archive, unpacked into a directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cross::debian;
use crate::packages;

/// A compiler with its libraries and the sources of std.
#[derive(Debug)]
pub(super) struct Toolchain {
    root: PathBuf,
}

impl Toolchain {
    /// Fetches it, unless it is there.
    pub(super) fn set_up(directory: &Path) -> Result<Self> {
        let toolchain = Self {
            root: directory.join("toolchain"),
        };
        if !toolchain.root.join(LLVM).exists() {
            debian::check_system()?;
            let scratch = directory.join("unpacking");
            toolchain
                .fetch(&scratch)
                .context("cannot fetch the compiler")?;
            fs::remove_dir_all(scratch)?;
        }
        Ok(toolchain)
    }

    /// The package of the LLVM library that the compiler is linked with.
    pub(super) fn llvm_package(&self) -> Result<String> {
        let name = fs::read_to_string(self.root.join(LLVM))?;
        Ok(name.trim().to_owned())
    }

    /// The workspace of the sources of std.
    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("lib/rustlib/src/rust/library")
    }

    /// Where the compiler looks for the std of a target.
    pub(super) fn libraries(&self, target: &str) -> PathBuf {
        self.root.join("lib/rustlib").join(target).join("lib")
    }

    /// Makes cargo use this compiler, and nothing that was set for another one.
    pub(super) fn choose(&self, cargo: &mut Command) {
        let bin = self.root.join("bin");
        let mut path = bin.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        for variable in FOREIGN {
            cargo.env_remove(variable);
        }
        cargo
            .env("PATH", path)
            .env("RUSTC", bin.join("rustc"))
            .env("RUSTDOC", bin.join("rustdoc"))
            .env("LD_LIBRARY_PATH", self.root.join("lib"));
    }

    fn fetch(&self, scratch: &Path) -> Result<()> {
        for stale in [&self.root, scratch] {
            if stale.exists() {
                fs::remove_dir_all(stale)?;
            }
        }
        packages::update()?;
        let version = debian::candidate(COMPILER)?;
        let library = library_package(&version);
        let names = [COMPILER, &library, HOST_STD, CLIPPY, SOURCES];
        let wanted = names.map(|name| format!("{name}={version}"));
        let files = debian::download(&wanted, &scratch.join("packages"))?;
        for file in &files {
            debian::unpack(file, pattern(file), &scratch.join("files"))?;
        }
        self.assemble(&scratch.join("files/usr"))?;
        let library = files.iter().find(|file| is_of(file, &library));
        let library = library.context("the library's package was fetched")?;
        let dependencies = debian::dependencies(library)?;
        let llvm = llvm_in(&dependencies)?;
        // Written last: it says that all is there.
        Ok(fs::write(self.root.join(LLVM), llvm)?)
    }

    /// Brings what was unpacked into the order of a toolchain.
    fn assemble(&self, unpacked: &Path) -> Result<()> {
        fs::create_dir_all(self.root.join("bin"))?;
        for program in ["rustc", "rustdoc", "clippy-driver", "cargo-clippy"] {
            let from = unpacked.join("bin").join(program);
            fs::rename(&from, self.root.join("bin").join(program))
                .with_context(|| format!("cannot move {}", from.display()))?;
        }
        let rustlib = self.root.join("lib/rustlib");
        fs::create_dir_all(rustlib.join("src/rust"))?;
        fs::rename(unpacked.join("lib/rustlib").join(HOST), rustlib.join(HOST))?;
        let driver = entry(&unpacked.join("lib/x86_64-linux-gnu"), "librustc_driver-")?;
        let name = driver.file_name().context("it has a name")?;
        fs::rename(&driver, self.root.join("lib").join(name))?;
        let sources = entry(&unpacked.join("src"), "rustc-")?.join("library");
        fs::rename(sources, self.sources())?;
        // As a dylib, std would need a linker for every system.
        let manifest = self.sources().join("std/Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        let text = text.replace(r#"["dylib", "rlib"]"#, r#"["rlib"]"#);
        Ok(fs::write(manifest, text)?)
    }
}

/// The package of the compiler's libraries, which has the release in its name.
fn library_package(version: &str) -> String {
    let mut numbers = version.split('.');
    let mut next = || numbers.next().unwrap_or_default();
    format!("libstd-rust-web-{}.{}", next(), next())
}

/// Of the sources, only std is unpacked.
fn pattern(package: &Path) -> &'static str {
    if is_of(package, SOURCES) {
        "./usr/src/rustc-*/library"
    } else {
        "./usr/*"
    }
}

fn is_of(file: &Path, package: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split('_').next() == Some(package)
}

/// The package of LLVM among dependencies.
fn llvm_in(dependencies: &str) -> Result<&str> {
    dependencies
        .split([' ', ','])
        .find(|word| word.starts_with("libllvm"))
        .context("the compiler is linked with no LLVM")
}

/// What is in a folder under a name that begins so.
fn entry(folder: &Path, beginning: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(beginning) {
            return Ok(entry.path());
        }
    }
    anyhow::bail!("no {beginning} in {}", folder.display())
}

const HOST: &str = "x86_64-unknown-linux-gnu";
/// File that holds the name of the LLVM package.
const LLVM: &str = ".llvm";
const COMPILER: &str = "rustc-web";
const HOST_STD: &str = "libstd-rust-web-dev";
const CLIPPY: &str = "rust-web-clippy";
const SOURCES: &str = "rust-web-src";
/// Variables that would bring in another compiler, or its flags.
const FOREIGN: [&str; 8] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];
