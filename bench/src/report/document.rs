//! `docs/benchmarks.md`: what a run says, around what a person wrote.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};

use crate::report::{machine_line, plots, table, targets};
use crate::results::Results;
use crate::scenarios;

/// Writes the document and its plots into a directory; notes in an older document stay.
pub(crate) fn write(directory: &Path, results: &Results) -> Result<()> {
    let path = directory.join("benchmarks.md");
    let old = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        old => old.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let plots_directory = directory.join("benchmarks");
    fs::create_dir_all(&plots_directory)?;
    let plots = plots::write(&plots_directory, results)?;
    let text = text(results, &plots, notes(&old))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(writeln!(io::stdout(), "\nwrote {}", path.display())?)
}

fn text(results: &Results, plots: &[(String, String)], notes: &str) -> Result<String> {
    let mut text = String::new();
    let machine = &results.machine;
    writeln!(text, "# Benchmarks\n")?;
    writeln!(
        text,
        "Measured on {} by `cargo xtask bench`, which writes this file.\n",
        machine.date()
    )?;
    writeln!(text, "On {}.", machine_line(machine))?;
    if machine.load > QUIET {
        writeln!(
            text,
            "\n**The machine was not quiet: other programs ran before this run began, \
            and probably during it. Look at ratios only, and at them with doubt.**"
        )?;
    }
    let mut peers = versions(LOCK);
    peers.extend(results.brought.iter().cloned());
    let peers = peers.join(", ");
    writeln!(
        text,
        "\nPeers: {peers}; *std*, *tokio* and those \
        with *-frames* or beginning with *std-* are bare Unix sockets."
    )?;
    writeln!(text, "\n## Targets\n\n{}", targets(results))?;
    writeln!(text, "{}", method(results))?;
    writeln!(text, "{START}\n{notes}{END}")?;
    for scenario in scenarios::ALL {
        writeln!(text, "\n## {}\n\n{}\n", scenario.title, scenario.text)?;
        write!(text, "{}", table(scenario, results))?;
        for (_, plot) in plots.iter().filter(|(name, _)| name == scenario.name) {
            writeln!(text, "\n![{}](benchmarks/{plot})", scenario.title)?;
        }
    }
    Ok(text)
}

fn method(results: &Results) -> String {
    format!(
        "\
## Method, and how to read this

Server and client are two processes, started afresh for each sample. Unless a table says otherwise,
each has a tokio runtime of one thread (*std* has plain threads), so that on two cores each can have one.
The peers take turns: in each of the {rounds} rounds every peer is measured once, in every second round
in reverse order. A sample takes {seconds} s after a warm-up of a fifth of that, or streams as much
as the text says. Every answer is verified by the client, and every stream's length.

A figure is the median of the rounds. **Compare ratios, not figures**: a ratio is taken within each
round, between neighbours in time, and its median is shown; it can differ a little from the ratio
of the medians. `p50 µs ÷ tokio` of 1.10 is a median latency 10 % above the bare tokio socket's, and
`per second ÷ tarpc` of 3.00 is three times tarpc's rate.

`linkspan-unchecked` is the Unix socket with checksums off. The peers run with their defaults, but
for the length of messages, where all take 64 MiB (exchanges 1 MiB), and for Linkspan's number of
connections, as the defaults of 100 and 16 are too few for some tables. `-interprocess` and `-legacy`
are Linkspan's other backends of local sockets, on both sides.

`linkspan-daemon`, `std-command` and `echo` are programs that the client starts, by themselves and
not by a shell, with a pipe for their output and nothing for input; the bench reads the pipe in
pieces of 64 KiB and compares every byte. `linkspan-daemon` is a small program of a package of its own,
so that it has no more of Linkspan than a user's has with the feature `daemon` alone. It is copied into
a new directory for each sample, where its daemon lives, too. Commands before those that count, three
or an eighth of the stream, see to it that its file is in memory. Its settings are the defaults, but
for the time after which an idle daemon ends. With 50 commands in a sample, p99 is the slowest one.
MB are millions of bytes.

`linkspan-plugin` and its like are plugins of a host with default settings, and the host is the client: it
starts them, calls them, and ends them. The plugin in Rust is a package of its own with the feature
`plugin-guest` alone, built as a user's, and answers with the same code as `linkspan-unix`; the one in Python
has the SDK beside it. Each sample has a new host and new folders. A level of sandbox that a system cannot make
is left out.

`daemon-cli` takes part when `LINKSPAN_BENCH_DAEMON_CLI` names a program that uses that crate, as it cannot be
built from here. `bench/src/peers/daemon_cli.rs` says what such a program has to do: the same as ours, and
its output is compared as ours is.

Brokers are processes of their own, with default settings: `linkspan-bus` is ours with our clients, and
`linkspan-busrt` is ours with clients of busrt's library; `busrt` is the broker in that library with the same
clients. All these are on a runtime of one thread, and use a Unix socket. `nats` is nats-server, a program
with threads of its own, by async-nats over TCP, as it has no Unix socket. All clients of a sample are in one other process, on one thread, with a connection each.
*Broker CPU* is user and system time by the kernel's count, which has steps of 10 ms. Whoever receives a
publication looks at its length, its content and its number: none may overtake another one.
`cargo xtask bench tool` has the benchmark of the program `busrt` measure both brokers instead.
",
        rounds = results.rounds,
        seconds = results.seconds,
    )
}

/// What a person wrote between the marks.
fn notes(old: &str) -> &str {
    let after = old
        .split_once(START)
        .map(|(_, after)| after.trim_start_matches('\n'));
    let between = after
        .and_then(|after| after.split_once(END))
        .map(|(between, _)| between);
    between.unwrap_or_default()
}

/// The peers in a lock file, with their versions.
fn versions(lock: &str) -> Vec<String> {
    let packages = lock.split("[[package]]").filter_map(|package| {
        let value = |key: &str| {
            let mut lines = package.lines();
            lines
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
                .map(unquoted)
        };
        Some((value("name")?, value("version")?))
    });
    let peers = packages.filter(|(name, _)| PEERS.contains(name));
    peers
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('"')
}

const START: &str = "<!-- notes: what is between these marks is written by hand and stays -->";
const END: &str = "<!-- end of the notes -->";
const PEERS: &[&str] = &["async-nats", "busrt", "tarpc", "tokio", "tonic"];
const LOCK: &str = include_str!("../../Cargo.lock");

/// The load up to which a machine counts as quiet.
const QUIET: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::empty;

    #[test]
    fn notes_survive() {
        let first = text(&empty(), &[], "").unwrap();
        assert_eq!(notes(&first), "");
        let written = first.replace(END, &format!("## Flames\n\nHot.\n{END}"));
        let second = text(&empty(), &[], notes(&written)).unwrap();
        assert_eq!(notes(&second), "## Flames\n\nHot.\n");
        assert_eq!(text(&empty(), &[], notes(&second)).unwrap(), second);
    }

    #[test]
    fn all_peers_have_a_version() {
        assert_eq!(versions(LOCK).len(), PEERS.len(), "{:?}", versions(LOCK));
    }
}
