//! Wine: a Windows to run tests in, with a directory of its own as its disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::shell;

/// A Windows; its server ends with this.
#[derive(Debug)]
pub(crate) struct Wine {
    prefix: PathBuf,
}

impl Wine {
    /// Makes it, unless it is there.
    pub(super) fn set_up(directory: &Path) -> Result<Self> {
        let wine = Self {
            prefix: directory.join("wineprefix"),
        };
        let ready = wine.prefix.join(".ready");
        if !ready.exists() {
            let mut boot = shell::program(WINE);
            boot.args(["wineboot", "--init"])
                .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
                .stdin(Stdio::null())
                .stderr(Stdio::null());
            wine.choose(&mut boot);
            shell::run(&mut boot).context("Wine does not start")?;
            wine.add_random_numbers(directory)?;
            fs::write(ready, "")?;
        }
        Ok(wine)
    }

    /// Starts the server and its services; they end when nothing has run for a minute.
    ///
    /// Left to the first test, they would inherit its output and keep it open, and whoever reads that
    /// would wait for them.
    ///
    /// # Errors
    ///
    /// When Wine does not start.
    pub(crate) fn start(&self) -> Result<()> {
        for arguments in [&[SERVER, KEEP][..], &[WINE, "cmd", "/c", "exit"]] {
            let (program, arguments) = arguments.split_first().context("a program")?;
            let mut command = shell::program(program);
            self.choose(&mut command);
            command
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            shell::run(&mut command)?;
        }
        Ok(())
    }

    /// Makes cargo run Windows programs here. Tests learn by `UNDER_WINE` where they are.
    pub(crate) fn choose(&self, command: &mut Command) {
        command
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE)
            .env("UNDER_WINE", "1")
            .env("WINEDEBUG", "-all")
            .env("WINEPREFIX", &self.prefix)
            .env_remove("DISPLAY");
    }

    /// Adds a library that every Rust program needs and that Wine 8 lacks.
    fn add_random_numbers(&self, scratch: &Path) -> Result<()> {
        let library = self
            .prefix
            .join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return Ok(());
        }
        let source = scratch.join("bcryptprimitives.c");
        fs::write(&source, RANDOM_NUMBERS)?;
        let mut compiler = shell::program(super::LINKER);
        compiler
            .args(["-O2", "-s", "-shared", "-o"])
            .args([&library, &source])
            .arg("-ladvapi32");
        shell::run(&mut compiler)?;
        Ok(fs::remove_file(source)?)
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        let mut server = shell::program(SERVER);
        self.choose(&mut server);
        // It fails if no server runs; then there is nothing to end.
        server.arg("--kill").stderr(Stdio::null()).status().ok();
    }
}

/// The one function of the missing library that programs ask for, made of one that is there.
const RANDOM_NUMBERS: &str = r"
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length)
{
    const ULONG most = 1ul << 20;
    while (length > 0) {
        ULONG part = length < most ? (ULONG)length : most;
        if (!RtlGenRandom(bytes, part))
            return FALSE;
        bytes += part;
        length -= part;
    }
    return TRUE;
}
";

pub(super) const PACKAGE: &str = "wine64";
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
/// Seconds that the server waits for the next program; not for ever, lest it stay when we are
/// interrupted.
const KEEP: &str = "--persistent=60";
