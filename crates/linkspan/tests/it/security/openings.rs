//! Openings that a stranger in between changes, cuts short or reorders.

use bytes::{Buf, Bytes, BytesMut};
use linkspan::auth::{ApiKeys, Credential, SecretKey};
use linkspan::rpc::ConnectError;
use linkspan::{Address, Code, HostPort};
use linkspan_test::raw::RawClient;
use linkspan_test::wait::within;
use proto::Decoder;
use proto::error::HandshakeError;
use proto::frame::{Flags, Frame, Segments};
use proto::message::{self, Accepted, Message, Proof, Request};
use proto::session::Handshake;
use proto::{Config, Role, StreamId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::security::forge::Prover;
use crate::security::scene::{Scene, connect, encode, os_random, patient, refusal, send, step};

struct World {
    scene: Scene,
    key: SecretKey,
}

impl World {
    async fn new() -> Self {
        let keys = ApiKeys::new([]).unwrap();
        let key = keys.issue("ci", Vec::new(), None).unwrap();
        let scene = Scene::new("tcp", patient().with(keys)).await;
        Self { scene, key }
    }

    fn credential(&self) -> Credential {
        Credential::key(self.key.clone())
    }
}

#[tokio::test]
async fn without_proof_nobody_comes_in_by_tcp() {
    let world = World::new().await;
    let error = connect(world.scene.address(), None).await.unwrap_err();
    assert_eq!(refusal(&error).code, Code::DENIED);
    assert_eq!(refusal(&error).message, "the client is not authenticated");
    assert_eq!(world.scene.last()["reason"], "handshake");
}

/// What is done to a frame on its way.
type Change = fn(&mut message::Handshake);

/// Changes the offer and the choice between a client and the server.
async fn in_between(server: Address, on_offer: Change, on_choice: Change) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let Address::Tcp(host) = server else { panic!() };
        let mut server = TcpStream::connect((host.host.as_str(), host.port))
            .await
            .unwrap();
        let offer = frame(&mut client).await;
        server
            .write_all(&encode(&changed(offer, on_offer)))
            .await
            .unwrap();
        let choice = frame(&mut server).await;
        client
            .write_all(&encode(&changed(choice, on_choice)))
            .await
            .unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server)
            .await
            .ok();
    });
    Address::Tcp(HostPort::new("127.0.0.1", port))
}

async fn frame(stream: &mut TcpStream) -> Frame {
    let (mut decoder, mut input) = (Decoder::handshake(), BytesMut::new());
    loop {
        if let Some(frame) = decoder.decode(&mut input).unwrap() {
            return frame;
        }
        assert!(stream.read_buf(&mut input).await.unwrap() > 0);
    }
}

fn changed(mut frame: Frame, change: Change) -> Frame {
    if let Message::Handshake(step) = &mut frame.message {
        change(step);
    }
    Frame::new(frame.id, frame.stream, frame.flags, frame.message)
}

fn kept(_: &mut message::Handshake) {}

fn offer(step: &mut message::Handshake) -> &mut message::Offer {
    let message::Handshake::Offer(offer) = step else {
        panic!()
    };
    offer
}

fn choice(step: &mut message::Handshake) -> &mut message::Choice {
    let message::Handshake::Choice(choice) = step else {
        panic!()
    };
    choice
}

#[tokio::test]
async fn whatever_is_changed_in_between_is_noticed() {
    let world = World::new().await;
    let changes: [(&str, Change, Change); 9] = [
        (
            "features dropped",
            |step| offer(step).features.clear(),
            kept,
        ),
        (
            "ways to authenticate added",
            |step| offer(step).auth.push("jwt".into()),
            kept,
        ),
        (
            "the limits lowered",
            |step| offer(step).limits.max_streams = 1,
            kept,
        ),
        (
            "the client's nonce",
            |step| offer(step).nonce = [1; 32],
            kept,
        ),
        (
            "another name",
            |step| offer(step).identity.name.push('x'),
            kept,
        ),
        ("features of the choice", kept, |step| {
            choice(step).features.clear();
        }),
        ("codecs of the choice", kept, |step| {
            choice(step).codecs.truncate(1);
        }),
        ("the server's nonce", kept, |step| {
            choice(step).nonce = [1; 32];
        }),
        ("the server's limits", kept, |step| {
            choice(step).limits.max_streams = 1;
        }),
    ];
    for (name, on_offer, on_choice) in changes {
        let address = in_between(world.scene.address().clone(), on_offer, on_choice).await;
        let error = connect(&address, Some(world.credential()))
            .await
            .unwrap_err();
        assert_eq!(refusal(&error).code, Code::DENIED, "{name}");
        assert_eq!(world.scene.last()["reason"], "wrong_proof", "{name}");
        world.scene.others_are_undisturbed(name).await;
    }
    // Bytes that pass unchanged are no harm.
    let address = in_between(world.scene.address().clone(), kept, kept).await;
    assert!(connect(&address, Some(world.credential())).await.is_ok());
}

#[tokio::test]
async fn a_client_with_a_key_is_not_talked_out_of_using_it() {
    let world = World::new().await;
    let strip_offer: Change = |step| offer(step).auth.clear();
    let address = in_between(world.scene.address().clone(), strip_offer, kept).await;
    let error = connect(&address, Some(world.credential()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, Code::DENIED);

    let strip_choice: Change = |step| choice(step).auth = None;
    let address = in_between(world.scene.address().clone(), kept, strip_choice).await;
    let error = connect(&address, Some(world.credential()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::Handshake(HandshakeError::NotAsked)),
        "{error:?}"
    );

    let another: Change = |step| choice(step).auth = Some("jwt".into());
    let address = in_between(world.scene.address().clone(), kept, another).await;
    let error = connect(&address, Some(world.credential()))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Handshake(HandshakeError::Authentication { .. })
    ));
}

/// A server that does not know the key, and pretends to.
async fn impostor(accepted: Accepted, reflect: bool) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let asked = frame(&mut client).await;
        let mut config = Config::default();
        config.auth = vec!["api_key".into()];
        let nonce = match &asked.message {
            Message::Handshake(step) if reflect => match &**step {
                message::Handshake::Offer(offer) => offer.nonce,
                _ => panic!("no offer"),
            },
            _ => os_random(),
        };
        let mut handshake = Handshake::new(Role::Server, config, nonce);
        handshake.handle_frame(asked).unwrap();
        client
            .write_all(&encode(&handshake.poll_transmit().unwrap()))
            .await
            .unwrap();
        let _proof = frame(&mut client).await;
        let accepted = step(2, message::Handshake::Accepted(accepted));
        client.write_all(&encode(&accepted)).await.unwrap();
        tokio::io::copy(&mut client, &mut tokio::io::sink())
            .await
            .ok();
    });
    Address::Tcp(HostPort::new("127.0.0.1", port))
}

#[tokio::test]
async fn a_server_has_to_know_the_key_too() {
    let world = World::new().await;
    let mut guessed = Accepted::new("key:ci");
    guessed.proof = Some([3; 32]);
    for accepted in [Accepted::new("key:ci"), guessed] {
        let address = impostor(accepted, false).await;
        let error = connect(&address, Some(world.credential()))
            .await
            .unwrap_err();
        let is_noticed = matches!(error, ConnectError::Handshake(HandshakeError::Impostor));
        assert!(is_noticed, "{error:?}");
    }
}

#[tokio::test]
async fn a_nonce_that_comes_back_is_refused() {
    let world = World::new().await;
    let address = impostor(Accepted::new("key:ci"), true).await;
    let error = connect(&address, Some(world.credential()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ConnectError::Handshake(HandshakeError::Reflected)),
        "{error:?}"
    );
}

#[tokio::test]
async fn nothing_is_done_for_a_client_that_skips_its_proof() {
    let world = World::new().await;
    let (mut client, _) = world.scene.challenged("api_key").await;
    let request = Message::Request(Request::new("whoami", Bytes::from_static(b"\xC0")));
    let early = Frame::new(2, StreamId::new(1), Flags::END, request);
    let mut segments = Segments::new();
    early.encode(1, proto::frame::Checksum::Crc32, &mut segments);
    client
        .send_bytes(&segments.copy_to_bytes(segments.remaining()))
        .await
        .unwrap();
    is_refused(&mut client, &Code::OUT_OF_ORDER).await;
    world.scene.noted("session.open", "handshake").await;
}

#[tokio::test]
async fn steps_come_in_their_order_and_once() {
    let world = World::new().await;
    let (mut client, _) = world.scene.challenged("api_key").await;
    let accepted = message::Handshake::Accepted(Accepted::new("uid:0"));
    send(&mut client, &step(2, accepted)).await;
    is_refused(&mut client, &Code::OUT_OF_ORDER).await;

    // A proof before anybody asked.
    let mut client = RawClient::connect(world.scene.address()).await.unwrap();
    send(
        &mut client,
        &step(1, message::Handshake::Proof(Proof::default())),
    )
    .await;
    is_refused(&mut client, &Code::OUT_OF_ORDER).await;

    // A second offer where the proof should be.
    let (mut client, _) = world.scene.challenged("api_key").await;
    let mut second = Handshake::new(Role::Client, Config::default(), [9; 32]);
    send(&mut client, &second.poll_transmit().unwrap()).await;
    is_refused(&mut client, &Code::OUT_OF_ORDER).await;
    world.scene.noted("session.open", "handshake").await;
    world
        .scene
        .others_are_undisturbed("steps out of order")
        .await;
}

#[tokio::test]
async fn proofs_that_are_cut_or_blown_up_are_refused() {
    let world = World::new().await;
    let proof = message::Handshake::Proof(Prover::of(&world.key.reveal()).prove_parts(b"", b""));
    let whole = encode(&step(2, proof));
    // Cut: whatever length, nobody is let in and nobody waits for ever.
    for length in [0, 1, 35, 36, whole.len() - 1] {
        let (mut client, _) = world.scene.challenged("api_key").await;
        client.send_bytes(&whole[..length]).await.unwrap();
        client.shutdown().await.unwrap();
        let frames = within("the end", client.receive_to_end()).await;
        assert!(frames.is_empty(), "{length}: {frames:?}");
    }
    // A map of which a part is not 32 bytes long.
    for bytes in [0_u8, 31, 33, 255] {
        let (mut client, _) = world.scene.challenged("api_key").await;
        let mut payload = vec![0x82, 0xa2, b'i', b'd', 0xa1, b'x', 0xa5];
        payload.extend_from_slice(b"proof");
        payload.extend_from_slice(&[0xc4, bytes]);
        payload.resize(payload.len() + usize::from(bytes), 7);
        client.send_bytes(&raw(3, &payload)).await.unwrap();
        is_refused(&mut client, &Code::BAD_FRAME).await;
    }
    // More than an opening may have is refused from its header.
    let (mut client, _) = world.scene.challenged("api_key").await;
    let mut header = raw(3, &vec![0; 16_385]);
    header.truncate(36);
    client.send_bytes(&header).await.unwrap();
    is_refused(&mut client, &Code::TOO_LARGE).await;
    world
        .scene
        .others_are_undisturbed("proofs of any length")
        .await;
}

/// A frame of an opening with any payload, and right sums.
fn raw(number: u64, payload: &[u8]) -> Vec<u8> {
    let mut header = b"LSPN\x01\x01\0\0".to_vec();
    header.extend_from_slice(&2_u64.to_le_bytes());
    header.extend_from_slice(&0_u64.to_le_bytes());
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    let sums = [crc32(&header), crc32(payload)];
    header.extend_from_slice(payload);
    sums.iter()
        .for_each(|sum| header.extend_from_slice(&sum.to_le_bytes()));
    header
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

async fn is_refused(client: &mut RawClient, code: &Code) {
    let frame = within("the refusal", client.receive()).await.unwrap();
    let Some(Message::Error(failure)) = frame.map(|frame| frame.message) else {
        panic!("no refusal");
    };
    assert_eq!(failure.code, *code);
    assert!(within("the end", client.receive_to_end()).await.is_empty());
}
