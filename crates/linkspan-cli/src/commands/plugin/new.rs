//! `linkspan plugin new DIR`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use linkspan::plugin::PluginName;
use os::Directory;
use serde_json::json;

use crate::commands::plugin::copy::write;
use crate::commands::plugin::{python, rust};
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Begin a plugin: a folder with a manifest, a method that answers, and the SDK.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder, which is made; its name is the plugin's.
    dir: PathBuf,

    /// In what language.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,

    /// Where the source of Linkspan is, for a plugin in Rust: a directory on this machine. Default: the
    /// version of this program, from the registry.
    #[arg(long, value_name = "DIR")]
    linkspan: Option<PathBuf>,
}

/// Languages in which a plugin can be begun.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// Python 3, with its standard library.
    Python,
    /// Rust, with cargo.
    Rust,
}

pub(super) fn run(options: &Options, output: &Output) -> Result {
    let text = options
        .dir
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let name: PluginName = text.parse().map_err(|error| {
        Failure::new(Kind::Usage, anyhow::Error::from(error))
            .hint("the folder has the name of the plugin, as in ./log-indexer")
    })?;
    if options.dir.symlink_metadata().is_ok() {
        let message = format!("{} is there already", options.dir.display());
        return Err(Failure::message(Kind::Usage, message));
    }
    if let (Language::Python, Some(_)) = (options.lang, &options.linkspan) {
        let message = "--linkspan is for plugins in Rust; those in Python have all that they need";
        return Err(Failure::message(Kind::Usage, message));
    }
    let library = rust::library(options.linkspan.as_deref())?;
    let folder = Directory::open(&options.dir, 0o755).map_err(anyhow::Error::from)?;
    match options.lang {
        Language::Python => begin_python(&folder, &name)?,
        Language::Rust => begin_rust(&folder, &name, &library)?,
    }
    if output.json {
        return Ok(output.json_line(&json!({ "name": name.as_str(), "path": options.dir }))?);
    }
    let dir = options.dir.display();
    output.line(format_args!("{} is in {dir}", output.style().good(&name)))?;
    if let Language::Rust = options.lang {
        output.notice(format!(
            "to build it: `cd {dir} && cargo install --path . --root .`"
        ));
    }
    output.notice(format!(
        "when it is done: `linkspan plugin pin {dir}`, `linkspan plugin install {dir}`"
    ));
    Ok(())
}

fn begin_rust(folder: &Directory, name: &PluginName, library: &str) -> Result {
    let fill = |text: &str| rust::fill(text, name.as_str(), library);
    for (file, text) in rust::FILES {
        write(folder, file.as_ref(), fill(text).as_bytes(), false)?;
    }
    let source = folder.make_inner(rust::SOURCE_FOLDER.as_ref());
    let source = source.map_err(anyhow::Error::from)?;
    rust::SOURCE
        .iter()
        .try_for_each(|(file, text)| write(&source, file.as_ref(), fill(text).as_bytes(), false))
}

fn begin_python(folder: &Directory, name: &PluginName) -> Result {
    for (file, text) in python::FILES {
        let text = text.replace("NAME", name.as_str());
        write(folder, file.as_ref(), text.as_bytes(), false)?;
    }
    let sdk = folder.make_inner(python::SDK_FOLDER.as_ref());
    let sdk = sdk.map_err(anyhow::Error::from)?;
    python::SDK
        .iter()
        .try_for_each(|(file, text)| write(&sdk, file.as_ref(), text.as_bytes(), false))
}
