//! Instructions per call, counted by valgrind: they do not depend on the machine's mood.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{Launcher, Order, Wrapper};
use crate::report::Table;
use crate::scenarios::{Fixed, Setting, Work};

/// Counts, and prints a table.
pub(crate) fn run() -> Result<()> {
    let valgrind = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    ensure!(
        valgrind.is_ok_and(|status| status.success()),
        "valgrind is not installed, and without it no instructions can be counted"
    );
    let mut table = Table::new(["peer", "in flight", "client", "server", "together"]);
    for (peer, in_flight) in CASES {
        let each = count(peer, in_flight)?;
        table.add([
            peer.to_owned(),
            in_flight.to_string(),
            format!("{:.0}", each.client),
            format!("{:.0}", each.server),
            format!("{:.0}", each.client + each.server),
        ]);
    }
    println!("Instructions in user space per call of 64 bytes\n\n{table}");
    Ok(())
}

#[derive(Debug)]
struct Counts {
    client: f64,
    server: f64,
}

/// What a call adds: two runs of different length differ by calls alone.
fn count(peer: &str, in_flight: usize) -> Result<Counts> {
    let few = collect(peer, in_flight, FEW)?;
    let many = collect(peer, in_flight, MANY)?;
    let calls = (MANY - FEW) as f64;
    Ok(Counts {
        client: (many.client - few.client) / calls,
        server: (many.server - few.server) / calls,
    })
}

fn collect(peer: &str, in_flight: usize, calls: usize) -> Result<Counts> {
    let order = Order {
        peer: peer.to_owned(),
        setting: Setting::OneThread,
        work: Work::Fixed(Fixed {
            calls: calls / in_flight,
            in_flight,
        }),
        server: None,
    };
    let launcher = Launcher::wrapped(Wrapper {
        words: vec![
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
        ],
        // They have no name, so nothing is left of them.
        server_log: tempfile::tempfile()?,
        client_log: tempfile::tempfile()?,
    });
    launcher.sample(order)?;
    let logs = launcher
        .into_wrapper()
        .context("the launcher was made with one")?;
    Ok(Counts {
        client: collected(logs.client_log)?,
        server: collected(logs.server_log)?,
    })
}

/// The sum that callgrind writes at its end, in a line like `==7== Collected : 1234`.
fn collected(mut log: File) -> Result<f64> {
    let mut text = String::new();
    log.rewind()?;
    log.read_to_string(&mut text)?;
    let sum = text
        .lines()
        .rev()
        .find_map(|line| Some(line.split_once("Collected : ")?.1));
    let sum = sum.with_context(|| format!("valgrind counted nothing:\n{text}"))?;
    Ok(sum.trim().parse()?)
}

const CASES: [(&str, usize); 7] = [
    ("tokio", 1),
    ("linkspan-unix", 1),
    ("linkspan-unchecked", 1),
    ("linkspan-unix", 64),
    ("linkspan-unchecked", 64),
    ("tokio-frames", 1),
    ("exchange-tokio", 1),
];
const FEW: usize = 6_400;
const MANY: usize = 25_600;
