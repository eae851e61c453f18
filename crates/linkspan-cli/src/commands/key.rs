//! `linkspan key`: the keys of a ring.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use linkspan::auth::seal::{Algorithm, KeyInfo, KeyRing, Rotate, Rotation};
use serde_json::{Value, json};

use crate::config::Span;
use crate::failure::Result;
use crate::output::{Output, Table, since};

/// Make, replace and list the keys by which programs seal what only they can read.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(NewOptions),
    Rotate(RotateOptions),
    List(ListOptions),
}

/// Make a file with one key, for all programs that are to understand each other.
///
/// It can be read by its owner alone, and has to stay so: whoever reads it can read all that is sealed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewOptions {
    /// The file.
    ring: PathBuf,

    /// What is encrypted: aes-256-gcm or chacha20-poly1305.
    #[arg(long, value_name = "NAME", default_value = "aes-256-gcm")]
    algorithm: Algorithm,
}

/// Add a key, which seals from now on; the former ones still open what was sealed before.
///
/// Programs that have the file open follow it. No call fails for it.
#[derive(Debug, Args)]
pub(crate) struct RotateOptions {
    /// The file.
    ring: PathBuf,

    /// What is encrypted from then on; without it, as before.
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,

    /// Seal with it only after this time, as 10m, so that copies of the file can be brought to other
    /// machines before.
    #[arg(long = "in", value_name = "TIME")]
    delay: Option<Span>,

    /// Keys that are kept; what was sealed with older ones cannot be opened any more.
    #[arg(long, value_name = "COUNT", default_value_t = 16)]
    keep: usize,
}

/// List the keys of a file, without showing them.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// The file.
    ring: PathBuf,
}

pub(crate) fn run(command: Command, output: &Output) -> Result {
    match command {
        Command::New(options) => {
            let ring = KeyRing::create(&options.ring, options.algorithm)?;
            show(&ring.list(), output)
        }
        Command::Rotate(options) => rotate(&options, output),
        Command::List(options) => show(&KeyRing::open(options.ring)?.list(), output),
    }
}

fn rotate(options: &RotateOptions, output: &Output) -> Result {
    let mut rotation = Rotation::default();
    rotation.keep = options.keep;
    let ring = KeyRing::open_with(&options.ring, rotation)?;
    let mut rotate = Rotate::default();
    rotate.algorithm = options.algorithm;
    rotate.delay = options.delay.map_or(Duration::ZERO, |Span(delay)| delay);
    ring.rotate(&rotate)?;
    show(&ring.list(), output)
}

fn show(keys: &[KeyInfo], output: &Output) -> Result {
    if output.json {
        let keys: Vec<_> = keys.iter().map(to_json).collect();
        return Ok(output.json_line(&json!({ "keys": keys }))?);
    }
    let mut table = Table::new(["KEY", "ALGORITHM", "AGE", "USE"], output.style());
    for key in keys {
        let age = key.created.elapsed().unwrap_or_default();
        let algorithm = key.algorithm.to_string();
        table.row([key.id.clone(), algorithm, since(age), usage(key)]);
    }
    Ok(output.line(table.right(&[2]))?)
}

fn usage(key: &KeyInfo) -> String {
    match key.active_from.duration_since(SystemTime::now()) {
        Ok(left) if !left.is_zero() => format!("seals in {}", since(left)),
        _ if key.is_current => "seals and opens".to_owned(),
        _ => "opens".to_owned(),
    }
}

fn to_json(key: &KeyInfo) -> Value {
    let seconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_secs()
    };
    json!({
        "id": key.id,
        "algorithm": key.algorithm.name(),
        "created_s": seconds(key.created),
        "active_from_s": seconds(key.active_from),
        "is_current": key.is_current,
    })
}

const EXAMPLES: &str = "Examples:
  linkspan key new ~/.config/app/app.ring
  linkspan bus sub 'orders/#' --key-ring ~/.config/app/app.ring
  linkspan key rotate ~/.config/app/app.ring";
