//! Debian packages: asked about, installed, or fetched and unpacked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};

use crate::{packages, shell};

/// Fails with a clear text where the packages of this lane do not exist.
pub(super) fn check_system() -> Result<()> {
    let architecture = packages::answers("dpkg", &["--print-architecture"]);
    match architecture.as_deref().map(str::trim) {
        Some("amd64") => Ok(()),
        Some(other) => bail!("this lane needs Debian on amd64; this is {other}"),
        None => bail!("this lane needs Debian on amd64; there is no dpkg here"),
    }
}

/// Installs those packages that are not there.
pub(super) fn install_missing(names: &[&str]) -> Result<()> {
    let missing: Vec<_> = names.iter().filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    packages::install(&missing.into_iter().copied().collect::<Vec<_>>())
}

fn is_installed(name: &str) -> bool {
    packages::answers("dpkg-query", &["--show", "--showformat=${Status}", name])
        .is_some_and(|status| status.ends_with("ok installed"))
}

/// The version that apt-get would install.
pub(super) fn candidate(name: &str) -> Result<String> {
    let policy = packages::answers("apt-cache", &["policy", name]).unwrap_or_default();
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
        .map(str::to_owned)
        .with_context(|| format!("this system's archive has no package {name}"))
}

/// Fetches packages, each `NAME=VERSION`, without installing them; gives their files.
pub(super) fn download(packages: &[String], into: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(into)?;
    let mut apt = shell::program("apt-get");
    // Root needs no other user to download as, and that one could not write here.
    apt.args(["download", "--quiet", "-o", "APT::Sandbox::User=root"])
        .args(packages)
        .current_dir(into);
    shell::run(&mut apt)?;
    let files: Vec<_> = fs::read_dir(into)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    ensure!(files.len() == packages.len(), "not all packages came");
    Ok(files)
}

/// Packages that a package file depends on, with versions, as Debian writes it.
pub(super) fn dependencies(file: &Path) -> Result<String> {
    packages::answers("dpkg-deb", &["--field", &file.to_string_lossy(), "Depends"])
        .with_context(|| format!("cannot read {}", file.display()))
}

/// Unpacks those files of a package whose path matches a pattern.
pub(super) fn unpack(file: &Path, pattern: &str, into: &Path) -> Result<()> {
    fs::create_dir_all(into)?;
    let mut archive = shell::program("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let stream = archive.stdout.take().context("it is piped")?;
    let mut tar = shell::program("tar");
    tar.args(["--extract", "--directory"])
        .arg(into)
        .args(["--wildcards", pattern])
        .stdin(stream);
    shell::run(&mut tar)?;
    ensure!(
        archive.wait()?.success(),
        "cannot unpack {}",
        file.display()
    );
    Ok(())
}
