//! The least that a program needs whose work is done by a daemon that it starts itself.
//!
//! ```console
//! $ echo hello | shout
//! HELLO
//! $ shout --daemon status
//! ```

use std::io;

use linkspan::daemon::{Command, ExitCode, Program};

fn main() -> std::process::ExitCode {
    Program::new("shout", shout).main()
}

/// Runs in the daemon, once for each call of the program.
async fn shout(mut command: Command) -> Result<ExitCode, io::Error> {
    while let Some(chunk) = command.stdin.next_chunk().await? {
        command
            .stdout
            .write_chunk(chunk.to_ascii_uppercase())
            .await?;
    }
    Ok(ExitCode::SUCCESS)
}
