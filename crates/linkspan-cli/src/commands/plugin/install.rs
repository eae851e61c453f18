//! `linkspan plugin install DIR`.

use std::path::{Path, PathBuf};

use clap::Args;
use linkspan::plugin::{Config, Manifest, Pins, Verified};
use os::Directory;
use serde_json::json;

use crate::commands::plugin::copy::Copy;
use crate::commands::plugin::existing;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Copy a plugin that is pinned to where plugins are looked for, all at once.
///
/// What is copied is verified on the way; what does not belong to the plugin is left behind.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's folder.
    dir: PathBuf,

    /// To which directory; without it, the first one where plugins are looked for.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,

    /// Replace the plugin of this name that is there.
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(options: &Options, config: &Config, output: &Output) -> Result {
    let mut config = config.clone();
    config.pins = Pins::Required;
    let verified = Verified::open(&existing(&options.dir)?, &config)?;
    let target = options.to.as_ref().or_else(|| config.directories.first());
    let target = target.ok_or_else(|| anyhow::anyhow!("there is no directory for plugins"))?;
    Directory::open(target, 0o755).map_err(anyhow::Error::from)?;
    let directory = Directory::open_trusted(target).map_err(anyhow::Error::from)?;
    let manifest = verified.manifest();
    let place = target.join(manifest.name.as_str());
    let former = former(&place, &config);
    if let Some(former) = former.as_ref().filter(|_| !options.replace) {
        let message = format!("{} {former} is installed already", place.display());
        return Err(Failure::message(Kind::Usage, message)
            .hint(format!("--replace puts {} in its place", manifest.version)));
    }
    let copy = Copy::of(&verified, &directory)?;
    let name: &Path = manifest.name.as_str().as_ref();
    match &former {
        Some(_) => directory.exchange_inner(copy.name(), name)?,
        None => directory.rename_inner(copy.name(), name)?,
    }
    drop(copy);
    if output.json {
        return Ok(output.json_line(&json!({
            "name": manifest.name.as_str(),
            "version": manifest.version,
            "replaced": former,
            "path": place,
            "digest": verified.digest().to_string(),
        }))?);
    }
    let style = output.style();
    let (name, version) = (style.good(&manifest.name), &manifest.version);
    let instead = former
        .map(|former| format!(" in place of {former}"))
        .unwrap_or_default();
    Ok(output.line(format_args!(
        "{name} {version} is in {}{instead}",
        place.display()
    ))?)
}

/// The version of what is there already, if anything is.
fn former(place: &Path, config: &Config) -> Option<String> {
    place.symlink_metadata().ok()?;
    let manifest = Manifest::read(place, config);
    Some(manifest.map_or_else(
        |_| "without a manifest".to_owned(),
        |manifest| manifest.version,
    ))
}
