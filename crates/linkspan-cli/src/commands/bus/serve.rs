//! `linkspan bus serve`.

use std::io;
use std::num::NonZero;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use linkspan::Address;
use linkspan::bus::{Broker, ServeError, Serving};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, info};

use crate::commands::status::bus_facts;
use crate::config::{
    Bus, CompatChoice, Config, Loaded, OverflowChoice, SecondariesChoice, Size, VERSION, load,
};
use crate::failure::{Failure, Kind, Result};
use crate::logging::Logging;
use crate::node::{BusCounts, Guard, broker};
use crate::output::Output;
use crate::signals::{Signals, Wish};

/// Run a broker, until ^C.
///
/// Clients of BUS/RT need no change. Those that break its rules are disconnected; why is logged on
/// standard error. What is not said here, the section `bus` of the configuration says. On SIGHUP its rates
/// and schemas are read again.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Where to listen: unix:PATH, pipe:NAME, tcp:HOST:PORT or ws:HOST:PORT, where port 0 lets the
    /// system choose; as many as there are. Without one, where `bus.listen` says.
    addresses: Vec<Address>,

    /// Threads that do the work; half as many as there are processors if not said. A broker mostly waits
    /// for its clients: on two processors one thread passes on more than two, for less processor time.
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZero<usize>>,

    #[command(flatten)]
    settings: Settings,
}

/// What is stronger than the configuration.
#[derive(Debug, Args)]
struct Settings {
    /// Messages that may wait for one subscriber.
    #[arg(long, value_name = "COUNT")]
    queue_messages: Option<usize>,

    /// Bytes that may wait for one subscriber, as 65536 or 16MiB.
    #[arg(long, value_name = "SIZE")]
    queue_bytes: Option<Size>,

    /// What is done about a message for which a subscriber has no room: block, drop-oldest,
    /// drop-newest, latest-only or disconnect.
    #[arg(long, value_name = "POLICY")]
    overflow: Option<OverflowChoice>,

    /// Longest message, as 65536 or 1MiB.
    #[arg(long, value_name = "SIZE")]
    max_message: Option<Size>,

    /// Who may be a secondary client of a primary one: same-peer or anybody.
    #[arg(long, value_name = "WHO")]
    secondaries: Option<SecondariesChoice>,

    /// Whose acknowledgements clients get: honest, or strict for those of BUS/RT's own broker.
    #[arg(long, value_name = "WHOSE")]
    compat: Option<CompatChoice>,

    /// Let a new client take a name over from the one that has it.
    #[arg(long)]
    force_register: bool,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let config = options.settings.over(&loaded.config)?;
    let schemas = loaded.schemas()?;
    let addresses = places(options.addresses, &config)?;
    runtime(options.threads)?.block_on(async {
        let mut signals = Signals::listen()?;
        let color = output.notice_style().is_colored();
        Logging::start_detailed(&config.environment, color, "linkspan::bus")?;
        let guard = Guard::open(&config)?;
        let mut made = Broker::new().schemas(schemas);
        // As brokers of BUS/RT do, it lets all do everything who may connect, and asks nobody for it.
        let is_guarded = config.security.is_about_clients();
        if is_guarded {
            made = made.guard(guard.rights.clone());
        }
        let serving = broker(&config, &addresses, made, &guard).await?;
        let served = serving.map(|serving| Served {
            serving,
            guard,
            is_guarded,
        });
        match served {
            Some(served) => serve(served, &mut signals, &config, loaded.file(), output).await,
            None => Ok(()),
        }
    })
}

/// What the broker runs on.
fn runtime(threads: Option<NonZero<usize>>) -> io::Result<Runtime> {
    let processors = || available_parallelism().map_or(1, NonZero::get);
    match threads.map_or_else(|| processors() / 2, NonZero::get) {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        threads => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    }
}

/// A broker, and whom it believes.
struct Served {
    serving: Serving,
    guard: Guard,
    /// Whether the guard is asked, which costs time.
    is_guarded: bool,
}

async fn serve(
    served: Served,
    signals: &mut Signals,
    config: &Config,
    file: Option<&Path>,
    output: &Output,
) -> Result {
    match greet(&served.serving, &config.bus, output) {
        // Whoever started it may have read enough, and is served nevertheless.
        Err(failure) if !failure.is_closed_pipe() => return Err(failure),
        _ => {}
    }
    while signals.next().await == Wish::Reload {
        reload(&served, file);
    }
    let counts = BusCounts::from(&served.serving.stats());
    served.serving.stop(STOP_LIMIT).await;
    if output.json {
        return Ok(output.json_line(&json!({ "event": "stopped", "bus": counts }))?);
    }
    bus_facts(&counts)
        .to_string()
        .lines()
        .for_each(|line| output.notice(line));
    Ok(())
}

/// Reads what messages have to keep to, and keys, again; if anything is wrong, nothing changes. All else
/// holds from start to end.
fn reload(served: &Served, file: Option<&Path>) {
    let serving = &served.serving;
    let read = load(file).and_then(|loaded| Ok((loaded.schemas()?, loaded)));
    let (schemas, loaded) = match read {
        Ok(read) => read,
        Err(problem) => return error!(%problem, "the configuration is wrong; nothing was changed"),
    };
    if loaded.config.security.is_about_clients() && !served.is_guarded {
        let problem =
            "a broker that was started without rights and limits has to be started anew for them";
        return error!(%problem, "nothing was changed");
    }
    let prepared = match served.guard.prepare(&loaded.config) {
        Ok(prepared) => prepared,
        Err(problem) => return error!(%problem, "the keys are wrong; nothing was changed"),
    };
    let rates = loaded.config.bus.rates().unwrap_or_default();
    if let Err(problem) = serving.broker().set_rates(&rates) {
        return error!(%problem, "the rates cannot be changed; nothing was changed");
    }
    serving.broker().set_schemas(schemas);
    served.guard.take(prepared);
    info!("rates, schemas, keys and rights were read again");
}

/// Where to listen.
fn places(named: Vec<Address>, config: &Config) -> Result<Vec<Address>> {
    let places = match named.is_empty() {
        true => config.bus.addresses().map_err(ServeError::from)?,
        false => named,
    };
    if places.is_empty() {
        return Err(Failure::message(Kind::Usage, "there is no address to listen at").hint(
            "name some, as unix:/tmp/bus.sock or tcp:127.0.0.1:7777, or set `bus: { listen: [...] }`",
        ));
    }
    if let Some(problem) = places.iter().find_map(|place| config.obstacle(place)) {
        return Err(Failure::message(Kind::Usage, problem));
    }
    Ok(places)
}

impl Settings {
    fn over(&self, config: &Config) -> Result<Config> {
        let mut config = config.clone();
        let bus = &mut config.bus;
        bus.queue_messages = self.queue_messages.unwrap_or(bus.queue_messages);
        bus.queue_bytes = self.queue_bytes.unwrap_or(bus.queue_bytes);
        bus.overflow = self.overflow.unwrap_or(bus.overflow);
        bus.max_message_bytes = self.max_message.unwrap_or(bus.max_message_bytes);
        bus.secondaries = self.secondaries.unwrap_or(bus.secondaries);
        bus.compat = self.compat.unwrap_or(bus.compat);
        bus.force_register |= self.force_register;
        bus.check()
            .map_err(|(key, problem)| Failure::message(Kind::Usage, format!("{key}: {problem}")))?;
        Ok(config)
    }
}

fn greet(serving: &Serving, bus: &Bus, output: &Output) -> Result {
    let addresses: Vec<_> = serving.addresses().map(ToString::to_string).collect();
    if output.json {
        let pid = std::process::id();
        let ready = json!({ "event": "ready", "pid": pid, "addresses": addresses });
        return Ok(output.json_line(&ready)?);
    }
    let style = output.style();
    output.line(format_args!(
        "{} passes messages on at\n",
        style.title(format_args!("linkspan {VERSION}")),
    ))?;
    for address in &addresses {
        output.line(format_args!("  {}", style.name(address)))?;
    }
    output.line(format_args!(
        "\n  {} messages or {} may wait for each subscriber, messages have up to {}\n",
        bus.queue_messages, bus.queue_bytes, bus.max_message_bytes
    ))?;
    Ok(output.line("^C stops it.")?)
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Listen(error) => error.into(),
            ServeError::Address(_) | ServeError::Config(_) => Self::new(Kind::Usage, error),
            _ => Self::new(Kind::Other, error),
        }
    }
}

/// Time for clients to go.
const STOP_LIMIT: Duration = Duration::from_secs(1);
const EXAMPLES: &str = "Examples:
  linkspan bus serve unix:/tmp/bus.sock
  linkspan bus serve unix:/tmp/bus.sock tcp:127.0.0.1:7777 --overflow drop-oldest
  linkspan bus serve ws:127.0.0.1:7777";
