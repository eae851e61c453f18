//! Starting, stopping and reloading a plugin.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{MutexGuard, watch};

use crate::plugin::host::RunError;
use crate::plugin::host::board::{Board, Facts, Phase};
use crate::plugin::host::generation::{Generation, Plan};
use crate::plugin::host::shared::{Control, Shared};
use crate::plugin::{Config, PluginName, Verified};

/// Has a plugin run, and waits until all of its processes are up or it has failed.
pub(super) async fn start(plugin: &Arc<Shared>) -> Result<(), RunError> {
    let interrupted = plugin.interrupted.subscribe();
    let generation = {
        let mut control = plugin.control.lock().await;
        match running(plugin, &control) {
            Some(generation) => generation,
            None => begin(plugin, &mut control, interrupted).await?,
        }
    };
    outcome(plugin, generation).await
}

/// Has all processes of a plugin end in order, and waits for that.
pub(super) async fn stop(plugin: &Arc<Shared>) {
    let mut control = interrupt(plugin).await;
    halt(plugin, &mut control, Phase::Stopped).await;
}

/// Stops a plugin and has it run again; calls wait meanwhile.
pub(super) async fn restart(plugin: &Arc<Shared>) -> Result<(), RunError> {
    let generation = {
        let mut control = interrupt(plugin).await;
        let interrupted = plugin.interrupted.subscribe();
        halt(plugin, &mut control, Phase::Preparing).await;
        begin(plugin, &mut control, interrupted).await?
    };
    outcome(plugin, generation).await
}

/// Takes control, also from who prepares something, or reloads.
async fn interrupt(plugin: &Shared) -> MutexGuard<'_, Control> {
    plugin.interrupted.send_modify(|count| *count += 1);
    plugin.control.lock().await
}

async fn halt(plugin: &Shared, control: &mut Control, after: Phase) {
    if control.generation.take().is_some() {
        plugin.update(|board| board.enter(Phase::Stopping));
        wait_for(plugin, Board::is_empty).await;
        plugin.update(|board| board.enter(after));
    }
}

/// Has a plugin run as its files are now: new processes are started, calls go over to them, and the
/// others end in order. If that fails, everything stays as it is.
pub(super) async fn reload(plugin: &Arc<Shared>) -> Result<(), RunError> {
    // Whoever wants it stopped from now on means this, too.
    let mut interrupted = plugin.interrupted.subscribe();
    let mut control = plugin.control.lock().await;
    let verified = unless(&mut interrupted, verify(plugin)).await?;
    if running(plugin, &control).is_none() {
        plugin.update(|board| board.facts = Facts::of(&verified));
        control.verified = Some(verified);
        return Ok(());
    }
    let id = control.next_id();
    let preparing = Plan::prepare(plugin, verified, id, true);
    let plan = unless(&mut interrupted, preparing).await?;
    let generation = Generation::start(plugin, plan)?;
    unless(&mut interrupted, outcome(plugin, id)).await?;
    plugin.update(|board| board.adopt(&generation.plan));
    generation.plan.is_trial.store(false, Ordering::Relaxed);
    // Dropped, the earlier one ends in order.
    control.generation = Some(generation);
    Ok(())
}

/// The generation that runs, or is on its way.
fn running(plugin: &Shared, control: &Control) -> Option<u64> {
    let id = control.generation.as_ref()?.plan.generation;
    let board = plugin.board.borrow();
    (!board.is_gone(id) && board.fault_of(id).is_none()).then_some(id)
}

/// Starts a generation, unless it is to stop before that.
async fn begin(
    plugin: &Arc<Shared>,
    control: &mut Control,
    mut interrupted: watch::Receiver<u64>,
) -> Result<u64, RunError> {
    if plugin.board.borrow().phase() == Phase::Unloaded {
        return Err(RunError::Unloaded);
    }
    let id = control.next_id();
    plugin.update(|board| board.begin(id));
    match unless(&mut interrupted, prepare(plugin, control, id)).await {
        Ok(generation) => control.generation = Some(generation),
        Err(RunError::Stopped) => {
            plugin.update(|board| board.enter(Phase::Stopped));
            return Err(RunError::Stopped);
        }
        Err(error) => {
            plugin.update(|board| board.blame(id, error.clone()));
            return Err(error);
        }
    }
    Ok(id)
}

async fn prepare(
    plugin: &Arc<Shared>,
    control: &mut Control,
    id: u64,
) -> Result<Generation, RunError> {
    let verified = match control.verified.take() {
        Some(verified) => verified,
        None => verify(plugin).await?,
    };
    let plan = Plan::prepare(plugin, verified, id, false).await?;
    plugin.update(|board| board.adopt(&plan));
    let generation = Generation::start(plugin, plan)?;
    plugin.update(|board| board.enter(Phase::Active));
    Ok(generation)
}

/// Waits for something, but not once it is to stop: what reads files can take as long as their system
/// does, or as others have all threads for that.
async fn unless<T>(
    interrupted: &mut watch::Receiver<u64>,
    work: impl Future<Output = Result<T, RunError>>,
) -> Result<T, RunError> {
    tokio::select! {
        biased;
        _ = interrupted.changed() => Err(RunError::Stopped),
        result = work => result,
    }
}

/// Waits until a generation is up, or is not going to be.
async fn outcome(plugin: &Shared, generation: u64) -> Result<(), RunError> {
    let mut result = Ok(());
    wait_for(plugin, |board| {
        result = match board.fault_of(generation) {
            Some(error) => Err(error.clone()),
            None if board.is_up(generation) => Ok(()),
            None if board.is_gone(generation) => Err(match board.phase() {
                Phase::Active => RunError::Done,
                Phase::Unloaded => RunError::Unloaded,
                _ => RunError::Stopped,
            }),
            None => return false,
        };
        true
    })
    .await;
    result
}

async fn wait_for(plugin: &Shared, is_so: impl FnMut(&Board) -> bool) {
    // What is watched is the plugin's own.
    plugin.board.subscribe().wait_for(is_so).await.ok();
}

/// Verifies the folder of a plugin as it is now.
async fn verify(plugin: &Shared) -> Result<Verified, RunError> {
    let folder = plugin.board.borrow().facts.path.clone();
    let config = plugin.house.config.plugins.clone();
    let expected = plugin.name.clone();
    tokio::task::spawn_blocking(move || verify_now(&folder, &config, expected))
        .await
        .map_err(|_| RunError::Unloaded)?
}

fn verify_now(folder: &Path, config: &Config, expected: PluginName) -> Result<Verified, RunError> {
    let verified = Verified::open(folder, config);
    let verified = verified.map_err(|refusal| RunError::Refused(Arc::new(refusal)))?;
    let found = &verified.manifest().name;
    match *found == expected {
        true => Ok(verified),
        false => Err(RunError::Renamed {
            expected,
            found: found.clone(),
        }),
    }
}
