//! A C compiler for targets whose code is only checked.
//!
//! Some crates compile C in their build scripts, although nothing is linked when code is only
//! checked. For systems that this machine has no C compiler for, a stand-in makes empty files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Programs that take a C compiler's arguments, and those of an archiver.
#[derive(Debug)]
pub(super) struct StandIn {
    directory: PathBuf,
}

impl StandIn {
    /// Writes them, over those that are there.
    pub(super) fn set_up(directory: &Path) -> Result<Self> {
        let directory = directory.join("stand-in");
        fs::create_dir_all(&directory)?;
        for (name, script) in [(COMPILER, COMPILING), (ARCHIVER, ARCHIVING)] {
            let path = directory.join(name);
            fs::write(&path, script)
                .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o755)))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(Self { directory })
    }

    /// Has build scripts use them for a target.
    pub(super) fn choose(&self, cargo: &mut Command, target: &str) {
        let target = target.replace('-', "_");
        for (variable, program) in [("CC", COMPILER), ("AR", ARCHIVER)] {
            cargo.env(format!("{variable}_{target}"), self.directory.join(program));
        }
    }
}

const COMPILER: &str = "cc";
const COMPILING: &str = "#!/bin/sh
for word in \"$@\"; do
    [ \"$before\" = -o ] && : > \"$word\"
    before=$word
done
exit 0
";
const ARCHIVER: &str = "ar";
const ARCHIVING: &str = "#!/bin/sh
for word in \"$@\"; do
    case $word in *.a) : > \"$word\" ;; esac
done
";
