//! Frames off and onto a stream of bytes, byte by byte.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

use crate::transport::ByteWriter;
use crate::transport::ws::Role;
use crate::transport::ws::deframer::{Close, Deframed, Deframer};
use crate::transport::ws::error::Violation;
use crate::transport::ws::sending::{Sending, Writer};

const KEY: [u8; 4] = [1, 20, 30, 200];

fn frame(opcode: OpCode, is_final: bool, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        is_final,
        opcode,
        mask,
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    let frame = Frame::from_payload(header, payload.to_vec().into());
    frame.format(&mut bytes).unwrap();
    bytes
}

fn binary(payload: &[u8]) -> Vec<u8> {
    frame(OpCode::Data(Data::Binary), true, Some(KEY), payload)
}

fn control(kind: Control, payload: &[u8]) -> Vec<u8> {
    frame(OpCode::Control(kind), true, Some(KEY), payload)
}

/// What comes out of a client's bytes when they come in pieces.
fn deframe(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Deframed), Violation> {
    let mut deframer = Deframer::new(Role::Client);
    let (mut out, mut all) = (Vec::new(), Deframed::default());
    for part in bytes.chunks(piece) {
        let mut part = part.to_vec();
        let found = deframer.deframe(&mut part)?;
        out.extend_from_slice(&part[..found.bytes]);
        all.bytes += found.bytes;
        all.ping = found.ping.or(all.ping);
        if found.close.is_some() {
            all.close = found.close;
            break;
        }
    }
    Ok((out, all))
}

#[test]
fn messages_are_one_stream_however_they_are_cut() {
    let long = vec![7; 70_000];
    let mut bytes = binary(b"one");
    bytes.extend(binary(b""));
    bytes.extend(frame(OpCode::Data(Data::Binary), false, Some(KEY), b"tw"));
    bytes.extend(control(Control::Ping, b"there?"));
    bytes.extend(frame(OpCode::Data(Data::Continue), true, Some(KEY), b"o"));
    bytes.extend(binary(&long));
    bytes.extend(control(Control::Close, &[0x03, 0xe8, b'o', b'k']));
    bytes.extend(b"not looked at");
    let expected = [b"onetwo".as_slice(), &long].concat();
    for piece in [1, 2, 5, 14, 1000, bytes.len()] {
        let (out, found) = deframe(&bytes, piece).unwrap();
        assert_eq!(out, expected, "in pieces of {piece}");
        assert_eq!(found.ping.as_deref(), Some(b"there?".as_slice()));
        let (code, reason) = (Some(1000), "ok".to_owned());
        assert_eq!(found.close, Some(Close { code, reason }));
    }
}

#[test]
fn whoever_breaks_a_rule_is_told_which() {
    let raw = |bytes: &[u8]| deframe(bytes, bytes.len()).unwrap_err();
    let text = frame(OpCode::Data(Data::Text), true, Some(KEY), b"hello");
    let unmasked = frame(OpCode::Data(Data::Binary), true, None, b"x");
    let next = frame(OpCode::Data(Data::Continue), true, Some(KEY), b"x");
    let open = frame(OpCode::Data(Data::Binary), false, Some(KEY), b"x");
    let cut = frame(OpCode::Control(Control::Ping), false, Some(KEY), b"");
    for (bytes, violation, code) in [
        (text, Violation::Text, 1003),
        (unmasked, Violation::NotMasked, 1002),
        (next, Violation::NothingToContinue, 1002),
        ([open, binary(b"y")].concat(), Violation::NotContinued, 1002),
        (cut, Violation::ControlInPieces, 1002),
        (
            control(Control::Ping, &[0; 126]),
            Violation::LongControl {
                bytes: 126,
                limit: 125,
            },
            1002,
        ),
        (control(Control::Close, &[3]), Violation::CloseCode, 1002),
        (
            control(Control::Close, &[3, 0xed]),
            Violation::CloseCode,
            1002,
        ),
        (vec![0x83, 0x80, 0, 0, 0, 0], Violation::Kind, 1002),
        (vec![0xc2, 0x80, 0, 0, 0, 0], Violation::Reserved, 1002),
        (
            [&[0x82; 1], &[0xff; 9][..], &[0; 4]].concat(),
            Violation::LongFrame { bytes: u64::MAX },
            1009,
        ),
    ] {
        assert_eq!(raw(&bytes), violation);
        assert_eq!(violation.code(), code, "{violation}");
    }
    let mut server = Deframer::new(Role::Server);
    assert_eq!(server.deframe(&mut binary(b"x")), Err(Violation::Masked));
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_it_panic_or_give_more(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1_usize..40,
    ) {
        if let Ok((out, _)) = deframe(&bytes, piece) {
            prop_assert!(out.len() <= bytes.len());
        }
    }

    #[test]
    fn what_is_written_arrives_however_little_the_socket_takes(
        writes in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 1..20),
        takes in prop::collection::vec(0_usize..60, 1..40),
        is_client: bool,
        pings in any::<u32>(),
    ) {
        let role = if is_client { Role::Client } else { Role::Server };
        let socket = Socket::new(takes);
        let sent = Arc::clone(&socket.sent);
        let sending = Arc::new(Sending::new(Box::new(socket), role));
        let writer = Writer(Arc::clone(&sending));
        for (index, bytes) in writes.iter().enumerate() {
            let mut rest = bytes.as_slice();
            if pings >> (index % 32) & 1 == 1 {
                sending.pong(b"pong");
            }
            while !rest.is_empty() {
                let (one, two) = rest.split_at(rest.len() / 2);
                match writer.try_write(&[IoSlice::new(one), IoSlice::new(two)]) {
                    Ok(taken) => rest = &rest[taken..],
                    Err(error) => prop_assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
        }
        let mut sent = sent.lock().unwrap().clone();
        let found = Deframer::new(role).deframe(&mut sent).unwrap();
        prop_assert_eq!(&sent[..found.bytes], writes.concat());
    }
}

#[test]
fn of_many_pings_only_the_last_is_remembered() {
    let socket = Socket::new([[3].as_slice(), &[0; 100]].concat());
    let sent = Arc::clone(&socket.sent);
    let sending = Arc::new(Sending::new(Box::new(socket), Role::Server));
    for index in 0..100_u8 {
        sending.pong(&[index]);
    }
    let writer = Writer(sending);
    for message in [b"x", b"y"] {
        while writer.try_write(&[IoSlice::new(message)]).is_err() {}
    }
    let [first, begun, last] = [0, 1, 99].map(|ping| [0x8a, 1, ping]);
    let [x, y] = [b'x', b'y'].map(|byte| [0x82, 1, byte]);
    assert_eq!(*sent.lock().unwrap(), [first, begun, x, last, y].concat());
}

/// A socket that takes so much, then so much, and so on.
#[derive(Debug)]
struct Socket {
    takes: Mutex<std::iter::Cycle<std::vec::IntoIter<usize>>>,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Socket {
    fn new(mut takes: Vec<usize>) -> Self {
        takes.push(1);
        Self {
            takes: Mutex::new(takes.into_iter().cycle()),
            sent: Arc::default(),
        }
    }
}

impl ByteWriter for Socket {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let take = self.takes.lock().unwrap().next().unwrap();
        let offered: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let taken = &offered[..take.min(offered.len())];
        match taken {
            [] => Err(io::ErrorKind::WouldBlock.into()),
            _ => {
                self.sent.lock().unwrap().extend_from_slice(taken);
                Ok(taken.len())
            }
        }
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn shutdown(&self) {}
}
