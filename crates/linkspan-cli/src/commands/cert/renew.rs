//! `linkspan cert renew DIR NAME`.

use std::path::PathBuf;

use clap::Args;
use rcgen::KeyPair;
use serde_json::json;
use zeroize::Zeroizing;

use crate::commands::cert::authority::{Authority, Wanted, days, failed, san};
use crate::commands::cert::details::Details;
use crate::commands::cert::files::Files;
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, plain};

/// Sign a certificate anew, with its names and its key.
///
/// A node takes it when it gets SIGHUP; connections that are there stay.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where the authority and the certificate are.
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The certificate, by its name.
    name: String,

    /// Days for which it holds from now; without it, as long as it held before.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,

    /// Make a new key, too: those who pinned the old one do not know it.
    #[arg(long)]
    new_key: bool,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let files = Files::open(&options.directory)?;
    let authority = Authority::load(&files)?;
    let name = options.name.as_str();
    let before = Details::first(files.certificate(name)?.as_bytes())?;
    let pair = match options.new_key {
        true => KeyPair::generate(),
        false => KeyPair::from_pem(&files.key(name)?),
    };
    let pair = pair.map_err(failed)?;
    let sans = before.sans.iter().map(|text| san(text));
    let sans: std::result::Result<Vec<_>, _> = sans.collect();
    let wanted = Wanted {
        name: before
            .common_name
            .clone()
            .unwrap_or_else(|| name.to_owned()),
        sans: sans.map_err(|problem| Failure::message(Kind::Other, problem))?,
        usage: before.usage,
        valid_for: options.days.map_or(before.valid_for, days),
    };
    let certificate = authority.sign(wanted, &pair)?;
    let key = Zeroizing::new(pair.serialize_pem());
    files.write(name, key.as_bytes(), &certificate)?;
    let after = Details::first(certificate.as_bytes())?;
    let path = files.path(&format!("{name}.pem"));
    if output.json {
        let renewed = json!({ "certificate": path, "not_after": after.not_after });
        return Ok(output.json_line(&renewed)?);
    }
    let text = format!("renewed {} until {}", path.display(), after.not_after);
    Ok(output.line(plain(&text))?)
}
