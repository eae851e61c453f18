//! A side of an opening in which a client has to prove who it is.

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use proto::error::HandshakeError;
use proto::frame::Frame;
use proto::message::{Accepted, Proof, Renewal};
use proto::session::Handshake;
use proto::{Config, Decoder, Role};

use crate::fuzz::wire::RawHeader;

/// What the fuzzer says.
#[derive(Debug, Arbitrary)]
struct Case<'a> {
    is_server: bool,
    required: bool,
    /// One bit for each of eight methods of the client and of the server.
    methods: [u8; 2],
    frames: Vec<Said<'a>>,
    renewal: &'a [u8],
    accepted: &'a [u8],
}

#[derive(Debug, Arbitrary)]
enum Said<'a> {
    /// What a correct peer says next.
    Honest,
    /// A step with any payload.
    Step(u8, &'a [u8]),
}

/// Opens a session with a peer that says anything in between.
///
/// - A server agrees to nothing before it judged a proof, if there is a way to give one; a side that
///   insists agrees to nothing without.
/// - A refusal is the next frame of its sender.
/// - What is read and written again is the same.
pub fn authentication(data: &[u8]) {
    let Ok(case) = Case::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    if let Ok(renewal) = Renewal::decode(case.renewal) {
        assert_eq!(Renewal::decode(&renewal.to_bytes()).as_ref(), Ok(&renewal));
    }
    if let Ok(accepted) = Accepted::decode(case.accepted) {
        assert_eq!(
            Accepted::decode(&accepted.to_bytes()).as_ref(),
            Ok(&accepted)
        );
    }
    let config = |methods: u8| {
        let mut config = Config::default();
        let chosen = (0..u8::BITS).filter(|bit| methods & (1 << bit) != 0);
        config.auth = chosen.map(|bit| format!("method-{bit}")).collect();
        config.auth_required = case.required;
        config
    };
    let [client, server] = case.methods.map(config);
    let is_common = case.methods[0] & case.methods[1] != 0;
    let mut client = Handshake::new(Role::Client, client, [1; 32]);
    let mut server = Handshake::new(Role::Server, server, [2; 32]);
    let frames = case.frames.iter();
    let (side, peer) = match case.is_server {
        true => (&mut server, &mut client),
        false => (&mut client, &mut server),
    };
    let mut sent = 0;
    let mut tell = |side: &mut Handshake, peer: &mut Handshake| {
        while let Some(frame) = side.poll_transmit() {
            sent += 1;
            assert_eq!(frame.id, sent);
            peer.handle_frame(frame).ok();
            answer(peer);
        }
        sent
    };
    tell(side, peer);
    let (mut is_honest, mut was_asked) = (true, false);
    for said in frames {
        is_honest &= matches!(said, Said::Honest);
        let Some(frame) = said.frame(peer) else {
            return;
        };
        let agreed = match side.handle_frame(frame) {
            Ok(agreed) => agreed,
            Err(error) => {
                let sent = tell(side, peer);
                return check_refusal(side, &error, sent);
            }
        };
        if agreed.is_some() {
            assert!(
                !(is_common && case.is_server && is_honest),
                "nobody was judged"
            );
            assert!(was_asked || !case.required, "nobody was asked");
            return;
        }
        was_asked |= side.challenge().is_some();
        if answer(side) {
            return;
        }
        tell(side, peer);
    }
}

/// Goes on: a client proves, a server accepts. Says whether the session is open.
fn answer(side: &mut Handshake) -> bool {
    if side.challenge().is_some() {
        side.prove(Proof::of_key("one", [3; 32]));
    }
    side.accept(Accepted::new("key:one")).is_some()
}

fn check_refusal(side: &mut Handshake, error: &HandshakeError, sent: u64) {
    if let Some(failure) = error.to_failure() {
        assert_eq!(side.refuse(failure).id, sent + 1);
    }
}

impl Said<'_> {
    /// The frame, if it is one.
    fn frame(&self, peer: &mut Handshake) -> Option<Frame> {
        let (step, payload) = match self {
            Self::Honest => return peer.poll_transmit(),
            Self::Step(step, payload) => (*step, *payload),
        };
        let header = RawHeader {
            kind: 1,
            flags: 0,
            id: 1,
            stream: 0,
            number: step.into(),
        };
        let wire = header.frame(payload);
        let mut wire = BytesMut::from(&wire[..]);
        Decoder::handshake().decode(&mut wire).ok().flatten()
    }
}
