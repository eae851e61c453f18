//! All files that the checks look at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use crate::arch::source::Source;
use crate::shell;

/// The project, read once.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
    /// Manifests, settings and documents, by their path.
    pub(crate) texts: BTreeMap<String, String>,
    /// What crates are linked with, build scripts included, as `cargo tree` says.
    pub(crate) linked: Vec<Linked>,
}

impl Tree {
    /// Reads the project.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or parsed.
    pub(crate) fn load() -> Result<Self> {
        let mut tree = Self::default();
        tree.read_directory(&shell::root(), "")?;
        for crate_name in ["linkspan-proto", "linkspan-os"] {
            for targets in [UNIX.as_slice(), &WINDOWS] {
                tree.linked.push(linked(crate_name, targets)?);
            }
        }
        Ok(tree)
    }

    /// A project of these files.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path, text).unwrap();
        }
        tree
    }

    /// What one crate is compiled from.
    pub(crate) fn code_of(&self, crate_name: &str) -> impl Iterator<Item = &Source> {
        self.sources
            .iter()
            .filter(move |source| source.is_code_of(crate_name))
    }

    /// The code of all crates of the workspace, tests and our own commands excepted.
    pub(crate) fn code(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| {
            source.path.starts_with("crates/") && source.is_code_of(source.crate_name())
        })
    }

    /// The text of a file; none if it does not exist.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// A TOML file; empty if it does not exist or is wrong, which Cargo tells better.
    pub(crate) fn toml(&self, path: &str) -> Table {
        let text = self.text(path).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    fn read_directory(&mut self, root: &Path, inside: &str) -> Result<()> {
        let directory = root.join(inside);
        let entries = fs::read_dir(&directory)
            .with_context(|| format!("cannot read {}", directory.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{inside}{name}");
            match entry.file_type()?.is_dir() {
                true if LEFT_OUT.contains(&name.as_str()) => {}
                true => self.read_directory(root, &format!("{path}/"))?,
                false if is_wanted(&path) => self.read_file(root, &path)?,
                false => {}
            }
        }
        Ok(())
    }

    fn read_file(&mut self, root: &Path, path: &str) -> Result<()> {
        let text = fs::read_to_string(root.join(path));
        self.add(path, &text.with_context(|| format!("cannot read {path}"))?)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<()> {
        if path.ends_with(".rs") {
            self.sources.push(Source::parse(path, text)?);
        } else {
            self.texts.insert(path.to_owned(), text.to_owned());
        }
        Ok(())
    }
}

fn is_wanted(path: &str) -> bool {
    [".rs", ".toml", ".md"]
        .iter()
        .any(|end| path.ends_with(end))
        || path == ".ci/run"
}

/// What a crate is linked with on a sort of system.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) crate_name: String,
    pub(crate) is_windows: bool,
    /// Names of packages.
    pub(crate) packages: Vec<String>,
}

fn linked(crate_name: &str, targets: &[&str]) -> Result<Linked> {
    let output = shell::cargo()
        .args(["tree", "--package", crate_name, "--edges", "normal,build"])
        .args(targets.iter().flat_map(|target| ["--target", target]))
        .args(["--prefix", "none", "--format", "{p}"])
        .output()
        .context("cannot start cargo tree")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    Ok(Linked {
        crate_name: crate_name.to_owned(),
        is_windows: targets == WINDOWS,
        packages: names,
    })
}

const UNIX: [&str; 3] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "x86_64-unknown-freebsd",
];
const WINDOWS: [&str; 2] = ["x86_64-pc-windows-msvc", "x86_64-pc-windows-gnu"];

/// Directories that hold nothing of ours, or code that is wrong on purpose.
const LEFT_OUT: [&str; 5] = ["target", ".git", "compile_fail", "corpus", "artifacts"];
