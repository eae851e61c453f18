//! `linkspan config check | show | schema`.

use clap::{Args, Subcommand};

use crate::config::{Loaded, Origin, schema};
use crate::failure::Result;
use crate::output::{Output, Table};

/// Check and show the configuration.
///
/// A value comes from the first of these that has it: the variable `LINKSPAN_SECTION__KEY`, the
/// configuration file, the preset of environment.name, the defaults.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the configuration; if something is wrong, say what and where.
    Check,
    Show(ShowOptions),
    /// Print the JSON Schema of linkspan.yaml.
    ///
    /// Editors check and complete by it, if the first line of linkspan.yaml is:
    /// # yaml-language-server: $schema=FILE
    Schema,
}

/// Print every value, and where it comes from.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// Print only what differs from the defaults.
    #[arg(long)]
    changed: bool,
}

pub(crate) fn run(
    command: &Command,
    loaded: impl Fn() -> Result<Loaded>,
    output: &Output,
) -> Result {
    match command {
        Command::Check => check(&loaded()?, output),
        Command::Show(options) => show(options, &loaded()?, output),
        Command::Schema => {
            Ok(output.line(serde_json::to_string_pretty(&schema()).unwrap_or_default())?)
        }
    }
}

fn check(loaded: &Loaded, output: &Output) -> Result {
    loaded.schemas()?;
    let file = loaded.file().map(|file| file.display().to_string());
    if output.json {
        let notes = loaded.notes();
        let checked = serde_json::json!({ "ok": true, "file": file, "notes": notes });
        return Ok(output.json_line(&checked)?);
    }
    let what = file.unwrap_or_else(|| "no file, only defaults and variables".to_owned());
    output.line(format_args!("{} {what}", output.style().good("ok")))?;
    tell_notes(loaded, output);
    Ok(())
}

fn show(options: &ShowOptions, loaded: &Loaded, output: &Output) -> Result {
    let mut values = loaded.values();
    values.retain(|(_, _, origin)| !options.changed || *origin != Origin::Default);
    if output.json {
        let values: Vec<_> = values
            .into_iter()
            .map(|(key, value, origin)| {
                serde_json::json!({ "key": key, "value": value, "origin": origin.to_string() })
            })
            .collect();
        return Ok(output.json_line(&values)?);
    }
    let mut table = Table::new(["KEY", "VALUE", "FROM"], output.style());
    for (key, value, origin) in values {
        let value = match value {
            serde_json::Value::String(text) => text,
            serde_json::Value::Null => "-".to_owned(),
            value => value.to_string(),
        };
        table.row([key, value, origin.to_string()]);
    }
    output.line(table)?;
    tell_notes(loaded, output);
    Ok(())
}

fn tell_notes(loaded: &Loaded, output: &Output) {
    for note in loaded.notes() {
        output.notice(format_args!("note: {note}"));
    }
}
