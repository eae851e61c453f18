//! A program for trying what its daemon promises.
//!
//! ```console
//! $ daemon [--id ID] cat                      copies stdin to stdout
//! $ daemon [--id ID] blast BYTES              writes so many bytes
//! $ daemon [--id ID] sleep SECONDS [--silent] waits, and says so every tenth of a second
//! $ daemon [--id ID] exit CODE                ends with this code
//! $ daemon [--id ID] pid                      prints the daemon's process id
//! $ daemon [--id ID] args ...                 prints the arguments, each followed by a zero byte
//! $ daemon [--id ID] fail                     fails with an error that has causes
//! ```
//!
//! `--no-daemon` and `--daemon status | stop | restart | logs | doctor` stand after the id.

use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use linkspan::daemon::{Build, Command, DaemonId, ExitCode, LifecycleConfig, Program};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> std::process::ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let mut id = "daemon-example".to_owned();
    if arguments.get(1).is_some_and(|flag| flag == "--id") && arguments.len() > 2 {
        id = arguments.remove(2).to_string_lossy().into_owned();
        arguments.remove(1);
    }
    let Ok(id) = DaemonId::new(id) else {
        return std::process::ExitCode::from(2);
    };
    let mut lifecycle = LifecycleConfig::default();
    lifecycle.check_interval = Duration::from_secs(1);
    // So that one program can play two builds of itself.
    lifecycle.daemon_environment.push(BUILD.into());
    let mut program = Program::new("daemon", run).arguments(arguments).id(id);
    if let Ok(build) = std::env::var(BUILD) {
        program = program.build_id(Build::named(build));
    }
    program.lifecycle(lifecycle).main()
}

async fn run(mut command: Command) -> Result<ExitCode, Failure> {
    let words: Vec<_> = command.arguments.iter().skip(1).cloned().collect();
    let word = |place: usize| words.get(place).and_then(|word| word.to_str());
    match (word(0), word(1)) {
        (Some("cat"), _) => cat(&mut command).await,
        (Some("blast"), Some(bytes)) => blast(&mut command, bytes.parse()?).await,
        (Some("sleep"), Some(seconds)) => {
            let is_silent = word(2) == Some("--silent");
            sleep(&mut command, seconds.parse()?, is_silent).await
        }
        (Some("exit"), Some(code)) => Ok(ExitCode::new(code.parse()?)),
        (Some("pid"), _) => {
            let line = format!("{}\n", std::process::id());
            command.stdout.write_chunk(line).await?;
            Ok(ExitCode::SUCCESS)
        }
        (Some("args"), _) => {
            for word in words.iter().skip(1) {
                let zero = [word.as_encoded_bytes(), b"\0"].concat();
                command.stdout.write_chunk(&zero).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        (Some("fail"), _) => {
            let cause = io::Error::new(io::ErrorKind::NotFound, "no such word");
            Err(Box::new(io::Error::other(cause)))
        }
        _ => Err("cat, blast, sleep, exit, pid, args or fail is wanted".into()),
    }
}

async fn cat(command: &mut Command) -> Result<ExitCode, Failure> {
    while let Some(chunk) = command.stdin.next_chunk().await? {
        command.stdout.write_chunk(&chunk).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn blast(command: &mut Command, bytes: u64) -> Result<ExitCode, Failure> {
    let piece = vec![b'x'; PIECE_BYTES];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left)?.min(PIECE_BYTES);
        let part = piece.get(..length).unwrap_or_default();
        command.stdout.write_chunk(part).await?;
        left -= length as u64;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for a time or for being cancelled.
async fn sleep(command: &mut Command, seconds: f64, is_silent: bool) -> Result<ExitCode, Failure> {
    let cancellation = command.cancellation.clone();
    let until = tokio::time::Instant::now() + Duration::try_from_secs_f64(seconds)?;
    loop {
        let step = match is_silent {
            true => until,
            false => until.min(tokio::time::Instant::now() + Duration::from_millis(100)),
        };
        tokio::select! {
            _ = cancellation.cancelled() => return Ok(ExitCode::CANCELLED),
            () = tokio::time::sleep_until(step) => {}
        }
        if tokio::time::Instant::now() >= until {
            return Ok(ExitCode::SUCCESS);
        }
        if !is_silent {
            command.stdout.write_chunk("sleeping\n").await?;
        }
    }
}

const PIECE_BYTES: usize = 64 * 1024;
const BUILD: &str = "DAEMON_EXAMPLE_BUILD";
