//! Being the server or the client of a sample.

use std::io::{self, Read};
use std::path::Path;
use std::process;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::{Builder, TempDir};
use tokio::runtime::{self, Runtime};

use crate::figures::Sample;
use crate::peer::{Listening, Place, Ready};
use crate::peers::{self, Connections, Way};
use crate::process::{LISTENING, Order};
use crate::scenarios::{Setting, Target, Work, allow_descriptors};

/// Answers until standard input ends.
pub(crate) fn serve(order: &Order) -> Result<()> {
    allow_descriptors()?;
    let runtime = runtime(order.setting)?;
    let serve = peers::named(&order.peer)?.server()?;
    let directory = directory()?;
    let place = Place::new(directory.path());
    let (ready, listening) = Ready::new();
    // Nobody joins it: it answers for ever, and ends with the process.
    let serving = thread::spawn(move || serve(&runtime, place, ready));
    let Ok(listening) = listening.blocking_recv() else {
        let ended = serving.join().ok().context("the server panicked")?;
        return ended.context("the server cannot listen");
    };
    println!("{LISTENING}{}", serde_json::to_string(&listening)?);
    wait_for_end_of_input();
    directory
        .close()
        .context("the server's directory cannot be removed")
}

/// Takes one sample and prints it, or gives up when standard input ends.
pub(crate) fn measure(order: Order) -> Result<()> {
    allow_descriptors()?;
    let (send, outcome) = mpsc::channel();
    let abandoned = send.clone();
    // Nobody joins them: whichever is late ends with the process.
    thread::spawn(move || {
        wait_for_end_of_input();
        abandoned.send(None)
    });
    let work = format!("{:?}", order.work);
    let directory = directory()?;
    let place = Place::new(directory.path());
    thread::spawn(move || send.send(Some(sample(order, &place))));
    let sample = match outcome.recv_timeout(LIMIT) {
        Ok(Some(sample)) => sample,
        Ok(None) => Err(anyhow!("the bench has ended")),
        Err(_) => Err(anyhow!("{work} gave nothing within {} s", LIMIT.as_secs())),
    };
    if sample.is_err() {
        remove(&directory.keep());
    }
    Ok(serde_json::to_writer(io::stdout(), &sample?)?)
}

/// Removes a directory in which there may still be somebody at work. Daemons end when theirs has gone.
fn remove(directory: &Path) {
    let deadline = Instant::now() + PATIENCE;
    let mut times = 0;
    while times < 5 && Instant::now() < deadline {
        let removed = fs::remove_dir_all(directory);
        let is_gone = removed.is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        // A command that was started before makes it anew.
        times = if is_gone { times + 1 } else { 0 };
        thread::sleep(Duration::from_millis(20));
    }
}

fn sample(order: Order, place: &Place) -> Result<Sample> {
    let peer = peers::named(&order.peer)?;
    let sample = match (&peer.way, order.work) {
        (Way::Program(measure), Work::Commands(commands)) => measure(commands, place),
        (Way::Broker(broker), Work::Bus(work)) => {
            let runtime = runtime(order.setting)?;
            let server = order.server.context("a broker has a process of its own")?;
            (broker.measure)(&runtime, work, server.into())
        }
        (Way::Processes(measure) | Way::Both(_, measure), Work::Starts(work)) => {
            measure(&runtime(order.setting)?, work, place)
        }
        (Way::Program(_) | Way::Broker(_) | Way::Processes(_), work) => {
            bail!("it cannot do {work:?}")
        }
        (Way::Connections(peer) | Way::Both(peer, _), work) => {
            let runtime = runtime(order.setting)?;
            let target = target(order.server, peer, &runtime, place)?;
            (peer.measure)(&runtime, work, target)
        }
    };
    sample.with_context(|| format!("{} cannot be measured", peer.name))
}

/// The server that is there, or else one on the client's own runtime, or started from there.
fn target(
    server: Option<Listening>,
    peer: &Connections,
    runtime: &Runtime,
    place: &Place,
) -> Result<Target> {
    if let Some(server) = server {
        return Ok(server.into());
    }
    let (ready, listening) = Ready::new();
    (peer.serve_beside)(runtime, place.clone(), ready);
    let listening = runtime
        .block_on(listening)
        .context("the server within this process does not listen")?;
    let mut target = Target::from(listening);
    target.server = target.server.filter(|&server| server != process::id());
    Ok(target)
}

fn directory() -> Result<TempDir> {
    let directory = Builder::new().prefix("linkspan-bench-").tempdir();
    directory.context("no temporary directory can be made")
}

fn runtime(setting: Setting) -> Result<Runtime> {
    let mut builder = match setting {
        Setting::OneThread => runtime::Builder::new_current_thread(),
        Setting::OneCore => {
            stay_on_one_core()?;
            runtime::Builder::new_current_thread()
        }
        Setting::TwoThreads => {
            let mut builder = runtime::Builder::new_multi_thread();
            builder.worker_threads(2);
            builder
        }
    };
    Ok(builder.enable_all().build()?)
}

/// Keeps this thread, and those that it starts, on the last core, as the first one has the most
/// interrupts.
fn stay_on_one_core() -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU)
        .rev()
        .find(|&core| allowed.is_set(core));
    let mut cores = CpuSet::new();
    cores.set(last.context("no core is allowed")?);
    Ok(sched_setaffinity(None, &cores)?)
}

fn wait_for_end_of_input() {
    // An error is as good an end as any.
    io::stdin().read_to_end(&mut Vec::new()).ok();
}

/// Far more than any sample takes, even under valgrind, or with 1 GiB at 30 MB/s.
const LIMIT: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(5);
