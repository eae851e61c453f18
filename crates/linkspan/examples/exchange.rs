//! A collector that answers which processes there are, and a program that asks it, in protobuf
//! messages of `detection.proto`.
//!
//! ```console
//! $ cargo run -q -p linkspan --features exchange,prost --example exchange
//! listening at unix:/tmp/exchange.sock
//! task-1 of uid:1000: "exchange"
//! task-2 of uid:1000: ""
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --features exchange,prost --example exchange exchange
//! task-1: process 4711 is exchange
//! task-1: process 4712 is exchange
//! task-2: the name to look for is empty
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs;

use linkspan::Address;
use linkspan::exchange::{Client, Context, Server};

use detection::{DetectionResult, DetectionTask, Process};

#[expect(
    unreachable_pub,
    reason = "generated code does not know where it will stand"
)]
#[path = "generated/detection.rs"]
mod detection;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("exchange.sock"));
    if let Some(name) = std::env::args().nth(1) {
        return ask(&address, name).await;
    }
    // It reads files, so it has threads of its own.
    let server = Server::new().blocking_message_handler(detect);
    let _serving = server.listen(&address).await?;
    println!("listening at {address}");
    std::future::pending().await
}

/// Asks for the processes of a name, and then something that has no answer.
async fn ask(address: &Address, name: String) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(address).await?;
    let mut task = DetectionTask {
        id: "task-1".into(),
        name_contains: name,
        ..DetectionTask::default()
    };
    show(client.message(&task).idempotent().receive().await?);
    (task.id, task.name_contains) = ("task-2".into(), String::new());
    show(client.call(&task).await?);
    Ok(())
}

fn show(result: DetectionResult) {
    let DetectionResult { id, error, .. } = result;
    if !error.is_empty() {
        println!("{id}: {error}");
    }
    for Process { pid, name, .. } in result.matches {
        println!("{id}: process {pid} is {name}");
    }
}

/// The collector's work. What goes wrong is a result, too: the frames know no errors.
#[expect(clippy::needless_pass_by_value, reason = "a handler owns what it gets")]
fn detect(task: DetectionTask, context: Context) -> Result<DetectionResult, DetectionResult> {
    let DetectionTask {
        id, name_contains, ..
    } = &task;
    println!("{id} of {}: {name_contains:?}", context.principal().name);
    let failed = |error: String| DetectionResult {
        id: id.clone(),
        error,
        ..DetectionResult::default()
    };
    if name_contains.is_empty() {
        return Err(failed("the name to look for is empty".into()));
    }
    let processes = processes().map_err(|error| failed(format!("no process table: {error}")))?;
    let examined = u32::try_from(processes.len()).unwrap_or(u32::MAX);
    let is_meant = |process: &Process| {
        process.name.contains(name_contains.as_str()) && process.cpu_ms >= task.min_cpu_ms
    };
    let mut matches: Vec<_> = processes.into_iter().filter(is_meant).collect();
    matches.sort_by_key(|process| process.pid);
    if task.max_matches > 0 {
        matches.truncate(usize::try_from(task.max_matches).unwrap_or(usize::MAX));
    }
    Ok(DetectionResult {
        id: task.id,
        matches,
        examined,
        error: String::new(),
    })
}

/// The processes of this machine, where the system has `/proc`.
fn processes() -> std::io::Result<Vec<Process>> {
    let entries = fs::read_dir("/proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(process).collect())
}

/// A process by its number, if it has not ended meanwhile.
fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses, and may contain some.
    let (start, rest) = stat.rsplit_once(") ")?;
    let (_, name) = start.split_once('(')?;
    let times = rest.split(' ').skip(USER_TIME).take(2);
    let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Process {
        pid,
        name: name.into(),
        cpu_ms: ticks.saturating_mul(TICK_MS),
    })
}

/// Fields between the name and the time in user mode; after it comes that in the kernel.
const USER_TIME: usize = 11;
/// Linux counts these times in hundredths of a second.
const TICK_MS: u64 = 10;
