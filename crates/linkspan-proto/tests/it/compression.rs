//! The flags for compressed bodies, which the protocol passes on without looking into them.

use bytes::Bytes;
use linkspan_proto::error::{Code, InflateError, SendError, SessionError};
use linkspan_proto::frame::{Compression, Flags, Kind};
use linkspan_proto::message::{Chunk, Event, Heartbeat, Message, Request, Response, Status};
use linkspan_proto::session::{After, EndError, Incoming, Piece};
use linkspan_proto::{Config, Role, StreamId};
use linkspan_test::script::Script;
use linkspan_test::sim::Pair;

fn both(config: &mut Config) {
    config.compression = Compression::ALL.to_vec();
}

fn compressing() -> Config {
    let mut config = Config::default();
    both(&mut config);
    config
}

/// What could be a compressed body: a length, and bytes that nobody looks at here.
fn packed(announced: u32, bytes: usize) -> Bytes {
    let block = vec![7; bytes];
    [&announced.to_le_bytes()[..], &block].concat().into()
}

fn request(compression: Compression, body: Bytes) -> Request {
    let mut request = Request::new("m", body);
    request.compression = Some(compression);
    request
}

fn response(compression: Option<Compression>, body: Bytes) -> Response {
    let mut response = Response::new(Status::Ok, body);
    response.compression = compression;
    response
}

fn piece(bytes: Bytes, compression: Option<Compression>, continued: bool) -> Piece {
    let mut piece = Piece::new(bytes);
    piece.compression = compression;
    piece.continued = continued;
    piece
}

#[test]
fn what_both_know_is_agreed_on_in_the_order_of_each() {
    let lz4_first = |config: &mut Config| {
        config.compression = vec![Compression::Lz4, Compression::Zstd];
    };
    let zstd_first = |config: &mut Config| {
        config.compression = vec![Compression::Zstd, Compression::Lz4];
    };
    let one = |config: &mut Config| config.compression = vec![Compression::Zstd];
    let agreed = |pair: &Pair| {
        let sides = [&pair.client, &pair.server];
        sides.map(|side| side.session.agreement().unwrap().compression.clone())
    };
    let pair = Pair::with(lz4_first, zstd_first);
    let [client, server] = agreed(&pair);
    assert_eq!(client, [Compression::Lz4, Compression::Zstd]);
    assert_eq!(server, [Compression::Zstd, Compression::Lz4]);
    let one_known = [vec![Compression::Zstd], vec![Compression::Zstd]];
    assert_eq!(agreed(&Pair::with(one, lz4_first)), one_known);
    for pair in [
        Pair::new(),
        Pair::with(both, |_| {}),
        Pair::with(|_| {}, both),
    ] {
        assert_eq!(agreed(&pair), [Vec::new(), Vec::new()]);
    }
}

#[test]
fn it_travels_with_everything_that_has_a_body() {
    for compression in Compression::ALL {
        let mut pair = Pair::with(both, both);
        let body = packed(1000, 50);
        let now = pair.now;
        let send = pair.client.session.send().unwrap();
        let opened = send.open_with(now, request(compression, body.clone()), After::Rest);
        let stream = opened.unwrap();
        let pieces = [
            piece(body.clone(), Some(compression), true),
            piece(Bytes::from_static(b"plain"), None, false),
        ];
        for (piece, end) in pieces.into_iter().zip([false, true]) {
            send.send_piece(stream, piece, end).unwrap();
        }
        let mut event = Event::new("topic", 0, body.clone());
        event.compression = Some(compression);
        send.event(StreamId::CONNECTION, event).unwrap();
        pair.drive();
        let found = pair.server.take_received().into_iter().map(|it| match it {
            Incoming::Request { request, flags, .. } => {
                (request.compression, flags.contains(Flags::CONTINUED))
            }
            Incoming::Chunk { chunk, flags, .. } => {
                (chunk.compression, flags.contains(Flags::CONTINUED))
            }
            Incoming::Event { event, .. } => (event.compression, false),
            other => panic!("{other:?}"),
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(compression, continued)| (compression.is_none(), !continued));
        let is = Some(compression);
        assert_eq!(found, [(is, true), (is, true), (is, false), (None, false)]);

        let send = pair.server.session.send().unwrap();
        let answer = response(Some(compression), body.clone());
        send.respond_with(stream, answer, After::Rest).unwrap();
        let last = piece(body, Some(compression), false);
        send.send_piece(stream, last, true).unwrap();
        pair.drive();
        let received = pair.client.take_received();
        assert!(
            matches!(&received[..], [
                Incoming::Response { response, flags, .. },
                Incoming::Chunk { chunk, flags: last, .. },
            ] if response.compression == is && flags.contains(Flags::CONTINUED)
                && chunk.compression == is && last.contains(Flags::END)),
            "{received:?}"
        );
        assert!(pair.client.send().is_drained() && pair.server.send().is_drained());
    }
}

#[test]
fn a_piece_waits_until_it_fits_as_a_whole() {
    for kib in [16, 48, 100, 129, 1024] {
        let small = |config: &mut Config| {
            both(config);
            config.limits.max_frame_bytes = 16 * 1024;
            config.limits.stream_credit = kib * 1024;
            config.limits.connection_credit = (32 + kib) * 1024;
        };
        let mut pair = Pair::with(small, both);
        let stream = pair
            .client
            .open(pair.now, Request::new("m", Bytes::new()), true);
        pair.drive();
        let room = pair.server.session.agreement().unwrap().piece_room();
        assert_eq!(room, 16 * 1024, "windows of {kib} KiB");
        let server = pair.server.send();
        server
            .respond(stream, response(None, Bytes::new()), false)
            .unwrap();
        let sizes: Vec<_> = (0..200).map(|n| 4 + n * 997 % (room - 3)).collect();
        let mut received = Vec::new();
        for &size in &sizes {
            let send = || piece(packed(100, size - 4), Some(Compression::Lz4), true);
            while pair.server.send().send_piece(stream, send(), false) == Err(SendError::Blocked) {
                pair.drive();
                received.extend(pair.client.take_received());
            }
        }
        pair.drive();
        received.extend(pair.client.take_received());
        let lengths = received.into_iter().filter_map(|incoming| match incoming {
            Incoming::Chunk { chunk, .. } => Some(chunk.body.len()),
            _ => None,
        });
        assert_eq!(lengths.collect::<Vec<_>>(), sizes, "windows of {kib} KiB");
    }
}

#[test]
fn it_is_not_sent_to_a_peer_that_does_not_know_it_nor_cut() {
    let mut pair = Pair::with(|_| {}, both);
    let now = pair.now;
    let feature = "lz4";
    let body = packed(1000, 50);
    let send = pair.client.session.send().unwrap();
    let error = send.open(now, request(Compression::Lz4, body.clone()), true);
    assert_eq!(error, Err(SendError::NotAgreed { feature }));
    let mut event = Event::new("topic", 0, body.clone());
    event.compression = Some(Compression::Lz4);
    let error = send.event(StreamId::CONNECTION, event);
    assert_eq!(error, Err(SendError::NotAgreed { feature }));
    let stream = send.open(now, Request::new("m", Bytes::new()), false);
    let sent = piece(body, Some(Compression::Lz4), false);
    let error = send.send_piece(stream.unwrap(), sent, true);
    assert_eq!(error, Err(SendError::NotAgreed { feature }));

    let mut pair = Pair::with(both, both);
    let long = request(Compression::Lz4, packed(65_536, 65_536));
    let error = pair.client.send().open(now, long, true);
    assert!(
        matches!(error, Err(SendError::TooLarge { .. })),
        "{error:?}"
    );
}

/// What the session of a server that knows both says to a frame on stream 1.
fn refused(flags: Flags, message: Message) -> SessionError {
    let mut script = Script::new(Role::Server, compressing());
    let Err(EndError::Session(error)) = script.send(1, flags, message) else {
        panic!("the frame was taken")
    };
    let told = script.receive().pop().unwrap();
    let Message::Error(failure) = told.message else {
        panic!("{told:?}")
    };
    assert_eq!(told.stream, StreamId::CONNECTION);
    assert_eq!(failure.message, error.to_string());
    let code = match error {
        SessionError::Inflate {
            source: InflateError::TooLarge { .. },
            ..
        } => Code::TOO_LARGE,
        SessionError::Inflate { .. } => Code::BAD_COMPRESSION,
        _ => Code::BAD_FRAME,
    };
    assert_eq!(failure.code, code);
    error
}

#[test]
fn what_announces_too_much_or_nothing_ends_the_session_unseen() {
    let stream = StreamId::new(1);
    for compression in Compression::ALL {
        let flag = match compression {
            Compression::Lz4 => Flags::LZ4,
            _ => Flags::ZSTD,
        };
        for bytes in [65_537, 1 << 20, u32::MAX] {
            let message = Message::Request(Request::new("m", packed(bytes, 4)));
            let source = InflateError::TooLarge {
                compression,
                bytes,
                limit: 65_536,
            };
            let expected = SessionError::Inflate { stream, source };
            assert_eq!(refused(flag, message), expected);
        }
        for bytes in 0..4 {
            let message = Message::Request(Request::new("m", vec![0; bytes].into()));
            let source = InflateError::Truncated { compression, bytes };
            let expected = SessionError::Inflate { stream, source };
            assert_eq!(refused(flag, message), expected);
        }
        let message = Message::Request(Request::new("m", packed(65_536, 4)));
        let mut script = Script::new(Role::Server, compressing());
        script.send(1, flag, message).unwrap();
    }
    let mut config = compressing();
    config.limits.max_frame_bytes = 16 * 1024;
    let mut script = Script::new(Role::Server, config);
    let message = Message::Request(Request::new("m", packed(16_385, 4)));
    let error = script.send(1, Flags::LZ4, message).unwrap_err();
    assert!(
        error.to_string().contains("limit of 16384 bytes"),
        "{error}"
    );
}

#[test]
fn flags_that_make_no_sense_end_the_session() {
    let flags = Flags::LZ4.with(Flags::ZSTD);
    let message = Message::Request(Request::new("m", packed(9, 4)));
    let error = refused(flags, message);
    let expected = SessionError::Wrapping {
        kind: Kind::Request,
        stream: StreamId::new(1),
        flags,
    };
    assert_eq!(error, expected);
    assert_eq!(
        error.to_string(),
        "a Request on stream 1 cannot have the flags {lz4, zstd}"
    );
    for message in [Message::End, Message::Heartbeat(Heartbeat::Ask)] {
        let error = refused(Flags::LZ4, message);
        assert!(matches!(error, SessionError::Decode(_)), "{error:?}");
    }
    let mut config = compressing();
    config.compression.retain(|it| *it == Compression::Lz4);
    let mut script = Script::new(Role::Server, config);
    let message = Message::Request(Request::new("m", packed(9, 4)));
    let error = script.send(1, Flags::ZSTD, message).unwrap_err();
    let flags = Flags::ZSTD;
    assert_eq!(error, EndError::Session(SessionError::NotAgreed { flags }));
}

#[test]
fn the_error_of_a_method_after_its_data_is_never_compressed() {
    let begun = || {
        let mut script = Script::new(Role::Client, compressing());
        let now = script.now();
        let send = script.session().send().unwrap();
        send.open(now, Request::new("m", Bytes::new()), true)
            .unwrap();
        let answer = Message::Response(Response::new(Status::Ok, Bytes::new()));
        script.send(1, Flags::NONE, answer).unwrap();
        script
    };
    let failed = |body| Message::Response(Response::new(Status::Error, body));
    let error = begun().send(1, Flags::LZ4, failed(packed(9, 4)));
    let wrapping = |kind| {
        let (stream, flags) = (StreamId::new(1), Flags::LZ4);
        let error = SessionError::Wrapping {
            kind,
            stream,
            flags,
        };
        Err(EndError::Session(error))
    };
    assert_eq!(error, wrapping(Kind::Response));

    let mut script = begun();
    let plain = failed(Bytes::from_static(b"plain"));
    script.send(1, Flags::CONTINUED, plain).unwrap();
    let rest = Message::Chunk(Chunk::new(0, packed(9, 4)));
    let error = script.send(1, Flags::LZ4.with(Flags::END), rest);
    assert_eq!(error, wrapping(Kind::Chunk));
}
