//! What holds in every session, whatever is being tried out: all frames of all clauses count.

use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::ledger::Rule;
use crate::plugin::check::methods::ALWAYS;
use crate::plugin::check::stop::{Stop, broken, ensure};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "frames",
        "1.5",
        "all that it sends are whole frames that can be read",
        |bench| Box::pin(watched(bench, Rule::Bytes)),
    ),
    Clause::new(
        "frame-numbers",
        "1.2",
        "its frames are numbered 1, 2, 3, and so on",
        |bench| Box::pin(watched(bench, Rule::Numbers)),
    ),
    Clause::new(
        "agreed-flags",
        "1.3",
        "its frames have no flags that were not agreed",
        |bench| Box::pin(watched(bench, Rule::Flags)),
    ),
    Clause::new(
        "streams",
        "5.3",
        "its frames come where they may, and each direction ends once",
        |bench| Box::pin(watched(bench, Rule::Streams)),
    ),
    Clause::new(
        "events",
        "23.2",
        "log records, progress and readiness have their form and their place",
        |bench| Box::pin(watched(bench, Rule::Events)),
    ),
    Clause::new(
        "stdout",
        "23.1",
        "standard output carries nothing of the protocol",
        |bench| Box::pin(stdout(bench)),
    ),
];

async fn watched(bench: &mut Bench, rule: Rule) -> Result<(), Stop> {
    ordinary(bench).await?;
    match bench.observed().broken(rule) {
        Some(found) => Err(broken(expected(rule), found)),
        None => Ok(()),
    }
}

async fn stdout(bench: &mut Bench) -> Result<(), Stop> {
    ordinary(bench).await?;
    let has_frames = bench.observed().has_frames_on_stdout();
    ensure(
        !has_frames,
        "no frame on standard output",
        "bytes that begin one: LSPN",
    )
}

/// What hosts ask of every plugin.
async fn ordinary(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    for method in ALWAYS {
        let answered = run.talk.call(method, b"").await;
        // Whether it answers well is what other clauses are about.
        if let Err(Stop::Failed(error)) = answered {
            return Err(error.into());
        }
    }
    run.hang_up(bench.limit(bench.config().timeout)).await.ok();
    Ok(())
}

fn expected(rule: Rule) -> &'static str {
    match rule {
        Rule::Bytes => "frames, and nothing else",
        Rule::Numbers => "frames without gaps in their numbers",
        Rule::Flags => "agreed flags",
        Rule::Streams => "frames in their place",
        Rule::Credit => "frames within the credit",
        Rule::Events => "events as they are specified",
    }
}
