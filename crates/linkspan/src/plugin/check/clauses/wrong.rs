//! What no host may send, and by which error a plugin ends the session then (docs/protocol.md, sections
//! 1, 3, 5 and 9.2).

use proto::Limits;
use proto::error::Category;
use proto::frame::Kind;

use crate::plugin::check::answer::told;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::frame::{END, Frame, LZ4, METADATA, metadata, overwrite, patched, text};
use crate::plugin::check::offer::Offer;
use crate::plugin::check::pack::Value;
use crate::plugin::check::stop::{Stop, broken, ensure, skipped};
use crate::plugin::check::talk::Talk;
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
        "garbage",
        "1.5",
        "bytes that are no frame are error bad_frame",
        |bench| {
            Box::pin(refuses(bench, "bad_frame", |_| {
                b"GET / HTTP/1.1\r\n".to_vec()
            }))
        },
    ),
    Clause::new(
        "huge-length",
        "1.5",
        "a frame that announces 4 GiB is error too_large",
        |bench| {
            Box::pin(refuses(bench, "too_large", |talk| {
                // Nothing follows: it has to be refused by its header.
                let frame = patched(live(talk), LENGTH, &[0xFF; 4]);
                frame.get(..HEADER).unwrap_or_default().to_vec()
            }))
        },
    ),
    Clause::new(
        "long-frame",
        "1.5",
        "a frame longer than it takes is error too_large",
        |bench| {
            Box::pin(refuses(bench, "too_large", |talk| {
                let most = talk
                    .chosen()
                    .map_or(0, |choice| choice.limits.max_frame_bytes);
                patched(live(talk), LENGTH, &most.saturating_add(1).to_le_bytes())
            }))
        },
    ),
    Clause::new(
        "header-sum",
        "1.5",
        "a wrong sum of a header is error checksum",
        |bench| {
            Box::pin(refuses(bench, "checksum", |talk| {
                let mut frame = live(talk);
                let place = frame.len().saturating_sub(8);
                overwrite(&mut frame, place, b"sums");
                frame
            }))
        },
    ),
    Clause::new(
        "payload-sum",
        "1.5",
        "a wrong sum of a payload is error checksum",
        |bench| {
            Box::pin(refuses(bench, "checksum", |talk| {
                let mut frame = live(talk);
                let place = frame.len().saturating_sub(4);
                overwrite(&mut frame, place, b"sums");
                frame
            }))
        },
    ),
    Clause::new(
        "frame-version",
        "1.5",
        "a frame of another version is error version",
        |bench| {
            Box::pin(refuses(bench, "version", |talk| {
                patched(live(talk), 4, &[2])
            }))
        },
    ),
    Clause::new(
        "low-kind",
        "1.5",
        "a frame of an unknown kind below 128 is error bad_frame",
        |bench| {
            Box::pin(refuses(bench, "bad_frame", |talk| {
                patched(live(talk), 5, &[99])
            }))
        },
    ),
    Clause::new(
        "reserved-flags",
        "1.3",
        "a frame with a reserved flag is error bad_frame",
        |bench| {
            Box::pin(refuses(bench, "bad_frame", |talk| {
                patched(live(talk), 7, &[0x80])
            }))
        },
    ),
    Clause::new(
        "not-agreed",
        "1.3",
        "a frame with a flag that was not agreed is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::request(1, LIVE, b"").flags(END | LZ4)
            }))
        },
    ),
    Clause::new(
        "wrong-flag",
        "1.3",
        "a frame with a flag that its kind cannot have is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::new(Kind::Event).flags(END).payload(text("a/b"))
            }))
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
        "heartbeat-number",
        "2",
        "a heartbeat that neither asks nor answers is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::new(Kind::Heartbeat).number(2)
            }))
        },
    ),
    Clause::new(
        "surplus-payload",
        "2",
        "credit with a payload is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::new(Kind::Credit).number(1).payload(*b"more")
            }))
        },
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
        "cut-off-name",
        "2",
        "a method that is cut off is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::request(1, "", b"").payload([0xFF, 0xFF, b'x'])
            }))
        },
    ),
    Clause::new(
        "name-of-bytes",
        "2",
        "a method that is no UTF-8 is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                Frame::request(1, "", b"").payload([1, 0, 0xFF])
            }))
        },
    ),
    Clause::new(
        "cut-off-metadata",
        "4",
        "metadata that is cut off is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                let payload = [&text(LIVE)[..], &[0xFF, 0, 0, 0, 0x80]].concat();
                Frame::request(1, "", b"")
                    .flags(END | METADATA)
                    .payload(payload)
            }))
        },
    ),
    Clause::new(
        "wrong-metadata",
        "4",
        "metadata that is no map is error bad_frame",
        |bench| {
            Box::pin(refuses_frame(bench, "bad_frame", || {
                let payload = [text(LIVE), metadata(&Value::Nil.pack())].concat();
                Frame::request(1, "", b"")
                    .flags(END | METADATA)
                    .payload(payload)
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

/// Bytes of a header, and where the length stands in it.
const HEADER: usize = 36;
const LENGTH: usize = 32;
/// More streams are not opened to see what comes of it.
const MAX_STREAMS: u32 = 16_384;
