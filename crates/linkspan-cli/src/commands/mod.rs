//! One file for each verb.

pub(crate) mod analyze;
pub(crate) mod answer;
pub(crate) mod asked;
pub(crate) mod bus;
pub(crate) mod call;
pub(crate) mod cert;
pub(crate) mod child;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod connect;
pub(crate) mod daemon;
pub(crate) mod diagnosis;
pub(crate) mod doctor;
pub(crate) mod exchange;
pub(crate) mod health;
pub(crate) mod items;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod measure;
pub(crate) mod measured;
pub(crate) mod monitor;
pub(crate) mod plugin;
pub(crate) mod policy;
pub(crate) mod recommend;
pub(crate) mod sealing;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod switch;
pub(crate) mod token;
pub(crate) mod transport;
pub(crate) mod up;
pub(crate) mod window;

use crate::cli::{Arguments, Command};
use crate::config::{Loaded, find_file, load};
use crate::failure::Result;
use crate::output::Output;

/// Does what was typed.
pub(crate) fn run(arguments: Arguments, output: &Output) -> Result {
    let file = arguments.config.or_else(find_file);
    let is_server = matches!(
        &arguments.command,
        Command::Up(_)
            | Command::Bus(bus::Command::Serve(_))
            | Command::Exchange(exchange::Command::Serve(_))
    );
    let tls_directory = arguments.tls.section(is_server);
    let token_file = arguments.token_file;
    let loaded = || -> Result<Loaded> {
        let mut loaded = load(file.as_deref())?;
        loaded.config.tls_directory.clone_from(&tls_directory);
        loaded.token_file.clone_from(&token_file);
        Ok(loaded)
    };
    match arguments.command {
        Command::Up(options) => up::run(options, loaded()?, output),
        Command::Call(options) => call::run(&options, &loaded()?, output),
        Command::Status(options) => status::run(options, &loaded()?, output),
        Command::Transport(command) => transport::run(command, &loaded()?, output),
        Command::Exchange(command) => exchange::run(&command, &loaded()?, output),
        Command::Bus(command) => bus::run(command, &loaded()?, output),
        Command::Daemon(command) => daemon::run(command, output),
        Command::Plugin(command) => plugin::run(&command, &loaded()?, output),
        Command::Key(command) => key::run(command, output),
        Command::Token(command) => token::run(command, &loaded()?, output),
        Command::Policy(command) => policy::run(&command, &loaded()?, output),
        Command::Config(command) => config::run(&command, loaded, output),
        Command::Cert(command) => cert::run(&command, output),
        Command::Doctor(options) => doctor::run(&options, file.as_deref(), output),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    }
}

/// Runs a future on this thread; all commands but `up` do one thing.
pub(crate) fn block_on<F: Future<Output = Result>>(future: F) -> Result {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
