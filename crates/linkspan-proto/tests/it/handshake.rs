use std::time::Instant;

use bytes::{Buf, BytesMut};
use linkspan_proto::error::{Code, HandshakeError, SessionError};
use linkspan_proto::frame::{Checksum, Frame, Segments};
use linkspan_proto::message::{self, Accepted, Identity, Message, Proof, VersionRange};
use linkspan_proto::session::{EndError, Handshake, Session};
use linkspan_proto::{Config, Decoder, Role};
use linkspan_test::sim::Pair;

#[expect(clippy::disallowed_methods, reason = "a test is a driver")]
fn now() -> Instant {
    Instant::now()
}

fn versions(min: u8, max: u8) -> impl FnOnce(&mut Config) {
    move |config| config.versions = VersionRange::new(min, max)
}

#[test]
fn the_highest_common_version_is_agreed_on() {
    for (client, server, expected) in [
        ((1, 1), (1, 1), 1),
        ((1, 3), (2, 5), 3),
        ((2, 9), (1, 2), 2),
    ] {
        let pair = Pair::with(versions(client.0, client.1), versions(server.0, server.1));
        assert_eq!(pair.client.session.agreement().unwrap().version, expected);
        assert_eq!(pair.server.session.agreement().unwrap().version, expected);
    }
}

#[test]
fn a_version_mismatch_names_both_ranges_and_the_side_to_upgrade() {
    for (client, server, side) in [((1, 2), (3, 4), "client"), ((5, 6), (3, 4), "server")] {
        let pair = Pair::with(versions(client.0, client.1), versions(server.0, server.1));
        let at_server = pair.server.error.unwrap().to_string();
        let at_client = pair.client.error.unwrap();
        let expected = format!(
            "no common protocol version: the client speaks {} to {}, the server {} to {}; \
             upgrade the {side}",
            client.0, client.1, server.0, server.1
        );
        assert_eq!(at_server, expected);
        let EndError::Handshake(HandshakeError::Refused(failure)) = at_client else {
            panic!("{at_client}");
        };
        assert_eq!(failure.code, Code::VERSION);
        assert_eq!(failure.message, expected);
    }
}

#[test]
fn features_and_codecs_are_those_that_both_know() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let pair = Pair::with(
        |config| config.features = names(&["a", "b", "c"]),
        |config| {
            config.features = names(&["c", "x", "a"]);
            config.codecs = names(&["json"]);
        },
    );
    for end in [&pair.client, &pair.server] {
        let agreement = end.session.agreement().unwrap();
        let mut features = agreement.features.clone();
        features.sort();
        assert_eq!(features, ["a", "c"]);
        assert_eq!(agreement.codecs, ["json"]);
    }
}

#[test]
fn each_side_learns_the_identity_and_limits_of_the_other() {
    let pair = Pair::with(
        |config| {
            config.identity = Identity::new("tool", "1.2", "abc");
            config.limits.max_streams = 7;
        },
        |config| {
            config.identity = Identity::new("service", "3.4", "def");
            config.limits.max_frame_bytes = 20_000;
        },
    );
    let client = pair.client.session.agreement().unwrap();
    let server = pair.server.session.agreement().unwrap();
    assert_eq!(client.peer, Identity::new("service", "3.4", "def"));
    assert_eq!(server.peer, Identity::new("tool", "1.2", "abc"));
    assert_eq!(client.peer_limits.max_frame_bytes, 20_000);
    assert_eq!(server.peer_limits.max_streams, 7);
    assert_eq!(client.nonces, server.nonces);
}

#[test]
fn checksums_are_left_out_only_if_both_sides_agree() {
    for (client, server) in [(false, false), (true, false), (false, true), (true, true)] {
        let pair = Pair::with(
            |config| config.unchecked = client,
            |config| config.unchecked = server,
        );
        let expected = if client && server {
            Checksum::Off
        } else {
            Checksum::Crc32
        };
        assert_eq!(pair.client.session.agreement().unwrap().checksum, expected);
        assert_eq!(pair.server.session.agreement().unwrap().checksum, expected);
    }
}

#[test]
fn limits_with_which_the_protocol_cannot_work_are_refused_by_name() {
    type Change = fn(&mut Config);
    let too_low: [(Change, &str); 4] = [
        (
            |config| config.limits.max_frame_bytes = 16_383,
            "max_frame_bytes",
        ),
        (|config| config.limits.max_streams = 0, "max_streams"),
        (
            |config| config.limits.stream_credit = 16_383,
            "stream_credit",
        ),
        (
            |config| config.limits.connection_credit = 2 * 1024 * 1024 + 16_383,
            "connection_credit",
        ),
    ];
    for (change, name) in too_low {
        let pair = Pair::with(change, |_| {});
        let error = pair.server.error.unwrap().to_string();
        assert!(error.contains(name), "{error}");
        assert!(pair.client.error.unwrap().to_string().contains(name));
    }
    let pair = Pair::with(|config| config.limits.max_frame_bytes = 16_384, |_| {});
    assert!(pair.server.error.is_none());
}

#[test]
fn anything_else_than_the_next_step_is_an_error() {
    let now = now();
    let mut one: Session = Session::new(Role::Client, Config::default(), [1; 32]);
    let mut two: Session = Session::new(Role::Client, Config::default(), [2; 32]);
    let mut offer = Vec::new();
    one.poll_transmit(&mut offer);
    let error = two
        .handle_bytes(now, &mut BytesMut::from(&offer[..]))
        .unwrap_err();
    assert!(
        matches!(
            error,
            EndError::Handshake(HandshakeError::Unexpected { .. })
        ),
        "{error}"
    );
}

#[test]
fn a_handshake_frame_over_16_kib_is_refused_from_its_header() {
    let mut server: Session = Session::new(Role::Server, Config::default(), [1; 32]);
    let mut header = b"LSPN\x01\x01\0\0".to_vec();
    header.extend_from_slice(&1_u64.to_le_bytes());
    header.extend_from_slice(&0_u64.to_le_bytes());
    header.extend_from_slice(&1_u64.to_le_bytes());
    header.extend_from_slice(&16_385_u32.to_le_bytes());
    let now = now();
    let error = server
        .handle_bytes(now, &mut BytesMut::from(&header[..]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "frame of 16385 bytes exceeds the limit of 16384 bytes"
    );
}

#[test]
fn a_server_is_told_why_its_choice_is_refused() {
    let pair = Pair::with(|_| {}, |config| config.limits.max_streams = 0);
    let refusal = pair.client.error.unwrap().to_string();
    let EndError::Session(SessionError::Peer(told)) = pair.server.error.unwrap() else {
        panic!("the server is told");
    };
    assert_eq!(told.message, refusal);
}

#[test]
fn a_client_agrees_to_nothing_that_it_does_not_know() {
    let mut client = Handshake::new(Role::Client, Config::default(), [1; 32]);
    let mut server = Handshake::new(Role::Server, Config::default(), [2; 32]);
    let offer = client.poll_transmit().unwrap();
    server.handle_frame(offer).unwrap();
    let mut choice = server.poll_transmit().unwrap();
    let Message::Handshake(step) = &mut choice.message else {
        panic!("{choice:?}");
    };
    let message::Handshake::Choice(terms) = &mut **step else {
        panic!("{step:?}");
    };
    terms.features.push("unknown".to_owned());
    terms.codecs.push("unknown".to_owned());
    let agreement = client.handle_frame(choice).unwrap().unwrap();
    assert_eq!(agreement.features, Config::default().features);
    assert_eq!(agreement.codecs, Config::default().codecs);
}

/// A client that can authenticate, and a server that asks for it.
fn asked(client: &[&str], server: &[&str]) -> (Handshake, Handshake) {
    let config = |methods: &[&str]| {
        let mut config = Config::default();
        config.auth = methods.iter().map(|&method| method.to_owned()).collect();
        config
    };
    let mut client = Handshake::new(Role::Client, config(client), [1; 32]);
    let mut server = Handshake::new(Role::Server, config(server), [2; 32]);
    let agreed = server.handle_frame(client.poll_transmit().unwrap());
    assert!(agreed.unwrap().is_none());
    let agreed = client.handle_frame(server.poll_transmit().unwrap());
    assert!(agreed.unwrap().is_none());
    (client, server)
}

#[test]
fn a_client_proves_who_it_is_by_the_first_way_that_both_know() {
    let (mut client, mut server) = asked(&["b", "a", "c"], &["a", "b"]);
    let (method, at_client) = client.challenge().unwrap();
    assert_eq!(method, "b");
    let at_client = at_client.clone();
    client.prove(Proof::of_key("one", [7; 32]));
    let proof = client.poll_transmit().unwrap();
    assert!(server.handle_frame(proof).unwrap().is_none());
    let claim = server.claim().unwrap();
    assert_eq!((claim.method, claim.proof.id.as_str()), ("b", "one"));
    assert_eq!(*claim.transcript, at_client);
    let there = server.accept(Accepted::new("key:one")).unwrap();
    let here = client.handle_frame(server.poll_transmit().unwrap());
    let here = here.unwrap().unwrap();
    assert_eq!(here.accepted, there.accepted);
    assert_eq!(here.transcript, Some(at_client));
}

#[test]
fn a_server_that_insists_refuses_those_who_can_prove_nothing() {
    let mut config = Config::default();
    config.auth = vec!["a".into()];
    config.auth_required = true;
    let mut client = Handshake::new(Role::Client, Config::default(), [1; 32]);
    let mut server = Handshake::new(Role::Server, config, [2; 32]);
    let error = server.handle_frame(client.poll_transmit().unwrap());
    assert_eq!(error.unwrap_err(), HandshakeError::Unauthenticated);
}

#[test]
fn what_a_side_does_not_understand_is_part_of_what_is_proved() {
    // A key that neither side knows, added on the way.
    let mut config = Config::default();
    config.auth = vec!["a".into()];
    let mut client = Handshake::new(Role::Client, config.clone(), [1; 32]);
    let offer = client.poll_transmit().unwrap();
    let mut segments = Segments::new();
    Handshake::encode(&offer, &mut segments);
    let wire = segments.copy_to_bytes(segments.remaining());
    let payload = &wire[36..wire.len() - 8];
    let mut changed = vec![payload[0] + 1];
    changed.extend_from_slice(&payload[1..]);
    changed.extend_from_slice(b"\xa1x\xc0");

    let mut server = Handshake::new(Role::Server, config, [2; 32]);
    server.handle_frame(decoded(1, &changed)).unwrap();
    server.handle_frame(decoded(3, b"\x80")).unwrap();
    let claim = server.claim().unwrap();
    assert_eq!(claim.transcript.offer(), changed);
    client
        .handle_frame(server.poll_transmit().unwrap())
        .unwrap();
    let (_, at_client) = client.challenge().unwrap();
    assert_eq!(at_client.offer(), payload);
}

/// A step with any payload, as it is read.
fn decoded(step: u64, payload: &[u8]) -> Frame {
    let mut wire = b"LSPN\x01\x01\0\0".to_vec();
    wire.extend_from_slice(&step.to_le_bytes());
    wire.extend_from_slice(&0_u64.to_le_bytes());
    wire.extend_from_slice(&step.to_le_bytes());
    wire.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    let sums = [crc32(&wire), crc32(payload)];
    wire.extend_from_slice(payload);
    for sum in sums {
        wire.extend_from_slice(&sum.to_le_bytes());
    }
    let frame = Decoder::handshake().decode(&mut BytesMut::from(&wire[..]));
    frame.unwrap().unwrap()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}
