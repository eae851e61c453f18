//! `linkspan transport test`.

use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use linkspan::Address;
use linkspan::codec::Codec;
use linkspan::rpc::{Connection, Request};
use tokio::task::JoinSet;

use crate::commands::block_on;
use crate::commands::child::ChildNode;
use crate::commands::connect::connect;
use crate::commands::measured::{Measured, show};
use crate::config::{BackendChoice, DefaultType, Loaded, Size};
use crate::failure::{Failure, Kind, Result};
use crate::node::Node;
use crate::output::Output;

/// Measure round trips over a transport: to a second process, or within this one.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The transport: in-process, unix-socket, named-pipe or tcp.
    #[arg(long = "type", value_name = "TRANSPORT", default_value = "unix-socket")]
    transport: DefaultType,

    /// How many calls to measure.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// Bytes of each request and each answer, as 64 or 16KiB; at most 64MiB.
    #[arg(long, value_name = "SIZE", default_value = "64")]
    size: Size,

    /// Calls that are under way at once, at most 10000.
    #[arg(long, value_name = "COUNT", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,

    /// The backend of local sockets, at both ends: tokio, interprocess or legacy; all compares them.
    /// Without it, the one of the configuration.
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backends>,
}

/// Which backends are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backends {
    One(BackendChoice),
    All,
}

impl FromStr for Backends {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.eq_ignore_ascii_case("all") {
            true => Ok(Self::All),
            false => text
                .parse()
                .map(Self::One)
                .map_err(|error| format!("{error}, all")),
        }
    }
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    check(options, loaded)?;
    block_on(async {
        let configured = loaded.config.ipc.transport;
        let backends = match options.backend {
            None => vec![configured],
            Some(Backends::One(backend)) => vec![backend],
            Some(Backends::All) => BackendChoice::ALL.to_vec(),
        };
        let mut measured = Vec::new();
        for backend in backends {
            let mut loaded = loaded.clone();
            loaded.config.ipc.transport = backend;
            measured.push(Box::pin(measure_one(options, &loaded, output)).await?);
        }
        show(&measured, output)
    })
}

async fn measure_one(options: &Options, loaded: &Loaded, output: &Output) -> Result<Measured> {
    match options.transport {
        DefaultType::InProcess => within(options, loaded, output).await,
        // The node owns the directory of its socket: it outlives this process, if it is killed.
        DefaultType::UnixSocket => across(&["--private-socket"], options, loaded, output).await,
        DefaultType::NamedPipe => {
            let address = own_pipe().to_string();
            across(&["--listen", &address], options, loaded, output).await
        }
        DefaultType::Tls => Err(Failure::message(
            Kind::Usage,
            "TLS needs certificates: measure a server that runs, by naming its address",
        )),
        DefaultType::Tcp => across(&["--listen", "tcp:127.0.0.1:0"], options, loaded, output).await,
    }
}

fn own_pipe() -> Address {
    Address::Pipe(format!("linkspan-test-{}", std::process::id()))
}

/// Refuses what no server takes, and what would fill the memory.
fn check(options: &Options, loaded: &Loaded) -> Result {
    let is_local = matches!(
        options.transport,
        DefaultType::UnixSocket | DefaultType::NamedPipe
    );
    if options.backend.is_some() && !is_local {
        let message = "only local sockets have backends: --backend goes with --type unix-socket or named-pipe";
        return Err(Failure::message(Kind::Usage, message));
    }
    let local = match options.transport {
        DefaultType::UnixSocket => Some(Address::Unix("node.sock".into())),
        DefaultType::NamedPipe => Some(own_pipe()),
        DefaultType::InProcess | DefaultType::Tcp | DefaultType::Tls => None,
    };
    if let Some(problem) = local.and_then(|address| loaded.config.obstacle(&address)) {
        return Err(Failure::message(Kind::Usage, problem));
    }
    let Size(bytes) = options.size;
    let limit = loaded.config.server().session.max_message_bytes;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let too_much = |what: String, limit| {
        let limit = Size(limit);
        let message = format!("{what} exceed the limit of {limit}");
        Err(Failure::message(Kind::Usage, message))
    };
    if bytes > limit {
        return too_much(format!("messages of {} (--size)", options.size), limit);
    }
    if bytes.saturating_mul(options.in_flight.into()) > MAX_BYTES_IN_FLIGHT {
        let what = format!("{} messages of {} at once", options.in_flight, options.size);
        return too_much(what, MAX_BYTES_IN_FLIGHT);
    }
    Ok(())
}

async fn within(options: &Options, loaded: &Loaded, output: &Output) -> Result<Measured> {
    let address = Address::Memory("transport-test".to_owned());
    let node = Node::start(&loaded.config, std::slice::from_ref(&address)).await?;
    let measured = measure(&address, options, loaded, output).await?;
    Box::pin(node.stop(Duration::from_secs(1))).await;
    Ok(measured)
}

async fn across(
    listen: &[&str],
    options: &Options,
    loaded: &Loaded,
    output: &Output,
) -> Result<Measured> {
    let node = ChildNode::start(listen, loaded).await?;
    let measured = measure(node.address(), options, loaded, output).await?;
    node.stop().await?;
    Ok(measured)
}

async fn measure(
    address: &Address,
    options: &Options,
    loaded: &Loaded,
    output: &Output,
) -> Result<Measured> {
    let connection = connect(address, loaded).await?;
    let body = Bytes::from(vec![0x5A; usize::try_from(options.size.0).context("size")?]);
    // Buffers grow and pages are touched before it counts.
    let warm_up = (options.count / 10).clamp(1, 1_000);
    calls(&connection, &body, warm_up, 1, &ProgressBar::hidden()).await?;
    let progress = progress(options.count, output);
    let began = Instant::now();
    let latencies = calls(
        &connection,
        &body,
        options.count,
        options.in_flight,
        &progress,
    )
    .await?;
    let time = began.elapsed();
    progress.finish_and_clear();
    Ok(Measured {
        peer: connection.peer().clone(),
        address: address.clone(),
        count: options.count,
        size: options.size,
        in_flight: options.in_flight,
        latencies,
        time,
    })
}

async fn calls(
    connection: &Connection,
    body: &Bytes,
    count: u64,
    in_flight: u32,
    progress: &ProgressBar,
) -> Result<Histogram<u64>> {
    let (mut callers, latencies) = (JoinSet::new(), Arc::new(Mutex::new(histogram()?)));
    let in_flight = u64::from(in_flight).min(count);
    for caller in 0..in_flight {
        let share = count / in_flight + u64::from(caller < count % in_flight);
        callers.spawn(call_again(
            connection.clone(),
            body.clone(),
            share,
            Arc::clone(&latencies),
            progress.clone(),
        ));
    }
    while let Some(one) = callers.join_next().await {
        one.context("a caller broke")??;
    }
    let latencies = lock(&latencies).clone();
    Ok(latencies)
}

async fn call_again(
    connection: Connection,
    body: Bytes,
    count: u64,
    latencies: Arc<Mutex<Histogram<u64>>>,
    progress: ProgressBar,
) -> Result {
    for number in 1..=count {
        let mut request = Request::new("node.echo", body.clone()).with_codec(Codec::Raw);
        request.timeout = Some(CALL_LIMIT);
        let began = Instant::now();
        let answer = connection.call(request).await?.collect().await?;
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        lock(&latencies).saturating_record(nanos);
        if answer.bytes != body {
            return Err(Failure::message(
                Kind::Other,
                "what came back is not what was sent",
            ));
        }
        if number % PROGRESS_STEP == 0 {
            progress.inc(PROGRESS_STEP);
        }
    }
    progress.inc(count % PROGRESS_STEP);
    Ok(())
}

fn lock(latencies: &Mutex<Histogram<u64>>) -> MutexGuard<'_, Histogram<u64>> {
    latencies.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 3_600_000_000_000, 3).context("a histogram")?)
}

fn progress(count: u64, output: &Output) -> ProgressBar {
    if output.json {
        return ProgressBar::hidden();
    }
    // It draws on standard error, and only if that is a terminal.
    let bar = ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} calls, {per_sec}");
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Counting each call alone would be a part of what is measured.
const PROGRESS_STEP: u64 = 64;
/// Memory for what is under way, on each side and in each direction.
const MAX_BYTES_IN_FLIGHT: u64 = 1 << 30;
