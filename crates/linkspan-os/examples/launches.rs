//! Measures how long launches take at each level, and what a program costs that does nothing.
//!
//! `cargo run --release -p linkspan-os --example launches -- 500` does so in a host that has 500 MB,
//! the half of which it changes between two launches.

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use linkspan_os::sandbox::{Launch, LaunchError, Level, Program, Running};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let megabytes = env::args().nth(1).map_or(Ok(0), |word| word.parse())?;
    let mut ballast = vec![1_u8; megabytes << 20];
    for level in [Level::None, Level::Basic, Level::Strict] {
        match measure(level, &mut ballast) {
            Ok(figures) => print(&format!("{level}: {figures}")),
            Err(error) => match error.downcast_ref() {
                Some(LaunchError::Unavailable { .. }) => print(&format!("{level}: {error}")),
                _ => return Err(error),
            },
        }
    }
    Ok(())
}

fn measure(level: Level, ballast: &mut [u8]) -> Result<String, Failure> {
    let mut times = Vec::new();
    for _ in 0..LAUNCHES {
        let launch = Launch::new(Program::open("/usr/bin/true")?, level);
        let began = Instant::now();
        let mut running = launch.start()?;
        times.push(began.elapsed());
        running.wait(Instant::now() + Duration::from_secs(10))?;
    }
    times.sort_unstable();
    let [half, nine] = [50, 90].map(|percent| times.get(times.len() * percent / 100));
    let (half, nine) = (half.copied().unwrap_or_default(), nine.copied());
    let plain = plain_kilobytes()?;
    let before = available_kilobytes()?;
    let mut idle = Vec::new();
    for round in 0..IDLE {
        idle.push(sleeping(level)?);
        let half = ballast.len() / 2;
        for page in ballast.iter_mut().take(half).step_by(4096) {
            *page = page.wrapping_add(round);
        }
    }
    settle(&idle)?;
    let each = before.saturating_sub(available_kilobytes()?) / u64::from(IDLE);
    let parents = idle.iter().map(parent_kilobytes);
    let parents: u64 = parents.sum::<Result<u64, Failure>>()?;
    Ok(format!(
        "launched in {half:.1?} (p90 {:.1?}); idle, with the sleep that it is, {each} kB of the \
         machine's memory (a sleep alone: {plain} kB), its parent has {} kB of its own",
        nine.unwrap_or_default(),
        parents / u64::from(IDLE),
    ))
}

fn sleeping(level: Level) -> Result<Running, Failure> {
    let mut launch = Launch::new(Program::open("/usr/bin/sleep")?, level);
    launch.arguments = vec!["60".into()];
    Ok(launch.start()?)
}

/// What one such program takes of the machine's memory without any launcher.
fn plain_kilobytes() -> Result<u64, Failure> {
    let before = available_kilobytes()?;
    let start = |_| Command::new("/usr/bin/sleep").arg("60").spawn();
    let mut children = (0..IDLE).map(start).collect::<io::Result<Vec<Child>>>()?;
    std::thread::sleep(Duration::from_millis(500));
    let each = before.saturating_sub(available_kilobytes()?) / u64::from(IDLE);
    for child in &mut children {
        child.kill()?;
        child.wait()?;
    }
    Ok(each)
}

/// Waits until the parents are done with what they do at first.
fn settle(idle: &[Running]) -> Result<(), Failure> {
    let total = || idle.iter().map(parent_kilobytes).sum::<Result<u64, _>>();
    let mut last = total()?;
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let now = total()?;
        if now == last {
            return Ok(());
        }
        last = now;
    }
}

/// Its own pages and the tables of them.
fn parent_kilobytes(running: &Running) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid()))?;
    let parent = number(&status, "PPid:")?;
    let status = fs::read_to_string(format!("/proc/{parent}/status"))?;
    Ok(number(&status, "RssAnon:")? + number(&status, "VmPTE:")?)
}

fn available_kilobytes() -> Result<u64, Failure> {
    number(&fs::read_to_string("/proc/meminfo")?, "MemAvailable:")
}

fn number(text: &str, name: &str) -> Result<u64, Failure> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next());
    Ok(word.ok_or("the system does not tell")?.parse()?)
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn print(text: &str) {
    println!("{text}");
}

const LAUNCHES: u32 = 50;
const IDLE: u8 = 100;
