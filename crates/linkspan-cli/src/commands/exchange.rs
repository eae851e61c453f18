//! `linkspan exchange`, and what its sides have in common.

use clap::{Args, Subcommand};
use linkspan::exchange::IpcConfig;
use linkspan::transport;

use crate::commands::{send, serve};
use crate::config::{BackendChoice, Crc32Choice, Loaded, Size};
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Try the exchange of messages in frames of length, CRC-32 and bytes, without writing code.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Options),
    Send(send::Options),
}

pub(crate) fn run(command: &Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Serve(options) => serve::run(options, loaded, output),
        Command::Send(options) => send::run(options, loaded, output),
    }
}

/// What both sides have to agree on; without it, what the section `ipc` of the configuration says.
#[derive(Debug, Args)]
pub(crate) struct Format {
    /// The variant of CRC-32: ieee or castagnoli.
    #[arg(long, value_name = "VARIANT")]
    crc32: Option<Crc32Choice>,

    /// Longest message, as 65536 or 1MiB.
    #[arg(long, value_name = "SIZE")]
    max_frame: Option<Size>,

    /// By what means a local socket is read and written: tokio, interprocess or legacy.
    #[arg(long, value_name = "BACKEND")]
    backend: Option<BackendChoice>,
}

impl Format {
    /// The settings of the library.
    pub(crate) fn settings(&self, loaded: &Loaded) -> Result<(IpcConfig, transport::Config)> {
        let mut ipc = loaded.config.ipc.clone();
        ipc.crc32_variant = self.crc32.unwrap_or(ipc.crc32_variant);
        ipc.max_frame_bytes = self.max_frame.unwrap_or(ipc.max_frame_bytes);
        ipc.transport = self.backend.unwrap_or(ipc.transport);
        ipc.check()
            .map_err(|(key, problem)| Failure::message(Kind::Usage, format!("{key}: {problem}")))?;
        let mut transport = loaded.config.server().transport;
        transport.backend = ipc.transport.into();
        Ok((ipc.exchange(), transport))
    }
}
