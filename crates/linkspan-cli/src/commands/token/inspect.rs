//! `linkspan token inspect`.

use std::path::PathBuf;

use clap::Args;
use linkspan::auth::{SecretKey, jwt};
use serde_json::{Value, json};

use crate::commands::token::secret;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Show what a key or JWT says of itself, and nothing that is secret. Nothing is verified.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file that holds it; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let bytes = secret(&options.file)?;
    let malformed = || Failure::message(Kind::Usage, "this is no API key, launch token or JWT");
    let text = str::from_utf8(&bytes).map_err(|_| malformed())?;
    let said = match SecretKey::parse(text) {
        Ok(key) => json!({ "method": key.method().name(), "id": key.id() }),
        Err(_) => {
            let (header, claims) = jwt::peek(text.trim()).ok_or_else(malformed)?;
            let json = |text: &str| serde_json::from_str::<Value>(text).ok();
            json!({ "method": "jwt", "header": json(&header), "claims": json(&claims) })
        }
    };
    match output.json {
        true => output.json_line(&said)?,
        false => output.line(format_args!("{said:#}"))?,
    }
    Ok(())
}
