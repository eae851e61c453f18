//! What keeps a session going (docs/protocol.md, sections 1, 6, 8 and 13).

use std::time::Duration;

use proto::frame::Kind;

use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::frame::{END, Frame};
use crate::plugin::check::ledger::Rule;
use crate::plugin::check::offer::Offer;
use crate::plugin::check::stop::{Stop, broken, ensure, skipped};
use crate::plugin::check::talk::{Giving, Talk};
use crate::plugin::wire::{DESCRIBE, LIVE};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "heartbeat",
        "8.2",
        "a heartbeat that asks is answered",
        |bench| Box::pin(heartbeat(bench)),
    ),
    Clause::new(
        "idle",
        "8.2",
        "an idle plugin stays, and asks for no sign of life before 15 s of silence",
        |bench| Box::pin(idle(bench)),
    ),
    Clause::new(
        "unknown-kinds",
        "13",
        "a frame of an unknown kind from 128 on is ignored, wherever it stands",
        |bench| Box::pin(unknown_kinds(bench)),
    ),
    Clause::new(
        "longest-frame",
        "3.5",
        "it takes a frame as long as it says that it does",
        |bench| Box::pin(longest_frame(bench)),
    ),
    Clause::new(
        "credit",
        "6.2",
        "it sends no more than it has credit for, and goes on when more comes",
        |bench| Box::pin(credit(bench)),
    ),
];

async fn heartbeat(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    beat(&mut run.talk).await
}

/// Asks for a sign of life, and waits for it.
pub(super) async fn beat(talk: &mut Talk) -> Result<(), Stop> {
    let before = talk.heartbeats;
    talk.send(&Frame::new(Kind::Heartbeat)).await?;
    let is_answered = |talk: &Talk| talk.heartbeats > before;
    talk.until("a heartbeat that answers", is_answered).await
}

async fn idle(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    run.talk.listen(A_WHILE).await?;
    let talk = &run.talk;
    let found = match (&talk.goodbye, talk.has_closed, talk.asked_heartbeats) {
        (Some(goodbye), ..) => format!("a goodbye: {}", goodbye.reason),
        (None, true, _) => "the end of the connection".to_owned(),
        (None, false, 0) => return Ok(()),
        (None, false, asked) => format!("{asked} questions whether the host is there"),
    };
    Err(broken("nothing but calls and events of its own", found))
}

async fn unknown_kinds(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    for stream in [0, 77] {
        let mut frame = Frame::new(Kind::End).on(stream).number(5).flags(END);
        frame.kind = 200;
        run.talk.send(&frame.payload(*b"whatever")).await?;
    }
    run.talk
        .call(LIVE, b"")
        .await?
        .result("nil, after frames of the kind 200")
}

async fn longest_frame(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let limits = run.talk.chosen()?.limits;
    let credit = limits.stream_credit.min(limits.connection_credit);
    let length = credit.min(limits.max_frame_bytes.into());
    if length > MAX_SENT_BYTES {
        return Err(skipped(format!("it takes frames of {length} bytes")));
    }
    let mut request = Frame::request(0, LIVE, b"");
    request
        .payload
        .resize(usize::try_from(length).unwrap_or_default(), 0);
    let stream = run.talk.ask_with(request).await?;
    let expected = format!("nil, for a request of {length} bytes");
    run.talk.answer(stream).await?.result(&expected)
}

async fn credit(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    let narrow = Offer::narrow(bench.nonce()?);
    run.talk.open(&narrow).await?;
    let length = run.talk.call(DESCRIBE, b"").await?.whole().len().max(1);
    let room = usize::try_from(narrow.limits().connection_credit).unwrap_or(usize::MAX);
    let most = usize::try_from(run.talk.chosen()?.limits.max_streams).unwrap_or(usize::MAX);
    let count = (room / length)
        .saturating_add(8)
        .min(MAX_QUESTIONS)
        .min(most.saturating_sub(8));
    if count.saturating_mul(length) < room {
        return Err(skipped(format!(
            "its answers of {length} bytes are too short to use up credit"
        )));
    }
    run.talk.giving = Giving::Nothing;
    let mut streams = Vec::new();
    for _ in 0..count {
        let stream = run.talk.ask(DESCRIBE, b"").await?;
        run.talk.give(stream, MAX_SENT_BYTES).await?;
        streams.push(stream);
    }
    // It costs no credit, and says that the plugin has heard the questions.
    beat(&mut run.talk).await?;
    run.talk.giving = Giving::All;
    run.talk.give(0, narrow.limits().connection_credit).await?;
    for stream in streams {
        let answer = run.talk.answer(stream).await?;
        let expected = format!("all of {count} results, once there is credit for them");
        ensure(answer.is_result(), expected, answer.told())?;
    }
    match bench.observed().broken(Rule::Credit) {
        Some(found) => Err(broken("no frame beyond the credit", found)),
        None => Ok(()),
    }
}

/// How long an idle plugin is watched.
const A_WHILE: Duration = Duration::from_secs(1);
const MAX_SENT_BYTES: u64 = 16 << 20;
const MAX_QUESTIONS: usize = 1000;
