//! Frames that are right by themselves, and have no business where they come.

use proto::Limits;
use proto::frame::Kind;

use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::clauses::wrong::{live, refused, refuses, refuses_first, refuses_frame};
use crate::plugin::check::frame::{END, Frame, patched};
use crate::plugin::check::offer::Offer;
use crate::plugin::check::stop::{Stop, skipped};
use crate::plugin::wire::LIVE;

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "no-offer",
        "3.1",
        "a first frame that is no offer is error out_of_order",
        |bench| {
            Box::pin(refuses_first(
                bench,
                Frame::request(1, LIVE, b""),
                "out_of_order",
            ))
        },
    ),
    Clause::new(
        "no-nonce",
        "3.2",
        "an offer without a nonce is error bad_frame",
        |bench| Box::pin(no_nonce(bench)),
    ),
    Clause::new(
        "low-limits",
        "3.5",
        "an offer of a limit below its least value is error overflow",
        |bench| Box::pin(low_limits(bench)),
    ),
    Clause::new(
        "long-offer",
        "3.1",
        "an offer of more than 16,384 bytes is error too_large",
        |bench| {
            let offer = Frame::new(Kind::Handshake).number(1);
            Box::pin(refuses_first(
                bench,
                offer.payload(vec![0; 16_385]),
                "too_large",
            ))
        },
    ),
    Clause::new(
        "frame-number",
        "1.2",
        "a frame that skips a number is error out_of_order",
        |bench| {
            Box::pin(refuses(bench, "out_of_order", |talk| {
                patched(live(talk), 8, &[3])
            }))
        },
    ),
    Clause::new(
        "stream-of-its-own",
        "5.1",
        "a request on a stream that is the plugin's to open is error out_of_order",
        |bench| {
            Box::pin(refuses_frame(bench, "out_of_order", || {
                Frame::request(2, LIVE, b"")
            }))
        },
    ),
    Clause::new(
        "stream-zero",
        "5.1",
        "a request on the connection is error out_of_order",
        |bench| {
            Box::pin(refuses_frame(bench, "out_of_order", || {
                Frame::request(0, LIVE, b"")
            }))
        },
    ),
    Clause::new(
        "stream-twice",
        "5.1",
        "a second request on a stream is error out_of_order",
        |bench| {
            Box::pin(refuses(bench, "out_of_order", |talk| {
                [live(talk), live(talk)].concat()
            }))
        },
    ),
    Clause::new(
        "never-opened",
        "5.1",
        "data on a stream that was never opened is error out_of_order",
        |bench| {
            Box::pin(refuses_frame(bench, "out_of_order", || {
                Frame::new(Kind::Chunk).on(9)
            }))
        },
    ),
    Clause::new(
        "own-answer",
        "5.3",
        "a response on a stream of the host's own is error out_of_order",
        |bench| {
            Box::pin(refuses(bench, "out_of_order", |talk| {
                let response = Frame::new(Kind::Response).on(1).flags(END);
                [live(talk), talk.encode(&response)].concat()
            }))
        },
    ),
    Clause::new(
        "second-handshake",
        "2.1",
        "a handshake after the opening is error out_of_order",
        |bench| Box::pin(second_handshake(bench)),
    ),
    Clause::new(
        "endless-credit",
        "6.3",
        "credit that cannot be counted is error overflow",
        |bench| {
            Box::pin(refuses_frame(bench, "overflow", || {
                Frame::new(Kind::Credit).number(u64::MAX)
            }))
        },
    ),
    Clause::new(
        "too-many-streams",
        "5.1",
        "more open streams than it takes are error overflow",
        |bench| Box::pin(too_many_streams(bench)),
    ),
];

async fn no_nonce(bench: &mut Bench) -> Result<(), Stop> {
    let mut offer = Offer::ordinary(bench.nonce()?);
    offer.nonce = None;
    let frame = Frame::new(Kind::Handshake).number(1).payload(offer.pack());
    refuses_first(bench, frame, "bad_frame").await
}

async fn low_limits(bench: &mut Bench) -> Result<(), Stop> {
    let mut offer = Offer::ordinary(bench.nonce()?);
    let mut limits = Limits::default();
    limits.max_streams = 0;
    offer.limits = Some(limits);
    let frame = Frame::new(Kind::Handshake).number(1).payload(offer.pack());
    refuses_first(bench, frame, "overflow").await
}

async fn second_handshake(bench: &mut Bench) -> Result<(), Stop> {
    let offer = Offer::ordinary(bench.nonce()?).pack();
    refuses_frame(bench, "out_of_order", || {
        Frame::new(Kind::Handshake)
            .number(1)
            .payload(offer.as_slice())
    })
    .await
}

async fn too_many_streams(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let most = run.talk.chosen()?.limits.max_streams;
    if most > MAX_STREAMS {
        return Err(skipped(format!("it takes {most} streams")));
    }
    for _ in 0..=most {
        // Without its end a stream stays open, whatever is answered on it.
        run.talk
            .ask_with(Frame::request(0, LIVE, b"").flags(0))
            .await?;
        if run.talk.failure.is_some() {
            break;
        }
    }
    refused(&mut run.talk, "overflow").await
}

/// More streams are not opened to see what comes of it.
const MAX_STREAMS: u32 = 16_384;
