//! Where a host and its plugins are, and the process that is the host.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use linkspan::plugin::SandboxLevel;
use tempfile::TempDir;

/// What a host does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Its plugins attack.
    Attacked,
    /// Works until it is killed.
    Killed,
    /// Works a little, and ends in order.
    Clean,
}

/// Who a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    /// Whoever runs the tests.
    Own,
    /// Somebody without rights, if whoever runs the tests can be that.
    Nobody,
}

/// What a host finds: `plugins/`, which are its own or root's, `home/`, which it can write to, and what
/// its plugins are granted, `granted/`, or not, `secret`.
pub(super) struct Place {
    base: TempDir,
    user: User,
}

impl Place {
    /// None, with a note, if there is no such user.
    pub(super) fn new(user: User) -> Option<Self> {
        if user == User::Nobody && !can_become_others() {
            println!("gap: this process cannot be another user");
            return None;
        }
        let place = Self {
            base: tempfile::tempdir().unwrap(),
            user,
        };
        for name in ["", "plugins", "granted", "home", "home/run", "home/tmp"] {
            let path = place.path().join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        for name in ["granted/file", "secret"] {
            place.write(name, "what it says");
        }
        if user == User::Nobody {
            for name in ["granted", "home", "home/run", "home/tmp"] {
                chown(place.path().join(name), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        Some(place)
    }

    pub(super) fn path(&self) -> &Path {
        self.base.path()
    }

    /// A plugin in Rust: an example of this crate.
    pub(super) fn add_program(&self, name: &str, arguments: &str) {
        let own = env::current_exe().unwrap();
        let examples = own.ancestors().nth(2).unwrap().join("examples");
        let program = fs::read(examples.join("plugin_hostile")).unwrap();
        self.write(&format!("plugins/{name}/main"), program);
        let entry = format!("{{ binary = \"main\", arguments = [{arguments}] }}");
        self.add_manifest(name, &entry, "protocol = 1");
    }

    /// A plugin in Python.
    pub(super) fn add_script(&self, name: &str, script: &str) {
        for file in fs::read_dir(SDK).unwrap().map(Result::unwrap) {
            if file.path().extension().is_some_and(|end| end == "py") {
                let file_name = file.file_name().into_string().unwrap();
                let inner = format!("plugins/{name}/linkspan_plugin/{file_name}");
                self.write(&inner, fs::read(file.path()).unwrap());
            }
        }
        self.write(&format!("plugins/{name}/main.py"), script);
        let entry = r#"{ script = "main.py", interpreter = "python3" }"#;
        self.add_manifest(name, entry, "protocol = 1");
    }

    /// The manifest of a plugin, which is there or not.
    pub(super) fn add_manifest(&self, name: &str, entry: &str, more: &str) {
        let granted = self.path().join("granted");
        let manifest = format!(
            "format = 1\nname = {name:?}\nversion = \"1.0\"\nsandbox = \"none\"\nentry = {entry}\n\
             capabilities = [\"fs.read:{}\"]\n{more}\n",
            granted.display()
        );
        self.write(&format!("plugins/{name}/plugin.toml"), manifest);
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A host that is yet to be started.
    pub(super) fn host(&self, part: Part, level: SandboxLevel) -> Command {
        let mut command = Command::new(readable_program());
        command
            .args(["--exact", "plugin_hostile::be_a_host", "--nocapture"])
            .env(PART, format!("{part:?} {}", level.name()))
            .env(BASE, self.path())
            .env("XDG_RUNTIME_DIR", self.path().join("home/run"))
            .env("TMPDIR", self.path().join("home/tmp"))
            .env_remove("RUNTIME_DIRECTORY")
            .current_dir("/");
        if self.user == User::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

/// Who this process is to be, if it is a host.
pub(super) fn own_part() -> Option<(Part, SandboxLevel, PathBuf)> {
    let text = env::var(PART).ok()?;
    let (part, level) = text.split_once(' ').unwrap();
    let mut parts = [Part::Attacked, Part::Killed, Part::Clean].into_iter();
    let part = parts.find(|known| format!("{known:?}") == part).unwrap();
    let mut levels = SandboxLevel::ALL.iter();
    let level = levels.find(|known| known.name() == level).unwrap();
    Some((part, *level, env::var_os(BASE).unwrap().into()))
}

/// A word that no other process has among its arguments, and that `sleep` takes.
pub(super) fn marker() -> String {
    let number = u32::from_le_bytes(os::random_bytes().unwrap());
    format!("900.{number:010}")
}

/// Whether a process has a word among its arguments.
pub(super) fn is_anybody(marker: &str) -> bool {
    let mut processes = fs::read_dir("/proc").unwrap().flatten();
    processes.any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line)
            .split('\0')
            .any(|word| word == marker)
    })
}

/// Root can, but for one in a user namespace that has no others.
fn can_become_others() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    os::effective_uid() == 0 && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// This program where everybody can start it: a copy, if it is in a directory that is not for all.
fn readable_program() -> PathBuf {
    let own = env::current_exe().unwrap();
    let is_open = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o5 == 0o5;
    if own.ancestors().all(is_open) {
        return own;
    }
    let copy = env::temp_dir().join(format!("linkspan-it-{}", std::process::id()));
    if !copy.exists() {
        fs::copy(&own, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    }
    copy
}

const NOBODY: u32 = 65_534;
const PART: &str = "LINKSPAN_TEST_HOST_PART";
const BASE: &str = "LINKSPAN_TEST_HOST_BASE";
const SDK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../sdk/python/linkspan_plugin"
);
