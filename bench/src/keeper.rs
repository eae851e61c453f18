//! A server that is another program, and ends with this process, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A shell that keeps a program: it ends it when its own input ends.
pub(crate) struct Keeper {
    shell: Child,
    /// The process of the program.
    pub(crate) process: u32,
}

impl Keeper {
    /// Starts a program, whose output goes to the file `log`.
    pub(crate) fn start(
        program: &Path,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "sh"]).arg(log).arg(program);
        command.args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn()?;
        let output = shell.stdout.take().context("no output of the shell")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let process = said.trim().parse();
        Ok(Self {
            shell,
            process: process.context("the shell does not tell the program's process")?,
        })
    }

    /// Waits until something is there that the program makes when it is ready.
    pub(crate) fn wait_for<T>(&mut self, look: impl Fn() -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(found) = look() {
                return Ok(found);
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("process {} does not get ready", self.process)
    }
}

impl Drop for Keeper {
    /// Waiting closes the shell's input first.
    fn drop(&mut self) {
        self.shell.wait().ok();
    }
}

const SCRIPT: &str = r#"
log=$1
shift
"$@" </dev/null >"$log" 2>&1 &
echo $!
read -r _
kill $!
wait $!
"#;
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_its_keeper() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let script = ["-c", "echo ready; exec sleep 1000"];
        let mut keeper = Keeper::start(Path::new("/bin/sh"), script, &log).unwrap();
        let said = || std::fs::read_to_string(&log).ok();
        let is_ready = || said().filter(|said| said == "ready\n");
        keeper.wait_for(is_ready).unwrap();
        let process = keeper.process;
        drop(keeper);
        assert!(!Path::new(&format!("/proc/{process}")).exists());
    }
}
