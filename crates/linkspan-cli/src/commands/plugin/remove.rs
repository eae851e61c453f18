//! `linkspan plugin remove NAME`.

use std::fs;
use std::path::Path;

use clap::Args;
use linkspan::plugin::{Config, PluginName};
use os::Directory;
use serde_json::json;

use crate::commands::plugin::copy::hidden;
use crate::commands::plugin::find;
use crate::failure::Result;
use crate::output::Output;

/// Remove a plugin from where it was installed, with all files in its folder.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's name.
    name: PluginName,
}

pub(super) fn run(options: &Options, config: &Config, output: &Output) -> Result {
    let path = find(options.name.as_str(), config)?;
    if path.symlink_metadata()?.is_symlink() {
        fs::remove_file(&path)?;
    } else {
        remove(&path, options.name.as_str())?;
    }
    if output.json {
        return Ok(output.json_line(&json!({ "removed": path }))?);
    }
    Ok(output.line(format_args!("{} is removed", path.display()))?)
}

/// Removes a folder that is nobody's plugin any more as soon as that begins.
fn remove(path: &Path, plugin: &str) -> Result {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(anyhow::anyhow!("{} is no folder of a plugin", path.display()).into());
    };
    let directory = Directory::open_trusted(parent).map_err(anyhow::Error::from)?;
    let aside = hidden(plugin)?;
    directory.rename_inner(name.as_ref(), &aside)?;
    Ok(fs::remove_dir_all(directory.path().join(aside))?)
}
