//! Plugins in Python in folders of their own, and a host for them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use linkspan::plugin::host::{HostConfig, Plugin, PluginHost, Terms};
use linkspan::plugin::{Pins, SandboxLevel};
use linkspan_test::wait;

/// A host whose plugins are trusted, and the place where they stand.
pub(super) struct Stage {
    pub(super) host: PluginHost,
    base: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A host with other settings.
    pub(super) fn with(change: impl FnOnce(&mut HostConfig)) -> Self {
        let base = tempfile::tempdir().unwrap();
        let mut config = HostConfig::default();
        config.plugins.pins = Pins::Optional;
        config.copies = Some(base.path().join("copies"));
        change(&mut config);
        let host = PluginHost::new(config);
        Self { host, base }
    }

    pub(super) fn path(&self) -> &Path {
        self.base.path()
    }

    /// Writes a plugin whose script ends with this, where `plugin` is there already.
    pub(super) fn write(&self, name: &str, script: &str, manifest: &str) -> PathBuf {
        let folder = self.base.path().join(name);
        let sdk = folder.join("linkspan_plugin");
        if !sdk.exists() {
            fs::create_dir_all(&sdk).unwrap();
            for file in fs::read_dir(SDK).unwrap().map(Result::unwrap) {
                if file.path().extension().is_some_and(|end| end == "py") {
                    fs::copy(file.path(), sdk.join(file.file_name())).unwrap();
                }
            }
        }
        put(
            &folder.join("main.py"),
            &format!(
                "import os, signal, sys, threading, time\nfrom typing import Iterable\n\
                 from linkspan_plugin import Context, Plugin\n\
                 plugin = Plugin({name:?}, version=\"1.0\")\n{script}\nplugin.run()\n"
            ),
        );
        put(
            &folder.join("plugin.toml"),
            &format!(
                "format = 1\nname = {name:?}\nversion = \"1.0\"\nprotocol = 1\nsandbox = \"none\"\n\
                 entry = {{ script = \"main.py\", interpreter = \"python3\" }}\n{manifest}"
            ),
        );
        for path in [&folder, &sdk] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    /// Loads such a plugin.
    pub(super) async fn load(&self, name: &str, script: &str, terms: Terms) -> Plugin {
        let folder = self.write(name, script, "");
        self.host.load(folder, terms).await.unwrap()
    }

    /// Loads and starts such a plugin.
    pub(super) async fn start(&self, name: &str, script: &str, terms: Terms) -> Plugin {
        let plugin = self.load(name, script, terms).await;
        wait::within("a start", plugin.start()).await.unwrap();
        plugin
    }
}

/// Terms of a plugin that is trusted.
pub(super) fn trusted() -> Terms {
    let mut terms = Terms::default();
    terms.sandbox = SandboxLevel::None;
    terms.start_timeout = wait::PATIENCE;
    terms.drain_timeout = Duration::from_secs(10);
    terms
}

/// Replaces a file, all at once.
pub(super) fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
    fs::rename(new, path).unwrap();
}

/// Whether a process is there, and no zombie.
pub(super) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !(state.is_empty() || state.starts_with(['Z', 'X']))
}

const SDK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../sdk/python/linkspan_plugin"
);
