//! `linkspan completions SHELL`.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Arguments;
use crate::failure::Result;

/// Print completions for a shell.
///
/// For bash: linkspan completions bash > ~/.local/share/bash-completion/completions/linkspan
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(options: &Options) -> Result {
    let mut text = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut Arguments::command(),
        "linkspan",
        &mut text,
    );
    io::Write::write_all(&mut io::stdout().lock(), &text)?;
    Ok(())
}
