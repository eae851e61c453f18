//! `procwatch watch`: what the bus says, until somebody has seen enough.

use std::time::SystemTime;

use linkspan::bus::{Subscribe, Subscription};
use linkspan::daemon::{Command, ExitCode, Output};
use linkspan::plugin::host::State;
use procwatch::wire::{ENDED, Event, Kind, Process, Rule, STARTED};

use crate::Failure;
use crate::cli::Watch;
use crate::house::House;
use crate::show::line;

pub(crate) async fn run(
    house: &House,
    options: Watch,
    is_json: bool,
    command: Command,
) -> Result<ExitCode, Failure> {
    let cancellation = command.cancellation.clone();
    let mut states = house.collector.states();
    tokio::select! {
        _ = cancellation.cancelled() => Ok(ExitCode::CANCELLED),
        seen = see(house, options, is_json, command) => seen.map(|()| ExitCode::SUCCESS),
        _ = states.wait_for(|state| state == State::Failed) => {
            Err("the collector has failed; the next command starts it again".into())
        }
    }
}

/// Writes a line for each event, as many as are wanted.
async fn see(
    house: &House,
    Watch { rules, count }: Watch,
    is_json: bool,
    mut command: Command,
) -> Result<(), Failure> {
    let standing = (!rules.is_empty()).then(|| house.tasks.stand(rules.clone()));
    let topics = match &standing {
        Some(standing) => vec![standing.topic()],
        None => vec![STARTED.to_owned(), ENDED.to_owned()],
    };
    let mut events = house.bus.subscribe(Subscribe::to(topics)).await?;
    // What fits already comes first; what does from then on was subscribed to before.
    let mut fitting = match &standing {
        Some(standing) => standing.begin().await?.processes.into_iter(),
        None => Vec::new().into_iter(),
    };
    for _ in 0..count.unwrap_or(u64::MAX) {
        let event = match fitting.next() {
            Some(process) => alert(process, &rules),
            None => next(&mut events, &mut command.stderr).await?,
        };
        command.stdout.write_chunk(line(&event, is_json)?).await?;
    }
    Ok(())
}

/// The next event. Who reads too slowly is told what is missing before it.
async fn next(events: &mut Subscription, stderr: &mut Output) -> Result<Event, Failure> {
    let message = events.next().await.ok_or("the bus has ended")??;
    if let Some(gap) = message.gap() {
        let missed = format!("procwatch: {} events are missing here\n", gap.dropped);
        stderr.write_chunk(missed).await?;
    }
    Ok(message.decode()?)
}

/// The alert of a process that fits already.
fn alert(process: Process, rules: &[Rule]) -> Event {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let rule = rules.iter().find(|rule| rule.fits(&process));
    Event {
        kind: Kind::Alert,
        at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        rule: rule.map(ToString::to_string),
        process,
    }
}
