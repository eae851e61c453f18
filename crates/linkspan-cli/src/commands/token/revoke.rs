//! `linkspan token revoke`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::json;

use crate::commands::token::key_file;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Take an API key or JWT back; a node that is told to reload (SIGHUP) ends the sessions that are open
/// by it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The id of the key, or with --jwt the jti of the token.
    id: String,

    /// It is a JWT.
    #[arg(long)]
    jwt: bool,

    /// The file of keys, instead of `security.auth.key_file`.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let id = options.id.as_str();
    let longest = Duration::from_secs(loaded.config.security.auth.token_expiry_s);
    let found = key_file(options.keys.as_deref(), loaded)?.change(|list| {
        if options.jwt {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let expires = now.unwrap_or_default().saturating_add(longest).as_secs();
            list.revoked_tokens.insert(id.to_owned(), expires);
            return true;
        }
        let key = list.keys.iter_mut().find(|key| key.id == id);
        key.is_some_and(|key| {
            key.revoked = true;
            true
        })
    })?;
    if !found {
        return Err(
            Failure::message(Kind::Usage, format!("there is no API key {id:?}"))
                .hint("`linkspan token list` shows them; --jwt revokes a JWT"),
        );
    }
    if output.json {
        return Ok(output.json_line(&json!({ "revoked": id }))?);
    }
    output.notice(format_args!(
        "revoked; `kill -HUP` has a node end the sessions that are open by it"
    ));
    Ok(())
}
