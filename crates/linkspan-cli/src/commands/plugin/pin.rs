//! `linkspan plugin pin DIR`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use linkspan::plugin::{
    Config, Digest, Manifest, ManifestFormat, PluginPath, Verified, hash_files,
};
use serde_json::json;

use crate::commands::plugin::copy::replace_file;
use crate::commands::plugin::{existing, pinned, with_pins};
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, counted};

/// Write the hashes of a plugin's files into its manifest, which keeps its comments and its order.
///
/// From then on the plugin is taken with exactly these files. While you write it, leave it unpinned,
/// and pin it when you pass it on, or after each change.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The plugin's folder.
    dir: PathBuf,

    /// Write nothing; fail if a file is not what was pinned, and tell which.
    #[arg(long, conflicts_with = "remove")]
    check: bool,

    /// Take the hashes out of the manifest, as for writing on.
    #[arg(long)]
    remove: bool,
}

type Hashes = BTreeMap<PluginPath, Digest>;

pub(super) fn run(options: &Options, config: &Config, output: &Output) -> Result {
    let config = with_pins(config.clone(), true);
    existing(&options.dir)?;
    let before = Manifest::read(&options.dir, &config)?;
    if options.check {
        return check(
            options,
            &before.files,
            &hash_files(&options.dir, &config)?,
            output,
        );
    }
    let hashes = match options.remove {
        true => Hashes::new(),
        false => hash_files(&options.dir, &config)?,
    };
    let mut files = ManifestFormat::FILES.iter();
    let found = files.find(|(name, _)| options.dir.join(name).exists());
    let (name, format) = found.ok_or_else(|| anyhow::anyhow!("the manifest has gone"))?;
    let path = options.dir.join(name);
    let text = fs::read_to_string(&path)?;
    let written = pinned::with_hashes(&text, *format, &hashes)?;
    // Nothing but the hashes may have become another.
    let mut expected = before;
    expected.files.clone_from(&hashes);
    if !Manifest::parse(&written, *format).is_ok_and(|now| now == expected) {
        let message = format!("cannot write the hashes into {}", path.display());
        return Err(Failure::message(Kind::Config, message)
            .hint("write its keys one below the other, without braces around them"));
    }
    if written != text {
        replace_file(&options.dir, name, written.as_bytes())?;
    }
    tell(options, &hashes, &config, output)
}

fn tell(options: &Options, hashes: &Hashes, config: &Config, output: &Output) -> Result {
    let verified = Verified::open(&options.dir, config)?;
    let (name, version) = (&verified.manifest().name, &verified.manifest().version);
    if output.json {
        let files = hashes
            .iter()
            .map(|(path, digest)| (path.to_string(), digest.to_string().into()));
        let files: serde_json::Map<_, serde_json::Value> = files.collect();
        let digest = verified.digest().to_string();
        let told = json!({ "name": name.as_str(), "files": files, "digest": digest });
        return Ok(output.json_line(&told)?);
    }
    let count = u64::try_from(hashes.len()).unwrap_or(u64::MAX);
    let what = match options.remove {
        true => "is not pinned any more".to_owned(),
        false => format!("is pinned with {}", counted(count, "file")),
    };
    Ok(output.line(format_args!(
        "{} {version} {what}",
        output.style().good(name)
    ))?)
}

fn check(options: &Options, pins: &Hashes, hashes: &Hashes, output: &Output) -> Result {
    let new = hashes.keys().filter(|path| !pins.contains_key(*path));
    let gone = pins.keys().filter(|path| !hashes.contains_key(*path));
    let is_changed = |path: &&PluginPath| {
        pins.get(*path)
            .is_some_and(|pin| hashes.get(*path) != Some(pin))
    };
    let changed = hashes.keys().filter(is_changed);
    let mut differences: Vec<(&str, &PluginPath)> = Vec::new();
    differences.extend(new.map(|path| ("not pinned", path)));
    differences.extend(gone.map(|path| ("gone", path)));
    differences.extend(changed.map(|path| ("changed", path)));
    if output.json {
        let told = differences
            .iter()
            .map(|(what, path)| json!({ "path": path.as_str(), "is": what }));
        output.json_line(&json!({ "differences": told.collect::<Vec<_>>() }))?;
    } else {
        for (what, path) in &differences {
            output.line(format_args!(
                "{} {path}",
                output.style().warning(format!("{what}:"))
            ))?;
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let dir = options.dir.display();
    let message = format!("{dir} is not as it was pinned");
    Err(Failure::message(Kind::Other, message)
        .hint(format!("`linkspan plugin pin {dir}` pins it as it is now")))
}

const EXAMPLES: &str = "Examples:
  linkspan plugin pin ./greeter
  linkspan plugin pin --check ./greeter
  linkspan plugin pin --remove ./greeter";
