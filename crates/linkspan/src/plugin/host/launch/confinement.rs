//! What a plugin was granted, as its sandbox knows it.

use std::path::{Path, PathBuf};

use os::sandbox::{Access, Grant as Granted, Launch, Level, Limits, Network};

use crate::plugin::host::Terms;
use crate::plugin::host::launch::StartError;
use crate::plugin::{self, Grant, Manifest, SandboxLevel};

/// The level of a plugin's sandbox, as the system knows it.
pub(super) fn level(level: SandboxLevel) -> Level {
    match level {
        SandboxLevel::None => Level::None,
        SandboxLevel::Basic => Level::Basic,
        SandboxLevel::Strict => Level::Strict,
    }
}

/// Has a program that is launched do what its terms grant, and use no more than they and its manifest
/// say.
///
/// # Errors
///
/// [`StartError::Grant`]: something in `hidden` would be within its reach.
pub(super) fn confine(
    launch: &mut Launch,
    terms: &Terms,
    manifest: &Manifest,
    hidden: &[&Path],
) -> Result<(), StartError> {
    launch.limits = limits(&terms.limits_for(manifest));
    launch.uids = terms.uids.clone();
    launch.cgroup.clone_from(&terms.cgroup);
    let mut ports = Vec::new();
    for grant in &terms.grants_for(manifest) {
        match grant {
            Grant::Read(path) => launch.grants.push(Granted::new(path, Access::Read)),
            Grant::Write(path) => launch.grants.push(Granted::new(path, Access::Write)),
            Grant::Connect(place) => ports.push(place.port),
            Grant::Processes => launch.sees_processes = true,
            // Asked for where the host is called.
            Grant::Right(_) => {}
        }
        if launch.level > Level::None {
            check(grant, hidden)?;
        }
    }
    ports.sort_unstable();
    ports.dedup();
    if !ports.is_empty() {
        launch.network = Network::TcpPorts(ports);
    }
    Ok(())
}

/// Refuses a grant by which something hidden would be seen.
fn check(grant: &Grant, hidden: &[&Path]) -> Result<(), StartError> {
    let (Grant::Read(path) | Grant::Write(path)) = grant else {
        return Ok(());
    };
    let real = real(path);
    let seen = hidden.iter().find(|hidden| {
        let hidden = self::real(hidden);
        hidden.starts_with(&real) || real.starts_with(&hidden)
    });
    match seen {
        None => Ok(()),
        Some(hidden) => Err(StartError::Grant {
            grant: grant.clone(),
            hidden: hidden.to_path_buf(),
        }),
    }
}

/// A path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let exists = |path: &&Path| path.canonicalize().is_ok();
    let Some(there) = path.ancestors().find(exists) else {
        return path.to_owned();
    };
    let rest = path.strip_prefix(there).unwrap_or_else(|_| Path::new(""));
    let there = there.canonicalize().unwrap_or_else(|_| there.to_owned());
    // A rest that is empty would leave a `/` behind.
    match rest.as_os_str().is_empty() {
        true => there,
        false => there.join(rest),
    }
}

fn limits(limits: &plugin::Limits) -> Limits {
    let bytes = |megabytes: u32| u64::from(megabytes) << 20;
    let mut applied = Limits::default();
    applied.memory_bytes = limits.max_memory_mb.map(bytes);
    applied.cpu_cores = limits.max_cpu_cores;
    applied.processes = limits.max_processes.map(u64::from);
    applied.open_files = limits.max_files.map(u64::from);
    if let Some(megabytes) = limits.max_disk_mb {
        // A file system of no size would be one without limit.
        applied.disk_bytes = bytes(megabytes).max(LEAST_DISK_BYTES);
    }
    applied
}

const LEAST_DISK_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_have_is_not_granted_by_any_path() {
        let base = tempfile::tempdir().unwrap();
        let runtime = base.path().join("run/linkspan");
        std::fs::create_dir_all(&runtime).unwrap();
        std::fs::create_dir(base.path().join("data")).unwrap();
        let missing = base.path().join("plugins/copies");
        let hidden = [&*runtime, &*missing];
        let is_refused = |path: &str| {
            let grants = ["read", "write"].map(|access| format!("fs.{access}:{path}"));
            let refused = grants.map(|grant| check(&grant.parse().unwrap(), &hidden).is_err());
            assert_eq!(refused[0], refused[1]);
            refused[0]
        };
        let path = |name: &str| base.path().join(name).display().to_string();
        for name in ["run", "run/linkspan", "run/linkspan/node.sock", "plugins"] {
            assert!(is_refused(&path(name)), "{name}");
        }
        assert!(is_refused("/"));
        for name in ["data", "run/linkspan2", "plugins2"] {
            assert!(!is_refused(&path(name)), "{name}");
        }
    }

    #[test]
    fn the_lower_of_two_limits_holds() {
        let manifest = "format: 1\nname: a\nversion: 1.0.0\nprotocol: 1\nentry: { binary: a }\n\
                        limits: { max_memory_mb: 64, max_processes: 4, max_disk_mb: 0 }\n";
        let manifest = Manifest::parse(manifest, plugin::ManifestFormat::Yaml).unwrap();
        let mut terms = Terms::default();
        terms.limits.max_memory_mb = Some(32);
        terms.limits.max_processes = Some(8);
        terms.limits.max_files = Some(100);
        let limits = limits(&terms.limits_for(&manifest));
        assert_eq!(limits.memory_bytes, Some(32 << 20));
        assert_eq!(limits.processes, Some(4));
        assert_eq!(limits.open_files, Some(100));
        assert_eq!(limits.disk_bytes, 4096);
    }
}
