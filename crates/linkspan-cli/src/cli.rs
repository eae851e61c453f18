//! What can be typed.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ColorChoice, Parser, Subcommand};

use crate::commands::{
    bus, call, cert, completions, config, daemon, doctor, exchange, key, man, plugin, policy,
    status, token, transport, up,
};
use crate::config::TlsDirectory;

/// Programs made of several processes: typed calls, events and streams over the fastest safe local
/// transport.
#[derive(Debug, Parser)]
#[command(
    name = "linkspan",
    version,
    styles = STYLES,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = MORE
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print JSON for programs instead of text for people, errors too.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Configuration file. Without it: `$LINKSPAN_CONFIG`, then linkspan.yaml or linkspan.toml in this
    /// directory, the user's configuration directory, or /etc/linkspan.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) tls: TlsDirectory,

    /// File with an API key, a launch token or a JWT, for servers that ask who this is; nobody else may
    /// be able to read it.
    #[arg(long, global = true, value_name = "FILE", env = "LINKSPAN_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Options),
    Call(call::Options),
    Status(status::Options),
    #[command(subcommand)]
    Transport(transport::Command),
    #[command(subcommand)]
    Exchange(exchange::Command),
    #[command(subcommand)]
    Bus(bus::Command),
    #[command(subcommand)]
    Daemon(daemon::Command),
    #[command(subcommand)]
    Plugin(plugin::Command),
    #[command(subcommand)]
    Key(key::Command),
    #[command(subcommand)]
    Token(token::Command),
    #[command(subcommand)]
    Policy(policy::Command),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Cert(cert::Command),
    Doctor(doctor::Options),
    Completions(completions::Options),
    Man(man::Options),
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const MORE: &str = "To begin: `linkspan up` in one terminal, and in another what it suggests.

Every value of the configuration can be set by a variable, too: `linkspan config show` lists them, \
     and transport.socket_path is LINKSPAN_TRANSPORT__SOCKET_PATH.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 \
     nobody there, 5 request refused, 6 the method's own error, 7 deadline passed.";
