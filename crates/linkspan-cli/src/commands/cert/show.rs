//! `linkspan cert show FILE`.

use std::path::PathBuf;

use clap::Args;

use crate::commands::cert::details::Details;
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, Table, plain};

/// Show what certificates say: for whom they are, for how long, and how to pin them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A file with certificates, in PEM form.
    file: PathBuf,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let file = options.file.display();
    let text = std::fs::read(&options.file)
        .map_err(|error| Failure::new(Kind::Usage, error).context(format!("cannot read {file}")))?;
    let all = Details::all(&text)?;
    if all.is_empty() {
        let message = format!("there is no certificate in {file}");
        return Err(Failure::message(Kind::Usage, message));
    }
    for (index, details) in all.iter().enumerate() {
        if output.json {
            output.json_line(&details.json())?;
            continue;
        }
        if index > 0 {
            output.line("")?;
        }
        print(details, output)?;
    }
    Ok(())
}

fn print(details: &Details, output: &Output) -> Result {
    let mut facts = Table::of_facts();
    facts.fact("subject", plain(&details.subject));
    if !details.sans.is_empty() {
        facts.fact("names", plain(&details.sans.join(", ")));
    }
    facts.fact("issuer", plain(&details.issuer));
    facts.fact("from", &details.not_before);
    let state = match (details.is_expired, details.is_early) {
        (true, _) => " (expired)",
        (_, true) => " (not yet valid)",
        _ => "",
    };
    facts.fact("to", format_args!("{}{state}", details.not_after));
    facts.fact("key", &details.key_kind);
    facts.fact("may", details.may);
    facts.fact("pin", &details.fingerprint);
    facts.fact("pin of key", &details.key_fingerprint);
    Ok(output.line(facts)?)
}
