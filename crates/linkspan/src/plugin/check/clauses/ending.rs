//! How a plugin ends (docs/protocol.md, sections 9 and 23.1).

use std::time::Duration;

use os::sandbox::Exit;
use proto::frame::Kind;

use crate::plugin::check::bench::{Bench, Run};
use crate::plugin::check::clause::Clause;
use crate::plugin::check::clauses::calls::{hold, release, slow};
use crate::plugin::check::clauses::session::beat;
use crate::plugin::check::clauses::wrong::refused;
use crate::plugin::check::frame::Frame;
use crate::plugin::check::pack::Value;
use crate::plugin::check::stop::{Stop, broken, ensure};
use crate::plugin::wire::{EXIT_PROTOCOL, LIVE};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "after-an-error",
        "9.2",
        "an error on the connection is its last frame; it closes, and exits with 76",
        |bench| Box::pin(after_an_error(bench)),
    ),
    Clause::new(
        "error-of-the-host",
        "9.2",
        "after an error of the host it sends nothing more, closes, and exits with 76",
        |bench| Box::pin(error_of_the_host(bench)),
    ),
    Clause::new(
        "end-of-file",
        "23.1",
        "at the end of file its process ends within a second",
        |bench| Box::pin(end_of_file(bench)),
    ),
    Clause::new(
        "end-of-file-before-offer",
        "23.1",
        "at an end of file before the offer its process ends",
        |bench| Box::pin(end_of_file_before_offer(bench)),
    ),
    Clause::new(
        "end-of-file-in-frame",
        "9.3",
        "at an end of file within a frame its process ends within a second",
        |bench| Box::pin(end_of_file_in_frame(bench)),
    ),
    Clause::new(
        "end-of-file-in-call",
        "23.1",
        "at the end of file its process ends within a second, whatever its handlers do",
        |bench| Box::pin(end_of_file_in_call(bench)),
    ),
    Clause::new(
        "goodbye",
        "23.1",
        "after a goodbye of the host it closes, and exits with 0",
        |bench| Box::pin(goodbye(bench)),
    ),
    Clause::new(
        "drain",
        "9.1",
        "a goodbye of the host lets it answer what was asked before",
        |bench| Box::pin(drain(bench)),
    ),
    Clause::new(
        "terminate",
        "23.1",
        "SIGTERM has it say goodbye, answer what was asked before, and exit with 0",
        |bench| Box::pin(terminate(bench)),
    ),
];

async fn after_an_error(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.send_bytes(b"GET / HTTP/1.1\r\n").await?;
    refused(&mut run.talk, "bad_frame").await?;
    run.talk.hear_out().await?;
    let late = run.talk.late_frames;
    ensure(
        late == 0,
        "nothing after the error",
        format!("{late} frames"),
    )?;
    exits(run, EXIT_PROTOCOL.into(), bench.limit(A_SECOND + A_SECOND)).await
}

async fn error_of_the_host(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let failure = Value::Map(vec![
        ("category", Value::Text("protocol")),
        ("code", Value::Text("bad_frame")),
        (
            "message",
            Value::Text("this host only tries out what comes of it"),
        ),
    ]);
    let frame = Frame::new(Kind::Error).number(PROTOCOL);
    run.talk.send(&frame.payload(failure.pack())).await?;
    run.talk.hear_out().await?;
    let is_silent = run.talk.failure.is_none() && run.talk.goodbye.is_none();
    ensure(
        is_silent,
        "nothing more from it",
        "an error or a goodbye of its own",
    )?;
    exits(run, EXIT_PROTOCOL.into(), bench.limit(A_SECOND)).await
}

async fn end_of_file(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    ends(run, bench.limit(A_SECOND)).await
}

async fn end_of_file_before_offer(bench: &mut Bench) -> Result<(), Stop> {
    let run = bench.start().await?;
    // It may not have come to where it reads.
    ends(run, bench.limit(bench.config().timeout)).await
}

async fn end_of_file_in_frame(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    let frame = run.talk.encode(&Frame::request(3, LIVE, b""));
    run.talk
        .send_bytes(frame.get(..HALF).unwrap_or_default())
        .await?;
    ends(run, bench.limit(A_SECOND)).await
}

async fn end_of_file_in_call(bench: &mut Bench) -> Result<(), Stop> {
    let call = slow(bench).await?;
    let mut run = bench.open().await?;
    for _ in 0..SOME {
        run.talk.ask_with(call.request()).await?;
    }
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    ends(run, bench.limit(A_SECOND)).await
}

async fn goodbye(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    say_goodbye(&mut run).await?;
    run.talk.hear_out().await?;
    exits(run, 0, bench.limit(bench.config().timeout)).await
}

async fn drain(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let held = hold(&mut run.talk).await?;
    say_goodbye(&mut run).await?;
    // It does not close while the stream is open, and answers heartbeats meanwhile.
    beat(&mut run.talk).await?;
    release(&mut run.talk, held).await?;
    answered(&mut run, held).await?;
    run.talk.hear_out().await?;
    exits(run, 0, bench.limit(bench.config().timeout)).await
}

async fn terminate(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    let held = hold(&mut run.talk).await?;
    beat(&mut run.talk).await?;
    run.subject.terminate();
    run.talk
        .until("its goodbye", |talk| talk.goodbye.is_some())
        .await?;
    let last = run
        .talk
        .goodbye
        .as_ref()
        .map(|goodbye| goodbye.last_stream.get());
    let expected = format!("a goodbye that names stream {held} as the last one");
    ensure(
        last == Some(held),
        expected,
        format!("stream {}", last.unwrap_or_default()),
    )?;
    release(&mut run.talk, held).await?;
    answered(&mut run, held).await?;
    run.talk.hear_out().await?;
    exits(run, 0, bench.limit(bench.config().timeout)).await
}

async fn say_goodbye(run: &mut Run) -> Result<(), Stop> {
    let frame = Frame::new(Kind::Goodbye).payload(*b"the host stops");
    run.talk.send(&frame).await
}

async fn answered(run: &mut Run, stream: u64) -> Result<(), Stop> {
    let answer = run.talk.answer(stream).await?;
    let expected = "the answer of what was asked before";
    ensure(answer.is_result(), expected, answer.told())
}

/// Closes the connection, and waits for the end of the process, by itself.
async fn ends(run: Run, limit: Duration) -> Result<(), Stop> {
    match run.hang_up(limit).await? {
        Exit::Code(_) => Ok(()),
        exit => Err(broken("that it ends by itself", format!("it {exit}"))),
    }
}

/// Closes the connection, and waits for the end of the process with an exit code.
async fn exits(run: Run, code: i32, limit: Duration) -> Result<(), Stop> {
    let exit = run.hang_up(limit).await?;
    ensure(
        exit == Exit::Code(code),
        format!("exit code {code}"),
        format!("it {exit}"),
    )
}

const A_SECOND: Duration = Duration::from_secs(1);
/// Some calls that are under way.
const SOME: usize = 4;
/// Bytes of a frame that is cut off.
const HALF: usize = 50;
/// Number of a category.
const PROTOCOL: u64 = 1;
