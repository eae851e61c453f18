//! Disks that only the test and its daemons see.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::bed::{Bed, example, note};

/// A small disk of its own at the place of a bed's runtime directory, which only programs that are
/// started by this value see.
pub(super) struct Disk {
    /// Keeps the mounts; ends with its input, however the test ends.
    keeper: Child,
    bed: Bed,
}

impl Disk {
    /// Mounts one with these options. None, and a word about it, where this user may not mount.
    pub(super) fn mount(options: &str) -> Option<Self> {
        let bed = Bed::new();
        let script = r#"mount -t tmpfs -o "$0" tmpfs "$1" && echo mounted && exec cat"#;
        let keeper = Command::new("unshare")
            .args(["--mount", "sh", "-c", script, options])
            .arg(bed.runtime.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut disk = Self {
            keeper: keeper.ok()?,
            bed,
        };
        let mut said = String::new();
        let mut output = BufReader::new(disk.keeper.stdout.as_mut()?);
        output.read_line(&mut said).ok()?;
        if said != "mounted\n" {
            note("not tested: this user may not mount");
            return None;
        }
        Some(disk)
    }

    /// Runs the example there.
    pub(super) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        let mut command = self.enter();
        command.arg(example("daemon").get_program()).args(arguments);
        command.output().unwrap()
    }

    /// Runs it where the disk cannot be written, while others can.
    pub(super) fn run_read_only(&self, arguments: &[&str]) -> Output {
        let script = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;
        let mut command = self.enter();
        command
            .args(["unshare", "--mount", "sh", "-c", script])
            .arg(self.bed.runtime.path())
            .arg(example("daemon").get_program())
            .args(arguments);
        command.output().unwrap()
    }

    /// Starts a program there, which is to be given.
    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        let keeper = self.keeper.id().to_string();
        self.bed
            .furnish(&mut command)
            .args(["--target", &keeper, "--mount"]);
        command
    }

    /// Mounts it again, with other options.
    pub(super) fn remount(&self, options: &str) {
        let mut command = self.enter();
        let options = format!("remount,{options}");
        let mount = command
            .args(["mount", "-o", &options])
            .arg(self.bed.runtime.path());
        assert!(mount.status().unwrap().success());
    }

    /// Writes to a file until there is no room.
    pub(super) fn fill(&self) {
        let mut file = std::fs::File::create(self.path("filling")).unwrap();
        let error = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    /// A file on the disk, as it is seen from outside.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.id());
        let inside = self.bed.runtime.path().strip_prefix("/").unwrap();
        Path::new(&root).join(inside).join(name)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.run(["--daemon", "stop"]);
        self.keeper.kill().ok();
        self.keeper.wait().ok();
    }
}
