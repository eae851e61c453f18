//! `linkspan cert`: an authority of one's own, and certificates signed by it.

mod authority;
mod ca;
mod details;
mod files;
mod issue;
mod renew;
mod show;

use clap::Subcommand;

use crate::failure::Result;
use crate::output::Output;

/// Make certificates for TLS, and look at them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ca(ca::Options),
    Issue(issue::Options),
    Show(show::Options),
    Renew(renew::Options),
}

pub(crate) fn run(command: &Command, output: &Output) -> Result {
    match command {
        Command::Ca(options) => ca::run(options, output),
        Command::Issue(options) => issue::run(options, output),
        Command::Show(options) => show::run(options, output),
        Command::Renew(options) => renew::run(options, output),
    }
}
