//! Starts itself as a daemon, waits until that is ready, shows what it said, and ends it.
//!
//! `cargo run -p linkspan-os --example detached`

use std::env;
use std::error::Error;
use std::fs::OpenOptions;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use linkspan_os::{ReadySender, Spawn};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match ReadySender::from_environment() {
        Some(sender) => daemon(sender),
        None => starter(),
    }
}

fn starter() -> Result<ExitCode, Box<dyn Error>> {
    let log = env::temp_dir().join("linkspan-detached.log");
    let log = OpenOptions::new().append(true).create(true).open(log)?;
    let mut spawned = Spawn::new(env::current_exe()?, log).detached()?;
    let ready = spawned.wait_ready(Instant::now() + Duration::from_secs(10))?;
    let text = ready.text;
    print(&format!("the daemon says: {text}"));
    spawned.process().kill()?;
    Ok(ExitCode::SUCCESS)
}

fn daemon(sender: ReadySender) -> Result<ExitCode, Box<dyn Error>> {
    let names: Vec<_> = env::vars().map(|(name, _)| name).collect();
    let directory = env::current_dir()?;
    let directory = directory.display();
    sender.ready(&format!(
        "at {directory} with {} variables {names:?}",
        names.len()
    ))?;
    thread::sleep(Duration::from_secs(60));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn print(text: &str) {
    println!("{text}");
}
