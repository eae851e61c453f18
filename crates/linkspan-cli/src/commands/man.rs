//! `linkspan man`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::cli::Arguments;
use crate::failure::Result;

/// Print the manual page, or write one for each command.
///
/// To read it: linkspan man | man -l -
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Write the pages of all commands into this directory.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result {
    match &options.directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory))
                .with_context(|| format!("cannot write manual pages to {}", directory.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
    }
    Ok(())
}
