//! Bytes that are no frames, and frames that are not as they have to be.

use proto::frame::Kind;

use crate::plugin::check::clause::Clause;
use crate::plugin::check::clauses::wrong::{live, refuses, refuses_frame};
use crate::plugin::check::frame::{END, Frame, LZ4, METADATA, metadata, overwrite, patched, text};
use crate::plugin::check::pack::Value;
use crate::plugin::wire::LIVE;

pub(super) const CLAUSES: &[Clause] = &[
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
];

/// Bytes of a header, and where the length stands in it.
const HEADER: usize = 36;
const LENGTH: usize = 32;
