//! The program whose commands are measured: Linkspan's daemon, with its default settings.
//!
//! ```text
//! linkspan-bench-command hello          greets
//! linkspan-bench-command pid            prints the daemon's process id
//! linkspan-bench-command stream BYTES   writes so many bytes
//! ```

use std::error::Error;
use std::process;
use std::time::Duration;

use linkspan::daemon::{Command, Config, ExitCode, Program};
use linkspan_bench_command::{GREETING, pieces};

fn main() -> process::ExitCode {
    let mut config = Config::default();
    // Nothing stays behind a bench that was killed.
    config.idle_exit = Duration::from_secs(20);
    Program::new("linkspan-bench", run).config(config).main()
}

async fn run(mut command: Command) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
    let words: Vec<_> = command
        .arguments
        .iter()
        .skip(1)
        .map(|word| word.to_str())
        .collect();
    match words.as_slice() {
        [Some("hello")] => command.stdout.write_chunk(GREETING).await?,
        [Some("pid")] => {
            let line = format!("{}\n", process::id());
            command.stdout.write_chunk(line).await?;
        }
        [Some("stream"), Some(bytes)] => {
            for piece in pieces(bytes.parse()?) {
                command.stdout.write_chunk(piece).await?;
            }
        }
        _ => return Err("hello, pid or stream BYTES is wanted".into()),
    }
    Ok(ExitCode::SUCCESS)
}
