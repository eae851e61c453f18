//! `linkspan cert ca DIR`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::commands::cert::authority::{Authority, NAME, days};
use crate::commands::cert::files::Files;
use crate::failure::Result;
use crate::output::Output;

/// Make an authority that signs certificates: DIR/ca.pem, which everybody may have, and DIR/ca.key,
/// which nobody else may.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to put it; made if it is missing.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Its name.
    #[arg(long, default_value = "linkspan authority")]
    name: String,

    /// Days for which it holds.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,

    /// Replace an authority that is there: certificates that it signed hold no longer.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let files = Files::open(&options.directory)?;
    if !options.force {
        files.check_new(&[format!("{NAME}.pem"), format!("{NAME}.key")])?;
    }
    let (certificate, key) = Authority::create(&options.name, days(options.days))?;
    files.write(NAME, key.as_bytes(), &certificate)?;
    let (path, key_path) = (files.path("ca.pem"), files.path("ca.key"));
    if output.json {
        return Ok(output.json_line(&json!({ "certificate": path, "key": key_path }))?);
    }
    output.line(format_args!("made {}", path.display()))?;
    let directory = options.directory.display();
    output.line(format_args!(
        "next: linkspan cert issue {directory} server client"
    ))?;
    Ok(())
}
