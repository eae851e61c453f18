//! What no host may send, and by which error a plugin ends the session then (docs/protocol.md, sections
//! 1, 3, 5 and 9.2).

mod form;
mod place;

use proto::error::Category;

use crate::plugin::check::answer::told;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::frame::Frame;
use crate::plugin::check::stop::{Stop, broken, ensure};
use crate::plugin::check::talk::Talk;
use crate::plugin::wire::LIVE;

pub(super) const CLAUSES: [&[Clause]; 2] = [form::CLAUSES, place::CLAUSES];

/// Sends something instead of an offer.
async fn refuses_first(bench: &mut Bench, frame: Frame, code: &str) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    run.talk.send(&frame).await?;
    refused(&mut run.talk, code).await
}

/// Opens a session, and sends a frame.
async fn refuses_frame(
    bench: &mut Bench,
    code: &str,
    frame: impl Fn() -> Frame,
) -> Result<(), Stop> {
    refuses(bench, code, |talk| talk.encode(&frame())).await
}

/// Opens a session, and sends bytes.
async fn refuses(
    bench: &mut Bench,
    code: &str,
    bytes: impl Fn(&mut Talk) -> Vec<u8>,
) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    // Some of them begin with a request that is right, and may be answered.
    run.talk.next_stream();
    let bytes = bytes(&mut run.talk);
    run.talk.send_bytes(&bytes).await?;
    refused(&mut run.talk, code).await
}

/// Waits for an error on the connection.
pub(super) async fn refused(talk: &mut Talk, code: &str) -> Result<(), Stop> {
    let expected = format!("error {code} on the connection");
    talk.until(&expected, |talk| talk.failure.is_some()).await?;
    let Some(failure) = &talk.failure else {
        return Err(broken(expected, "nothing"));
    };
    let is_right = failure.code.name() == code && failure.category == Category::Protocol;
    ensure(
        is_right,
        format!("{expected}, of category protocol"),
        told(failure),
    )
}

/// The bytes of a request that every plugin answers, on stream 1.
fn live(talk: &mut Talk) -> Vec<u8> {
    talk.encode(&Frame::request(1, LIVE, b""))
}
