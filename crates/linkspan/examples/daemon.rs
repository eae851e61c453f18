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
//! $ daemon [--id ID] terminal                 prints what it knows of the terminal, and each new size
//! $ daemon [--id ID] watch FILE               waits until it is cancelled; writes there when it was
//! $ daemon [--id ID] ignore                   waits, whoever wants it to end
//! $ daemon [--id ID] block SECONDS            keeps a thread of the daemon so long
//! $ daemon [--id ID] log                      writes numbered lines to the daemon's log until its input
//!                                             ends, and prints how many
//! ```
//!
//! `--no-daemon` and `--daemon status | stop | restart | logs | doctor` stand after the id. Three
//! variables change the program: `DAEMON_EXAMPLE_BUILD` is its build, so that one file can play two,
//! `DAEMON_EXAMPLE_CONFIG` its settings, as `{"idle_exit": "1s"}`, and `DAEMON_EXAMPLE_PAUSE` the longest
//! pause after crashes, in milliseconds; 20 without, as its tests have many crashes.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, SystemTime};

use linkspan::daemon::{Build, Command, Config, DaemonId, ExitCode, LifecycleConfig, Program};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> std::process::ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let mut id = "daemon-example".to_owned();
    if arguments.get(1).is_some_and(|flag| flag == "--id") && arguments.len() > 2 {
        id = arguments.remove(2).to_string_lossy().into_owned();
        arguments.remove(1);
    }
    match program(arguments, id) {
        Ok(program) => program.main(),
        Err(error) => {
            writeln!(io::stderr(), "daemon: {error}").ok();
            std::process::ExitCode::from(2)
        }
    }
}

fn program(arguments: Vec<OsString>, id: String) -> Result<Program, Failure> {
    let mut lifecycle = LifecycleConfig::default();
    lifecycle.check_interval = Duration::from_secs(1);
    let pause = std::env::var(PAUSE).map_or(Ok(20), |pause| pause.parse())?;
    lifecycle.max_crash_pause = Duration::from_millis(pause);
    let variables = [BUILD, CONFIG].map(OsString::from);
    lifecycle.daemon_environment.extend(variables);
    let mut program = Program::new("daemon", run)
        .arguments(arguments)
        .id(DaemonId::new(id)?)
        .lifecycle(lifecycle);
    if let Ok(build) = std::env::var(BUILD) {
        program = program.build_id(Build::named(build));
    }
    if let Ok(config) = std::env::var(CONFIG) {
        program = program.config(serde_json::from_str::<Config>(&config)?);
    }
    Ok(program)
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
        (Some("terminal"), _) => terminal(&mut command).await,
        (Some("watch"), Some(file)) => watch(&mut command, file.as_ref()).await,
        (Some("ignore"), _) => {
            command.stdout.write_chunk("ignoring\n").await?;
            std::future::pending().await
        }
        (Some("block"), Some(seconds)) => {
            command.stdout.write_chunk("blocking\n").await?;
            thread::sleep(Duration::try_from_secs_f64(seconds.parse()?)?);
            Ok(ExitCode::SUCCESS)
        }
        (Some("log"), _) => log(&mut command).await,
        _ => Err("a word is wanted, such as cat, blast, sleep, exit, pid or args".into()),
    }
}

async fn cat(command: &mut Command) -> Result<ExitCode, Failure> {
    while let Some(chunk) = command.stdin.next_chunk().await? {
        command.stdout.write_chunk(&chunk).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes to stderr and stdout of the daemon, which are its log.
async fn log(command: &mut Command) -> Result<ExitCode, Failure> {
    let mut lines = 0_u64;
    let stdin = command.stdin.next_chunk();
    tokio::pin!(stdin);
    loop {
        tokio::select! {
            biased;
            _ = &mut stdin => break,
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
        for _ in 0..50 {
            writeln!(io::stderr(), "line {lines} to stderr, {FILLING}")?;
            writeln!(io::stdout(), "line {} to stdout, {FILLING}", lines + 1)?;
            lines += 2;
        }
    }
    command.stdout.write_chunk(format!("{lines}\n")).await?;
    Ok(ExitCode::SUCCESS)
}

async fn blast(command: &mut Command, bytes: u64) -> Result<ExitCode, Failure> {
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left)?.min(PIECE.len());
        let part = PIECE.get(..length).unwrap_or_default();
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

/// Says which streams are a terminal's, its colours and size, and then each new size.
async fn terminal(command: &mut Command) -> Result<ExitCode, Failure> {
    let cancellation = command.cancellation.clone();
    let terminal = &mut command.terminal;
    let streams = [
        terminal.is_stdin(),
        terminal.is_stdout(),
        terminal.is_stderr(),
    ];
    let (colours, term) = (terminal.colours(), terminal.term());
    let facts = format!("{streams:?} {colours:?} {}\n", term.display());
    command.stdout.write_chunk(facts).await?;
    let mut size = terminal.size();
    while let Some(known) = size {
        let line = format!("{}x{}\n", known.columns, known.rows);
        command.stdout.write_chunk(line).await?;
        size = tokio::select! {
            _ = cancellation.cancelled() => return Ok(ExitCode::CANCELLED),
            size = terminal.resized() => size,
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits in silence to be cancelled, and writes when that was, in nanoseconds since 1970.
async fn watch(command: &mut Command, file: &Path) -> Result<ExitCode, Failure> {
    command.stdout.write_chunk("watching\n").await?;
    let cause = command.cancellation.cancelled().await;
    let now = SystemTime::UNIX_EPOCH.elapsed()?;
    std::fs::write(file, format!("{} {cause:?}\n", now.as_nanos()))?;
    Ok(ExitCode::CANCELLED)
}

/// One for all commands, so that what is measured is what Linkspan keeps.
static PIECE: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; 64 * 1024]);
const BUILD: &str = "DAEMON_EXAMPLE_BUILD";
const FILLING: &str = "long enough to fill a log in a little while";
const PAUSE: &str = "DAEMON_EXAMPLE_PAUSE";
const CONFIG: &str = "DAEMON_EXAMPLE_CONFIG";
