//! One side of an opening.

use std::time::Instant;

use bytes::BytesMut;
use proto::frame::Checksum;
use proto::message::Message;
use proto::session::{Agreement, EndError, Session};
use proto::{Config, Decoder, Role, StreamId};

use crate::fuzz::handshake::case::nonce;

/// A session, and all that it said.
pub(super) struct End {
    role: Role,
    config: Config,
    session: Session,
    input: BytesMut,
    pub(super) error: Option<EndError>,
    now: Instant,
    said: Vec<u8>,
    refusal_expected: bool,
}

impl End {
    pub(super) fn new(role: Role, config: Config) -> Self {
        Self {
            role,
            config: config.clone(),
            session: Session::new(role, config, nonce(role)),
            input: BytesMut::new(),
            error: None,
            now: Instant::now(),
            said: Vec::new(),
            refusal_expected: false,
        }
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        self.say();
        self.input.extend_from_slice(bytes);
        self.error = self.session.handle_bytes(self.now, &mut self.input).err();
        while self.session.poll_incoming().is_some() {}
        self.refusal_expected = match &self.error {
            Some(EndError::Handshake(error)) => error.to_failure().is_some(),
            Some(EndError::Session(error)) => error.to_failure().is_some(),
            Some(_) | None => false,
        };
    }

    /// What it says now.
    pub(super) fn say(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        self.session.poll_transmit(&mut said);
        self.said.extend_from_slice(&said);
        said
    }

    pub(super) fn agreement(&self) -> Option<&Agreement> {
        self.session.agreement()
    }

    pub(super) fn check(&mut self) {
        self.say();
        self.check_said();
        if let Some(agreement) = self.agreement() {
            self.check_agreement(agreement);
        }
    }

    /// Frames in their order, the last one a refusal if there is an error of the peer's.
    fn check_said(&self) {
        let mut rest = BytesMut::from(&self.said[..]);
        let mut decoder = Decoder::handshake();
        let mut last = None;
        for id in 1.. {
            let frame = decoder.decode(&mut rest).expect("a session says frames");
            let Some(frame) = frame else { break };
            assert_eq!(frame.id, id, "{frame:?}");
            last = Some(frame);
            if let Some(agreement) = self.agreement().filter(|_| id == 1) {
                decoder = Decoder::new(agreement.version, agreement.checksum, u32::MAX);
            }
        }
        assert!(rest.is_empty(), "a session says whole frames");
        let refused = last.is_some_and(|frame| {
            frame.stream == StreamId::CONNECTION && matches!(frame.message, Message::Error(_))
        });
        assert_eq!(refused, self.refusal_expected, "{:?}", self.error);
    }

    fn check_agreement(&self, agreement: &Agreement) {
        let known = |names: &[String], known: &[String]| {
            assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
        };
        assert_eq!(agreement.role, self.role);
        assert!(self.config.versions.contains(agreement.version));
        assert!(self.config.unchecked || agreement.checksum == Checksum::Crc32);
        known(&agreement.features, &self.config.features);
        known(&agreement.codecs, &self.config.codecs);
        assert_eq!(agreement.peer_limits.check(), Ok(()));
        assert_eq!(agreement.limits(), self.config.limits);
    }
}
