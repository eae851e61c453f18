//! How a plugin begins (docs/protocol.md, section 23.1).

use std::io;
use std::path::PathBuf;

use os::sandbox::Exit;

use crate::plugin::check::CheckError;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::stop::{Stop, broken, ensure, skipped};
use crate::plugin::wire::{EXIT_USAGE, LIVE};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "by-hand",
        "23.1",
        "without LINKSPAN_PLUGIN_FD it says on standard error what it is, and exits with 64",
        |bench| Box::pin(by_hand(bench)),
    ),
    Clause::new(
        "wrong-descriptor",
        "23.1",
        "with a descriptor that is no connected socket it says so, and exits with 64",
        |bench| Box::pin(wrong_descriptor(bench)),
    ),
    Clause::new(
        "descriptor-kept",
        "23.1",
        "its children do not inherit the descriptor",
        |bench| Box::pin(descriptor_kept(bench)),
    ),
];

async fn by_hand(bench: &mut Bench) -> Result<(), Stop> {
    let mut subject = bench.launch(None).await?;
    let exit = subject.ended(bench.limit(bench.config().timeout)).await?;
    let (stdout, stderr) = (subject.said().stdout(), subject.said().stderr());
    ensure(
        exit == Exit::Code(EXIT_USAGE.into()),
        "exit code 64",
        format!("it {exit}"),
    )?;
    let manifest = bench.manifest();
    let range = manifest.protocol;
    let words = [
        manifest.name.to_string(),
        manifest.version.clone(),
        range.min.to_string(),
        range.max.to_string(),
    ];
    for word in words {
        let expected = format!("its name, version and protocol on standard error, with {word}");
        ensure(stderr.contains(&word), expected, shown(&stderr))?;
    }
    ensure(
        stdout.is_empty(),
        "nothing on standard output",
        shown(&stdout),
    )
}

async fn wrong_descriptor(bench: &mut Bench) -> Result<(), Stop> {
    let (pipe, _kept) = io::pipe().map_err(CheckError::Io)?;
    let mut subject = bench.launch(Some(pipe.into())).await?;
    let exit = subject.ended(bench.limit(bench.config().timeout)).await?;
    let stderr = subject.said().stderr();
    ensure(
        exit == Exit::Code(EXIT_USAGE.into()),
        "exit code 64",
        format!("it {exit}"),
    )?;
    ensure(
        !stderr.trim().is_empty(),
        "words on standard error",
        "nothing",
    )
}

async fn descriptor_kept(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    // Where there is no such file, nobody else can tell either.
    let path = PathBuf::from(format!("/proc/{}/fdinfo/{DESCRIPTOR}", run.subject.pid()));
    let Ok(info) = std::fs::read_to_string(path) else {
        return Err(skipped(
            "this system does not show what its descriptors are",
        ));
    };
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
    match flags {
        Some(flags) if flags & CLOSE_ON_EXEC != 0 => Ok(()),
        Some(_) => {
            let expected =
                format!("that descriptor {DESCRIPTOR} is closed in whatever it executes");
            Err(broken(expected, "it is not marked close-on-exec"))
        }
        None => Err(skipped(
            "this system does not show what its descriptors are",
        )),
    }
}

/// What a process wrote, for people.
fn shown(text: &str) -> String {
    match text.trim() {
        "" => "nothing".to_owned(),
        text => format!("{:?}", text.chars().take(SHOWN_CHARS).collect::<String>()),
    }
}

/// The number of the descriptor that plugins are started with.
const DESCRIPTOR: u32 = 3;
/// As Linux shows it.
const CLOSE_ON_EXEC: u32 = 0o2_000_000;
const SHOWN_CHARS: usize = 200;
