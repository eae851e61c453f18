//! The plugin's own methods, those that can be called without harm (docs/protocol.md, sections 5, 8, 10
//! and 15).

use std::time::Duration;

use proto::error::Category;
use proto::frame::Kind;

use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::frame::{CONTINUED, END, Frame};
use crate::plugin::check::methods::{ALWAYS, Call};
use crate::plugin::check::offer::Offer;
use crate::plugin::check::pack::Value;
use crate::plugin::check::stop::{Stop, broken, ensure, skipped};
use crate::plugin::check::talk::{Giving, Talk};
use crate::plugin::wire::{DESCRIBE, Describe, LIVE};
use crate::rpc::Shape;

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "side-by-side",
        "12",
        "a request that has not come whole keeps no other waiting",
        |bench| Box::pin(side_by_side(bench)),
    ),
    Clause::new(
        "busy",
        "23.2",
        "what every plugin answers it answers also while all its handlers are busy",
        |bench| Box::pin(busy(bench)),
    ),
    Clause::new(
        "cancel",
        "5.5",
        "nothing comes on a stream that was cancelled, for whatever reason",
        |bench| Box::pin(cancel(bench)),
    ),
    Clause::new(
        "deadline",
        "8.1",
        "a call whose time is up is error deadline_exceeded",
        |bench| Box::pin(deadline(bench)),
    ),
    Clause::new(
        "invalid-parameters",
        "10.3",
        "parameters that do not fit a method are error invalid_parameters",
        |bench| Box::pin(invalid_parameters(bench)),
    ),
    Clause::new(
        "unknown-codec",
        "10.3",
        "a body in an encoding that nobody knows is error unsupported_codec",
        |bench| Box::pin(unknown_codec(bench)),
    ),
    Clause::new(
        "items",
        "15.2",
        "the response before items has an empty body",
        |bench| Box::pin(items(bench)),
    ),
    Clause::new(
        "logs",
        "23.2",
        "no call waits for room for what the plugin logs or tells of its progress",
        |bench| Box::pin(logs(bench)),
    ),
];

async fn side_by_side(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let held = hold(&mut run.talk).await?;
    run.talk
        .call(LIVE, b"")
        .await?
        .result::<()>("nil, while another request is on its way")?;
    release(&mut run.talk, held).await?;
    let answer = run.talk.answer(held).await?;
    answer.result::<Describe>("the answer of the request that came in pieces")?;
    Ok(())
}

async fn busy(bench: &mut Bench) -> Result<(), Stop> {
    let call = slow(bench).await?;
    let mut run = bench.open().await?;
    let most = u64::from(run.talk.chosen()?.limits.max_streams);
    let mut streams = Vec::new();
    for _ in 0..most.saturating_sub(ALWAYS_STREAMS).clamp(1, MAX_BUSY) {
        streams.push(run.talk.ask_with(call.request()).await?);
    }
    for method in ALWAYS {
        let answer = run.talk.call(method, b"").await?;
        let expected = format!("a result of {method} beside {} calls", streams.len());
        ensure(answer.is_result(), expected, answer.told())?;
    }
    let is_open = |stream: &u64| {
        run.talk
            .so_far(*stream)
            .is_some_and(|answer| !answer.is_ended)
    };
    match streams.iter().any(is_open) {
        true => Ok(()),
        false => Err(too_soon(&call)),
    }
}

async fn cancel(bench: &mut Bench) -> Result<(), Stop> {
    let call = match slow(bench).await {
        Err(Stop::Skipped(_)) => None,
        call => Some(call?),
    };
    let mut run = bench.open().await?;
    let mut streams = Vec::new();
    for reason in [DROPPED, OF_A_NEWER_HOST] {
        let stream = match &call {
            Some(call) => run.talk.ask_with(call.request()).await?,
            None => hold(&mut run.talk).await?,
        };
        run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
        run.talk.cancel(stream, reason).await?;
        streams.push(stream);
    }
    // Whatever was on its way has come before this answer.
    run.talk
        .call(LIVE, b"")
        .await?
        .result::<()>("nil, after a call was cancelled")?;
    let frames = |talk: &Talk| {
        let answers = streams.iter().filter_map(|stream| talk.so_far(*stream));
        answers.map(|answer| answer.frames).sum::<u64>()
    };
    let before = frames(&run.talk);
    run.talk.listen(LATE).await?;
    let late = frames(&run.talk) - before;
    ensure(
        late == 0,
        "nothing on streams that were cancelled",
        format!("{late} frames"),
    )
}

async fn deadline(bench: &mut Bench) -> Result<(), Stop> {
    let call = slow(bench).await?;
    let mut run = bench.open().await?;
    let micros = u64::try_from(SOON.as_micros()).unwrap_or(u64::MAX);
    let stream = run.talk.ask_with(call.request().number(micros)).await?;
    let answer = run.talk.answer(stream).await?;
    if answer.is_result() {
        return Err(too_soon(&call));
    }
    answer.fails_with(Category::Deadline, "deadline_exceeded")
}

async fn invalid_parameters(bench: &mut Bench) -> Result<(), Stop> {
    let call = pure(bench, |shape| shape == Shape::Unary).await?;
    let mut run = bench.open().await?;
    let answer = run.talk.call(&call.method, &[0xC1]).await?;
    answer.fails_with(Category::Request, "invalid_parameters")?;
    let has_required = call.body.first().is_some_and(|first| *first != EMPTY_MAP);
    if has_required {
        let answer = run.talk.call(&call.method, &[EMPTY_MAP]).await?;
        answer.fails_with(Category::Request, "invalid_parameters")?;
    }
    Ok(())
}

async fn unknown_codec(bench: &mut Bench) -> Result<(), Stop> {
    let call = pure(bench, |shape| shape == Shape::Unary).await?;
    let mut run = bench.open().await?;
    let content_type = ("content-type", Value::Text("morse"));
    let request = Frame::request_with(&call.method, vec![content_type], &call.body);
    let stream = run.talk.ask_with(request).await?;
    let answer = run.talk.answer(stream).await?;
    answer.fails_with(Category::Request, "unsupported_codec")
}

async fn items(bench: &mut Bench) -> Result<(), Stop> {
    let call = pure(bench, Shape::gives_stream).await?;
    let mut run = bench.open().await?;
    let stream = run.talk.ask_with(call.request().flags(END)).await?;
    let answer = run.talk.answer(stream).await?;
    if answer.failure.is_none() && !answer.is_result() {
        // Its own error is an answer, too.
        return Ok(());
    }
    ensure(
        answer.is_result(),
        format!("items of {}", call.method),
        answer.told(),
    )?;
    let length = answer.body().len();
    let found = format!(
        "a body of {length} bytes, and {} items",
        answer.item_count()
    );
    ensure(
        length == 0,
        "a response with an empty body, and then items",
        found,
    )
}

async fn logs(bench: &mut Bench) -> Result<(), Stop> {
    let call = pure(bench, |shape| shape == Shape::Unary).await?;
    let mut run = bench.start().await?;
    run.talk.giving = Giving::Answers;
    let narrow = Offer::narrow(bench.nonce()?);
    run.talk.open(&narrow).await?;
    for number in 1..=MANY {
        let stream = run.talk.ask_with(call.request()).await?;
        let answered = run.talk.answer(stream).await;
        answered.map_err(|stop| match stop {
            Stop::Broken { found, .. } => {
                let expected =
                    format!("answer {number} of {MANY}, to a host that has no room for events");
                broken(expected, found)
            }
            stop => stop,
        })?;
    }
    Ok(())
}

/// Begins a request that every plugin answers, and leaves its end open.
pub(super) async fn hold(talk: &mut Talk) -> Result<u64, Stop> {
    talk.ask_with(Frame::request(0, DESCRIBE, b"").flags(CONTINUED))
        .await
}

/// Ends a request that was held.
pub(super) async fn release(talk: &mut Talk, stream: u64) -> Result<(), Stop> {
    talk.send(
        &Frame::new(Kind::Chunk)
            .on(stream)
            .flags(END)
            .payload([0xC0]),
    )
    .await
}

/// A call that takes its time: the one that was named, or one whose items do not come.
pub(super) async fn slow(bench: &mut Bench) -> Result<Call, Stop> {
    if let Some(call) = bench.config().call.clone() {
        return Ok(call);
    }
    let call = bench.pure_call(Shape::takes_stream).await?;
    call.ok_or_else(|| {
        skipped(
            "its manifest declares no method pure that takes items; name a call that takes long and \
             does no harm",
        )
    })
}

async fn pure(bench: &mut Bench, fits: fn(Shape) -> bool) -> Result<Call, Stop> {
    let call = bench.pure_call(fits).await?;
    call.ok_or_else(|| {
        skipped("its manifest declares no such method pure, with parameters that can be made up")
    })
}

fn too_soon(call: &Call) -> Stop {
    skipped(format!(
        "{} had answered before; name a call that takes longer",
        call.method
    ))
}

/// Reasons of a cancel.
const DROPPED: u64 = 0;
const OF_A_NEWER_HOST: u64 = 99;
/// Streams for what is asked beside calls that keep handlers busy.
const ALWAYS_STREAMS: u64 = 8;
/// More calls keep nobody busier.
const MAX_BUSY: u64 = 256;
/// How long late frames are waited for.
const LATE: Duration = Duration::from_millis(200);
/// A time that is soon up.
const SOON: Duration = Duration::from_millis(200);
/// With so many calls, whatever a call logs finds no room in the end.
const MANY: u32 = 300;
const EMPTY_MAP: u8 = 0x80;
