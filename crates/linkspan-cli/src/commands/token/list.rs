//! `linkspan token list`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use linkspan::auth::KeyEntry;
use serde_json::{Value, json};

use crate::commands::token::key_file;
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// List API keys and revoked JWTs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file of keys, instead of `security.auth.key_file`.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let list = key_file(options.keys.as_deref(), loaded)?.read()?;
    if output.json {
        let keys: Vec<Value> = list.keys.iter().map(shown).collect();
        let listed = json!({ "keys": keys, "revoked_tokens": list.revoked_tokens });
        return Ok(output.json_line(&listed)?);
    }
    let style = output.style();
    for key in &list.keys {
        let roles = key.roles.join(",");
        let (id, state) = (style.name(&key.id), state(key));
        output.line(format_args!("{id}  {state:<8} {}  {roles}", key.name))?;
    }
    for id in list.revoked_tokens.keys() {
        output.line(format_args!("{}  revoked  (JWT)", style.name(id)))?;
    }
    Ok(())
}

fn shown(key: &KeyEntry) -> Value {
    let seconds = |time: SystemTime| {
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
        since_1970.unwrap_or_default().as_secs()
    };
    json!({ "id": key.id, "name": key.name, "roles": key.roles, "state": state(key),
        "expires": key.expires.map(seconds) })
}

fn state(key: &KeyEntry) -> &'static str {
    match key.expires {
        _ if key.revoked => "revoked",
        Some(expires) if expires <= SystemTime::now() => "expired",
        _ => "active",
    }
}
