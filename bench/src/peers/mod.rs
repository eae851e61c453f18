//! The peers, and how a name becomes code.

mod bare_process;
#[cfg(feature = "peers")]
pub(crate) mod busrt;
mod certificates;
mod daemon_cli;
mod echo;
mod exchange;
mod floor;
mod frames;
mod frames_std;
mod frames_tokio;
mod linkspan;
mod linkspan_bus;
mod linkspan_daemon;
mod linkspan_plugin;
mod linkspan_sealed;
#[cfg(feature = "peers")]
mod nats;
mod raw_std;
mod raw_tokio;
#[cfg(feature = "peers")]
mod tarpc;
#[cfg(feature = "peers")]
mod tonic;

use std::env;

use anyhow::{Context, Result, bail};
use tokio::runtime::{self, Runtime};

use self::bare_process::BareProcess;
#[cfg(feature = "peers")]
use self::busrt::Busrt;
use self::daemon_cli::DaemonCli;
use self::echo::Echo;
use self::exchange::Exchange;
use self::floor::{FloorCommand, FloorSocket};
use self::frames_std::FramesStd;
use self::frames_tokio::FramesTokio;
use self::linkspan::{Linkspan, Memory, Tcp, Tls, TlsChacha, Unchecked, Unix, UnixTls};
use self::linkspan_bus::LinkspanBus;
use self::linkspan_daemon::LinkspanDaemon;
use self::linkspan_plugin::{Basic, Kind, Plain, Plugins, Python, Strict};
use self::linkspan_sealed::LinkspanSealed;
use self::raw_std::RawStd;
use self::raw_tokio::RawTokio;
use crate::bus::Bus;
use crate::figures::Sample;
use crate::peer::{Peer, Place, Ready};
use crate::program::Program;
use crate::scenarios::{BusWork, Commands, Starts, Target, Work};
use crate::starter::{Process, Starter};

/// A peer whose types are forgotten.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) way: Way,
    /// How it is brought along, if it is not built in.
    pub(crate) brought: Option<Brought>,
    /// Finds out why this system cannot do it, if there is something that it cannot.
    obstacle: Option<fn() -> Option<String>>,
}

impl Entry {
    /// Whether it can take part.
    pub(crate) fn is_here(&self) -> bool {
        self.brought.as_ref().is_none_or(Brought::is_here) && self.obstacle().is_none()
    }

    /// Why this system cannot do it.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.obstacle.and_then(|find_out| find_out())
    }

    /// How its server is run.
    pub(crate) fn server(&self) -> Result<Serve> {
        match &self.way {
            Way::Connections(connections) | Way::Both(connections, _) => Ok(connections.serve),
            Way::Broker(broker) => Ok(broker.serve),
            Way::Program(_) | Way::Processes(_) => {
                bail!("{} is a program, not a server", self.name)
            }
        }
    }

    /// Whether it needs a server in a process of its own.
    pub(crate) fn has_server(&self) -> bool {
        match &self.way {
            Way::Connections(connections) | Way::Both(connections, _) => !connections.is_in_process,
            Way::Broker(_) => true,
            Way::Program(_) | Way::Processes(_) => false,
        }
    }
}

/// How a program comes here that is not built in.
pub(crate) struct Brought {
    /// The environment variable that names its file.
    pub(crate) variable: &'static str,
    /// Asks the program what it is.
    pub(crate) version: fn(&Place) -> Result<String>,
}

impl Brought {
    pub(crate) fn is_here(&self) -> bool {
        env::var_os(self.variable).is_some_and(|path| !path.is_empty())
    }
}

/// How a peer is measured.
pub(crate) enum Way {
    /// By connections to a server.
    Connections(Connections),
    /// By clients of a broker.
    Broker(Broker),
    /// By starting its program.
    Program(fn(Commands, &Place) -> Result<Sample>),
    /// By starting processes and calling them.
    Processes(MeasureStarts),
    /// By connections to a process that was started, and by starting such processes.
    Both(Connections, MeasureStarts),
}

/// Takes one sample of starting processes.
pub(crate) type MeasureStarts = fn(&Runtime, Starts, &Place) -> Result<Sample>;

/// A [`Peer`] whose types are forgotten.
pub(crate) struct Connections {
    pub(crate) is_in_process: bool,
    pub(crate) serve: Serve,
    /// Answers on a runtime that does something else, too.
    pub(crate) serve_beside: fn(&Runtime, Place, Ready),
    /// Takes one sample.
    pub(crate) measure: fn(&Runtime, Work, Target) -> Result<Sample>,
}

/// A [`Bus`] whose types are forgotten.
pub(crate) struct Broker {
    serve: Serve,
    /// Takes one sample.
    pub(crate) measure: fn(&Runtime, BusWork, Target) -> Result<Sample>,
}

/// Answers for ever.
pub(crate) type Serve = fn(&Runtime, Place, Ready) -> Result<()>;

/// All that are built in, in the order of the tables.
pub(crate) const ALL: &[Entry] = &[
    entry::<RawStd>(),
    entry::<RawTokio>(),
    entry::<Linkspan<Unix>>(),
    entry::<Linkspan<Unchecked>>(),
    entry::<Linkspan<Tcp>>(),
    entry::<Linkspan<Memory>>(),
    entry::<Linkspan<linkspan::Lz4>>(),
    entry::<Linkspan<linkspan::Zstd>>(),
    entry::<Linkspan<UnixTls>>(),
    entry::<Linkspan<Tls>>(),
    entry::<Linkspan<TlsChacha>>(),
    entry::<LinkspanSealed<linkspan_sealed::Aes>>(),
    entry::<LinkspanSealed<linkspan_sealed::ChaCha>>(),
    entry::<Linkspan<linkspan::Interprocess>>(),
    entry::<Linkspan<linkspan::Legacy>>(),
    entry::<FramesStd>(),
    entry::<FramesTokio>(),
    entry::<Exchange<exchange::Tokio>>(),
    entry::<Exchange<exchange::Interprocess>>(),
    entry::<Exchange<exchange::Legacy>>(),
    program::<Echo>(),
    program::<FloorSocket>(),
    program::<FloorCommand>(),
    program::<LinkspanDaemon>(),
    program::<DaemonCli>(),
    processes::<BareProcess>(bare_process::NAME),
    plugin::<Plain>(),
    plugin::<Basic>(),
    plugin::<Strict>(),
    plugin::<Python>(),
    #[cfg(feature = "peers")]
    entry::<tarpc::Tarpc>(),
    #[cfg(feature = "peers")]
    entry::<tonic::Tonic>(),
    broker::<LinkspanBus>(),
    #[cfg(feature = "peers")]
    broker::<Busrt<busrt::Ours>>(),
    #[cfg(feature = "peers")]
    broker::<Busrt<busrt::Theirs>>(),
    #[cfg(feature = "peers")]
    broker::<Busrt<busrt::Daemon>>(),
    #[cfg(feature = "peers")]
    broker::<nats::NatsServer>(),
];

/// The peer of a name.
pub(crate) fn named(name: &str) -> Result<&'static Entry> {
    let known = || {
        let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
        format!("no peer is called {name:?}; there are {}", names.join(", "))
    };
    ALL.iter()
        .find(|entry| entry.name == name)
        .with_context(known)
}

const fn program<P: Program>() -> Entry {
    Entry {
        name: P::NAME,
        way: Way::Program(|commands, place| commands.measure(&P::prepare(place)?)),
        brought: match P::BROUGHT_BY {
            None => None,
            Some(variable) => Some(Brought {
                variable,
                version: |place| P::prepare(place)?.version(),
            }),
        },
        obstacle: None,
    }
}

const fn broker<B: Bus>() -> Entry {
    let broker = Broker {
        serve: |runtime, place, ready| runtime.block_on(B::serve(place, ready)),
        measure: |runtime, work, target| {
            runtime.block_on(async { tokio::spawn(work.measure::<B>(target)).await? })
        },
    };
    Entry {
        name: B::NAME,
        way: Way::Broker(broker),
        brought: match B::BROUGHT_BY {
            None => None,
            Some(variable) => Some(Brought {
                variable,
                version: |_| B::version(),
            }),
        },
        obstacle: None,
    }
}

const fn entry<P: Peer>() -> Entry {
    built_in(P::NAME, Way::Connections(connections::<P>()))
}

const fn processes<S: Starter>(name: &'static str) -> Entry {
    built_in(name, Way::Processes(measure_starts::<S>))
}

const fn plugin<K: Kind>() -> Entry {
    let connections = connections::<Plugins<K>>();
    let way = Way::Both(connections, measure_starts::<Plugins<K>>);
    Entry {
        obstacle: Some(obstacle::<Plugins<K>>),
        ..built_in(K::NAME, way)
    }
}

const fn built_in(name: &'static str, way: Way) -> Entry {
    Entry {
        name,
        way,
        brought: None,
        obstacle: None,
    }
}

const fn connections<P: Peer>() -> Connections {
    Connections {
        is_in_process: P::IN_PROCESS,
        serve: |runtime, place, ready| runtime.block_on(P::serve(place, ready)),
        serve_beside: |runtime, place, ready| {
            // It ends with the runtime.
            runtime.spawn(P::serve(place, ready));
        },
        // On a task of its own, as users' code is, and not on the runtime's special first one.
        measure: |runtime, work, target| {
            runtime.block_on(async { tokio::spawn(work.measure::<P>(target)).await? })
        },
    }
}

fn measure_starts<S: Starter>(runtime: &Runtime, work: Starts, place: &Place) -> Result<Sample> {
    let place = place.clone();
    runtime.block_on(async { tokio::spawn(work.measure::<S>(place)).await? })
}

/// Starts a process, to see whether that is possible. Other errors than impossibility are left to whoever
/// measures.
fn obstacle<S: Starter>() -> Option<String> {
    let try_out = async |place: &Place| {
        let starter = S::prepare(place, 1).await?;
        let process = starter.start(starter.load(0).await?).await?;
        process.end().await
    };
    let directory = tempfile::tempdir().ok()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let tried = runtime
        .ok()?
        .block_on(try_out(&Place::new(directory.path())));
    tried.err().and_then(|error| S::obstacle(&error))
}
