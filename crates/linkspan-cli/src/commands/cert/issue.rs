//! `linkspan cert issue DIR NAME...`.

use std::path::PathBuf;

use clap::Args;
use rcgen::{KeyPair, SanType};
use serde_json::json;
use zeroize::Zeroizing;

use crate::commands::cert::authority::{Authority, NAME, Usage, Wanted, days, failed, san};
use crate::commands::cert::files::Files;
use crate::failure::Result;
use crate::output::Output;

/// Make certificates with new keys, signed by the authority in DIR: DIR/NAME.pem and DIR/NAME.key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Where the authority is.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Whom they are for; servers know clients by this name.
    #[arg(value_name = "NAME", required = true, value_parser = name)]
    names: Vec<String>,

    /// Further names: of hosts, IP addresses, or uri:URI and email:ADDRESS; may be repeated. Without
    /// any: localhost, 127.0.0.1 and `::1`.
    #[arg(long, value_name = "NAME", value_parser = san)]
    san: Vec<SanType>,

    /// Who may use them.
    #[arg(long, value_enum, default_value = "both", value_name = "WHO")]
    usage: Usage,

    /// Days for which they hold.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,

    /// Replace certificates and keys that are there.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let files = Files::open(&options.directory)?;
    let authority = Authority::load(&files)?;
    if !options.force {
        let names = options.names.iter();
        let paths = names.flat_map(|name| [format!("{name}.pem"), format!("{name}.key")]);
        files.check_new(&paths.collect::<Vec<_>>())?;
    }
    for name in &options.names {
        let wanted = Wanted {
            name: name.clone(),
            sans: sans(name, &options.san),
            usage: options.usage,
            valid_for: days(options.days),
        };
        let pair = KeyPair::generate().map_err(failed)?;
        let certificate = authority.sign(wanted, &pair)?;
        let key = Zeroizing::new(pair.serialize_pem());
        files.write(name, key.as_bytes(), &certificate)?;
        let path = files.path(&format!("{name}.pem"));
        match output.json {
            true => {
                let key_path = files.path(&format!("{name}.key"));
                output.json_line(&json!({ "certificate": path, "key": key_path }))?;
            }
            false => output.line(format_args!("made {}", path.display()))?,
        }
    }
    Ok(())
}

/// The names that a certificate has.
fn sans(name: &str, named: &[SanType]) -> Vec<SanType> {
    let usual = ["localhost", "127.0.0.1", "::1"].map(san);
    let further: Vec<_> = match named {
        [] => usual.into_iter().flatten().collect(),
        named => named.to_vec(),
    };
    let own = san(name).into_iter().filter(|own| !further.contains(own));
    own.chain(further.iter().cloned()).collect()
}

/// Takes what can be the name of a file and of a host.
fn name(text: &str) -> std::result::Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text == NAME {
        return Err("ca is the authority's own".into());
    }
    let is_fine = !text.is_empty() && !text.starts_with(['.', '-']) && text.chars().all(allowed);
    match is_fine && text.len() <= MAX_NAME_BYTES {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "a name has up to {MAX_NAME_BYTES} letters, digits, '.', '_' and '-'"
        )),
    }
}

/// What a common name may have (RFC 5280).
const MAX_NAME_BYTES: usize = 64;
const EXAMPLES: &str = "Examples:
  linkspan cert issue ~/tls server client
  linkspan cert issue ~/tls server --san host-1.example --san 10.0.0.1 --usage server";
