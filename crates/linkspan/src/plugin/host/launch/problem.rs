//! Why a program does not run here.

use std::path::Path;

use os::sandbox::Exit;
use thiserror::Error;

use crate::plugin::host::launch::elf::Elf;
use crate::plugin::wire::EXIT_USAGE;

/// Why a program does not run here. Texts that come from the program are shown escaped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is for another sort of machine.
    #[error("it is for {built_for}, and this machine is {here}")]
    Architecture {
        /// The machine that it is for.
        built_for: String,
        /// This one.
        here: &'static str,
    },
    /// It is for another operating system.
    #[error("it is for {system}, and this is {here}")]
    System {
        /// The system that it is for.
        system: &'static str,
        /// This one.
        here: &'static str,
    },
    /// It is a script.
    #[error("it is a script that begins with {line:?}, not a program")]
    Script {
        /// Its first line.
        line: String,
    },
    /// It is nothing that can be run.
    #[error("it is not a program of any sort that is known")]
    NotAProgram,
    /// What loads it is not here, or out of its reach.
    #[error("it is loaded by {path:?}, which is not here or which it cannot reach")]
    Loader {
        /// The loader.
        path: String,
    },
    /// A library that it needs is not here, or out of its reach.
    #[error("it needs the library {name:?}, which is not here or which it cannot reach")]
    Library {
        /// The library.
        name: String,
    },
    /// A library that it needs is here, but too old.
    #[error("it needs {version:?}, and the library here is older")]
    LibraryVersion {
        /// What it needs of it.
        version: String,
    },
    /// A module that it imports is not here.
    #[error("it needs the module {name:?}, which is not here")]
    Module {
        /// The module.
        name: String,
    },
    /// It did not find the connection with its host.
    #[error("it did not take the connection that was passed to it as descriptor 3")]
    NoConnection,
}

impl Problem {
    /// What the beginning of a program says that the system would not run.
    pub(super) fn of_program(head: &[u8]) -> Option<Self> {
        if let Some(elf) = Elf::read(head) {
            return Self::of_elf(&elf);
        }
        let system = |system| {
            let here = std::env::consts::OS;
            Self::System { system, here }
        };
        Some(match head {
            [b'#', b'!', ..] => Self::Script {
                line: first_line(head),
            },
            [b'M', b'Z', ..] => system("Windows"),
            [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => system("macOS"),
            _ => Self::NotAProgram,
        })
    }

    fn of_elf(elf: &Elf) -> Option<Self> {
        if !elf.is_for_here() {
            return Some(Self::Architecture {
                built_for: elf.architecture(),
                here: std::env::consts::ARCH,
            });
        }
        let path = elf.loader.clone()?;
        let is_there = Path::new(&path).exists() && path.starts_with('/');
        let is_of_system = SYSTEM.iter().any(|part| Path::new(&path).starts_with(part));
        (!is_there || !is_of_system).then_some(Self::Loader { path })
    }

    /// What a program that ended too early said about it.
    pub(super) fn of_end(exit: &Exit, last_lines: &[String]) -> Option<Self> {
        let mut lines = last_lines.iter().rev();
        let said = lines.find_map(|line| Self::of_line(line));
        let is_usage = *exit == Exit::Code(EXIT_USAGE.into());
        said.or_else(|| is_usage.then_some(Self::NoConnection))
    }

    fn of_line(line: &str) -> Option<Self> {
        let until = |text: &str, end: char| text.split(end).next().unwrap_or_default().to_owned();
        if let Some((_, rest)) = line.split_once("error while loading shared libraries: ") {
            return Some(Self::Library {
                name: until(rest, ':'),
            });
        }
        // musl's words.
        if let Some(rest) = line.strip_prefix("Error loading shared library ") {
            return Some(Self::Library {
                name: until(rest, ':'),
            });
        }
        if let Some((_, rest)) = line.split_once("version `")
            && rest.contains("' not found")
        {
            return Some(Self::LibraryVersion {
                version: until(rest, '\''),
            });
        }
        let rest = line.strip_prefix("ModuleNotFoundError: No module named '")?;
        Some(Self::Module {
            name: until(rest, '\''),
        })
    }

    /// What can be done about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Architecture { .. } | Self::System { .. } => {
                "build the plugin for this machine, or install the package that is for it"
            }
            Self::Script { .. } => {
                "say so in the manifest, as in `entry: { script: main.py, interpreter: python3 }`"
            }
            Self::NotAProgram => "name in the manifest by `entry` what is to run",
            Self::Loader { .. } | Self::Library { .. } => {
                "link the plugin statically, install what it needs in a directory of the system, or \
                 grant it where that is by `fs.read:PATH`"
            }
            Self::LibraryVersion { .. } => "build the plugin on a system as old as this one",
            Self::Module { .. } => {
                "a plugin has the system's modules and those in its own folder: put it there, and into \
                 `include`"
            }
            Self::NoConnection => {
                "the plugin has to take its connection from LINKSPAN_PLUGIN_FD, as the SDKs do"
            }
        }
    }
}

fn first_line(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.chars().take(SHOWN_CHARACTERS).collect()
}

/// Where sandboxes leave the system's loaders within reach.
const SYSTEM: [&str; 5] = ["/lib", "/lib32", "/lib64", "/libx32", "/usr"];
const SHOWN_CHARACTERS: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_when_they_cannot_go_on_is_understood() {
        let library = |name: &str| Some(Problem::Library { name: name.into() });
        for (line, problem) in [
            (
                "main: error while loading shared libraries: libz.so.9: cannot open shared object file",
                library("libz.so.9"),
            ),
            (
                "Error loading shared library libz.so.9: No such file or directory (needed by main)",
                library("libz.so.9"),
            ),
            (
                "main: /lib/libc.so.6: version `GLIBC_9.9' not found (required by main)",
                Some(Problem::LibraryVersion {
                    version: "GLIBC_9.9".into(),
                }),
            ),
            (
                "ModuleNotFoundError: No module named 'numpy'",
                Some(Problem::Module {
                    name: "numpy".into(),
                }),
            ),
            ("KeyError: 'numpy'", None),
        ] {
            let lines = ["before".to_owned(), line.to_owned(), "after".to_owned()];
            assert_eq!(Problem::of_end(&Exit::Code(1), &lines), problem, "{line}");
        }
        let found = Problem::of_end(&Exit::Code(64), &[]);
        assert_eq!(found, Some(Problem::NoConnection));
    }

    #[test]
    fn what_is_no_program_of_this_system_is_named() {
        for (head, words) in [
            (
                &b"#!/usr/bin/env python3\nprint()"[..],
                "python3\", not a program",
            ),
            (b"MZ\x90\0", "for Windows"),
            (b"\xcf\xfa\xed\xfe", "for macOS"),
            (b"hello", "not a program"),
            (b"", "not a program"),
        ] {
            let text = Problem::of_program(head).unwrap().to_string();
            assert!(text.contains(words), "{text}");
        }
    }
}
