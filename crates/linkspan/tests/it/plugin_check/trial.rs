//! Plugins in folders of their own, and checks of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use linkspan::plugin::check::{Check, Clause, Config, Report};
use linkspan::plugin::{self, Pins, Verified};

/// A plugin that is checked.
pub(super) struct Trial {
    base: tempfile::TempDir,
    pub(super) config: Config,
}

impl Trial {
    /// A plugin in Python of this name, with these tables at the end of its manifest.
    pub(super) fn new(name: &str, tables: &str, program: &str) -> Self {
        let entry = r#"{ script = "main.py", interpreter = "python3" }"#;
        let trial = Self::of_manifest(name, entry, tables);
        let sdk = trial.folder().join("linkspan_plugin");
        make(&sdk);
        for entry in fs::read_dir(SDK).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                write(
                    &sdk.join(path.file_name().unwrap()),
                    &fs::read(&path).unwrap(),
                );
            }
        }
        write(&trial.folder().join("main.py"), program.as_bytes());
        trial
    }

    /// A plugin in Rust: an example of this crate.
    pub(super) fn of_example(example: &str, name: &str, tables: &str) -> Self {
        let trial = Self::of_manifest(name, r#"{ binary = "main" }"#, tables);
        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.set_file_name("examples");
        fs::copy(program.join(example), trial.folder().join("main")).unwrap();
        trial
    }

    fn of_manifest(name: &str, entry: &str, tables: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        // Where root runs plugins as users of their own, these have to get to their files.
        fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        let mut config = Config::default();
        config.copies = Some(base.path().join("copies"));
        // Others build and test on the same machine.
        (config.timeout, config.slack) = (Duration::from_secs(10), Duration::from_secs(10));
        let trial = Self { base, config };
        make(&trial.folder());
        let manifest = format!(
            "format = 1\nname = {name:?}\nversion = \"1.0\"\nprotocol = 1\nentry = {entry}\n{tables}"
        );
        write(&trial.folder().join("plugin.toml"), manifest.as_bytes());
        trial
    }

    /// A plugin whose program is more than its beginning and its end.
    pub(super) fn of_program(name: &str, tables: &str, program: &str) -> Self {
        let program = format!(
            "{BEGINNING}plugin = Plugin({name:?}, \"1.0\", threads=8)\n{program}\nplugin.run()\n"
        );
        Self::new(name, tables, &program)
    }

    /// Checks it.
    pub(super) async fn run(&self, clauses: impl IntoIterator<Item = &'static Clause>) -> Report {
        let mut config = plugin::Config::default();
        config.pins = Pins::Optional;
        let verified = Verified::open(&self.folder(), &config).unwrap();
        let mut check = Check::new(&verified, self.config.clone()).unwrap();
        check.run(clauses, |_| {}).await.unwrap()
    }

    fn folder(&self) -> PathBuf {
        self.base.path().join("plugin")
    }
}

/// Names of the clauses that were broken.
pub(super) fn broken(report: &Report) -> Vec<&'static str> {
    report
        .broken()
        .map(|outcome| outcome.clause.name())
        .collect()
}

fn make(folder: &Path) {
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}

const SDK: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../sdk/python/linkspan_plugin"
);

/// The example of the SDK, and what its manifest says of it.
pub(super) const GREETER: &str = include_str!("../../../../../sdk/python/examples/greeter.py");
pub(super) const GREETER_METHODS: &str = r#"
[methods.greet]
pure = true
input = { type = "object", properties = { name = { type = "string" } }, required = ["name"] }
[methods.greet_all]
pure = true
[methods.letters]
pure = true
input = { type = "object", properties = { name = { type = "string" } }, required = ["name"] }
[methods.echo]
pure = true
[methods.ask_host]
[events]
in = ["people/+/arrived"]
out = ["people/+/greeted"]
"#;

const BEGINNING: &str = "
import logging, os, struct, sys, time, zlib
from typing import Iterable
import linkspan_plugin.handshake, linkspan_plugin.plugin as sdk
from linkspan_plugin import Context, Plugin, frame, logs, reader, session, stream
";
