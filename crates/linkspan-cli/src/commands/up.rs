//! `linkspan up`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use linkspan::Address;
use linkspan::rpc::Router;
use linkspan::transport::ListenError;
use tokio::io::AsyncReadExt;
use tracing::{error, info};

use crate::config::{Loaded, Preset, Span, find_file, load};
use crate::failure::{Failure, Kind, Result};
use crate::logging::Logging;
use crate::node::{Node, Ready, trial_methods};
use crate::output::{Output, counted};
use crate::signals::{Signals, Wish};

/// Start a node and serve until it is stopped.
///
/// It ends in order on ^C and SIGTERM: it takes no new requests and gives those under way the time
/// of --drain-timeout; a second signal ends it at once. On SIGHUP it reads its configuration again.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen, instead of where the configuration says: unix:PATH or tcp:HOST:PORT, where
    /// port 0 lets the system choose; may be repeated.
    #[arg(long, short, value_name = "ADDRESS")]
    listen: Vec<Address>,

    /// Time for requests under way when the node stops: 500ms, 10s, 5m, or a number of seconds; at
    /// most 24h.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = drain_time)]
    drain_timeout: Span,

    /// Stop at the end of standard input, too; if that is a pipe, when whoever started this node is
    /// gone.
    #[arg(long)]
    until_stdin_closes: bool,

    /// Listen on a Unix socket in a directory that is made for it, and removed when the node stops.
    #[arg(long, hide = true, conflicts_with = "listen")]
    private_socket: bool,

    /// Serve these, too.
    #[arg(long, value_enum, hide = true)]
    also: Option<Extra>,
}

/// What a node only serves if it is told to.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Extra {
    /// Slow methods, so that slowness can be tested.
    TrialMethods,
}

pub(crate) fn run(options: Options, loaded: Loaded, output: &Output) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(serve(options, loaded, output));
    // A read of standard input may wait for ever.
    runtime.shutdown_background();
    result
}

async fn serve(options: Options, mut loaded: Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let logging = Logging::start(
        &loaded.config.environment,
        output.notice_style().is_colored(),
    )?;
    for note in loaded.notes() {
        info!(note);
    }
    // It is removed after the node has left it.
    let directory = options.private_socket.then(tempfile::tempdir).transpose()?;
    let addresses = match (&directory, options.listen.as_slice()) {
        (Some(directory), _) => vec![Address::Unix(directory.path().join("node.sock"))],
        (None, []) => vec![loaded.config.address()?],
        (None, addresses) => addresses.to_vec(),
    };
    let more = match options.also {
        Some(Extra::TrialMethods) => trial_methods(),
        None => Router::new(),
    };
    let schemas = loaded.schemas()?;
    let node = Node::start_with(&loaded.config, &addresses, schemas, more).await?;
    match greet(&node, &loaded, output).await {
        // Whoever started it may have read enough, and is served nevertheless.
        Err(failure) if !failure.is_closed_pipe() => return Err(failure),
        _ => {}
    }
    let texts =
        |addresses: Vec<Address>| -> Vec<_> { addresses.iter().map(ToString::to_string).collect() };
    info!(
        addresses = ?texts(node.addresses().await),
        exchanges = ?texts(node.exchanges().await),
        bus = ?texts(node.bus().await),
        backend = %loaded.config.ipc.transport,
        "node is up"
    );

    let orphaned = stdin_closed(options.until_stdin_closes);
    tokio::pin!(orphaned);
    let reason = loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Stop(reason) => break reason,
                Wish::Reload => reload(&mut loaded, &node, &logging).await,
            },
            () = &mut orphaned => break "standard input closed",
        }
    };
    info!(reason, "node stops");
    if !output.json {
        output.notice(format_args!("stopping ({reason}); ^C again stops at once"));
    }
    let stop = node.stop(options.drain_timeout.0);
    let report = tokio::select! {
        report = stop => report,
        () = another_stop(&mut signals) => {
            return Err(Failure::message(Kind::Other, "stopped at once, requests were cut off"));
        }
    };
    info!(
        connections = report.connections,
        cut = report.cut,
        "node is down"
    );
    if output.json {
        let report = serde_json::json!({ "event": "stopped", "reason": reason,
            "connections": report.connections, "cut": report.cut });
        output.json_line(&report)?;
    } else if report.cut > 0 {
        let were = if report.cut == 1 { "was" } else { "were" };
        let cut = counted(u64::try_from(report.cut).unwrap_or(u64::MAX), "request");
        output.notice(format_args!("{cut} {were} cut off"));
    }
    Ok(())
}

/// Takes a time with a unit, or a number of seconds.
pub(crate) fn drain_time(text: &str) -> std::result::Result<Span, String> {
    let time = match text.parse() {
        Ok(seconds) => Span::seconds(seconds),
        Err(_) => text.parse::<Span>()?,
    };
    if time.0 > LONGEST_DRAIN.0 {
        return Err(format!("{text} exceeds the limit of {LONGEST_DRAIN}"));
    }
    Ok(time)
}

/// Says what is served, where, and what to try next.
async fn greet(node: &Node, loaded: &Loaded, output: &Output) -> Result {
    let addresses = node.addresses().await;
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let exchanges = node.exchanges().await;
    let exchanges: Vec<_> = exchanges.iter().map(ToString::to_string).collect();
    let bus = node.bus().await;
    let bus: Vec<_> = bus.iter().map(ToString::to_string).collect();
    let methods: Vec<_> = node
        .methods()
        .iter()
        .map(|method| method.name.as_str())
        .collect();
    if output.json {
        let ready = Ready {
            event: "ready".to_owned(),
            pid: std::process::id(),
            addresses,
            exchanges,
            bus,
            methods: methods.into_iter().map(str::to_owned).collect(),
        };
        return Ok(output.json_line(&ready)?);
    }
    let style = output.style();
    let version = format!("linkspan {}", crate::config::VERSION);
    output.line(format_args!(
        "{} is up, as process {}\n",
        style.title(version),
        std::process::id()
    ))?;
    for address in &addresses {
        output.line(format_args!("  {:<9} {}", "listens", style.name(address)))?;
    }
    for address in &exchanges {
        output.line(format_args!("  {:<9} {}", "exchanges", style.name(address)))?;
    }
    for address in &bus {
        output.line(format_args!("  {:<9} {}", "bus", style.name(address)))?;
    }
    let file = loaded.file().map(|file| file.display().to_string());
    let preset = match loaded.config.environment.name {
        Preset::Development => String::new(),
        preset => format!(", preset {}", preset.name()),
    };
    let file = file.unwrap_or_else(|| "defaults; there is no linkspan.yaml".to_owned());
    output.line(format_args!("  {:<9} {file}{preset}", "config"))?;
    output.line(format_args!("  {:<9} {}\n", "serves", methods.join("  ")))?;
    let (Some(address), program) = (addresses.first(), own_name()) else {
        return Ok(());
    };
    output.line("Try in another terminal:\n")?;
    let is_found = default_address().is_some_and(|default| default == *address);
    for words in [
        if is_found { "status" } else { "status ADDRESS" },
        "call ADDRESS host.processes",
        "call ADDRESS node.echo '{\"hello\": \"world\"}'",
    ] {
        let words = words.replace("ADDRESS", address);
        output.line(format_args!(
            "  {}",
            style.name(format_args!("{program} {words}"))
        ))?;
    }
    output.line("\n^C stops it.")?;
    Ok(())
}

/// Where commands look for a node that are told neither an address nor a configuration.
fn default_address() -> Option<String> {
    let loaded = load(find_file().as_deref()).ok()?;
    Some(loaded.config.address().ok()?.to_string())
}

/// How this program can be called from here.
fn own_name() -> String {
    let installed = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .map(|directory| directory.join("linkspan"))
        .find(|file| file.is_file());
    let own = std::env::current_exe().unwrap_or_default();
    let is_own = |file: &PathBuf| file.canonicalize().ok() == own.canonicalize().ok();
    if installed.as_ref().is_some_and(is_own) {
        return "linkspan".to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    own.strip_prefix(here).map_or_else(
        |_| own.display().to_string(),
        |own| own.display().to_string(),
    )
}

/// Reads the configuration again; if anything in it is wrong, nothing changes.
async fn reload(loaded: &mut Loaded, node: &Node, logging: &Logging) {
    let new = match load(loaded.file()) {
        Ok(mut new) => {
            let directory = &loaded.config.tls_directory;
            new.config.tls_directory.clone_from(directory);
            new
        }
        Err(problem) => return error!(%problem, "the configuration is wrong; nothing was changed"),
    };
    let schemas = match new.schemas() {
        Ok(schemas) => schemas,
        Err(problem) => return error!(%problem, "a schema is wrong; nothing was changed"),
    };
    if let Err(problem) = node.reconfigure(&new.config).await {
        return error!(%problem, "the listeners cannot be changed; nothing was changed");
    }
    let rates = new.config.bus.rates().unwrap_or_default();
    if let Err(problem) = node.set_rules(&rates, schemas).await {
        error!(%problem, "the rates of the bus cannot be changed");
    }
    if let Err(problem) = logging.change(&new.config.environment) {
        error!(%problem, "the log level cannot be changed");
    }
    let needs_restart: Vec<_> = new
        .changes(loaded)
        .into_iter()
        .filter(|key| is_fixed(key))
        .collect();
    info!(changed = ?new.changes(loaded), ?needs_restart, "configuration was read again");
    *loaded = new;
}

/// Whether a value holds from the node's start to its end.
fn is_fixed(key: &str) -> bool {
    [
        "socket_path",
        "default_type",
        "bind_address",
        "endpoint_path",
        "log_format",
        "pipe_name",
        "security_descriptor",
        "_permissions",
    ]
    .iter()
    .any(|fixed| key.ends_with(fixed))
        || (key.starts_with("bus.") && !is_rule(key))
        || ["plugins.max_plugins", "plugins.unpinned"].contains(&key)
        || key.starts_with("plugins.interpreters.")
}

/// Whether a value is one that messages have to keep to, and can change at any time.
fn is_rule(key: &str) -> bool {
    key.starts_with("bus.rate.") || key == "bus.schemas"
}

/// Waits for a second wish to stop.
async fn another_stop(signals: &mut Signals) {
    while signals.next().await == Wish::Reload {}
}

/// Waits until nobody holds the other end of standard input, if that matters.
async fn stdin_closed(matters: bool) {
    if !matters {
        return std::future::pending().await;
    }
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 256];
    while stdin.read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let hint = match &error {
            ListenError::Plaintext { .. } => {
                "allow it by `transport: { allow_plaintext: true }`, if everybody on the way may read along"
            }
            ListenError::InUse { .. } => {
                "a server runs there already; if it is a node, `linkspan status ADDRESS` shows it"
            }
            _ => "`linkspan doctor` looks for what is wrong",
        };
        Self::new(Kind::Other, error).hint(hint)
    }
}

const LONGEST_DRAIN: Span = Span::seconds(24 * 60 * 60);
