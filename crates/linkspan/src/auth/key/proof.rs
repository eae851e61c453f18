//! Proofs that a side knows a key (docs/protocol.md, section 3.7).

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::auth::authenticator::{Attempt, Claim};
use crate::auth::credential::Asked;
use crate::auth::key::secret::{hex, unhex};
use crate::auth::{Denial, Grant};
use crate::transport::ChannelBinding;

/// What a server keeps of a key: enough to check it, and to prove that it can; not enough to come as
/// the client.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyVerifier {
    /// SHA-256 of the client's key.
    stored: [u8; 32],
    /// The server's key.
    server: [u8; 32],
}

/// What both sides make of a key.
pub(super) struct Keys {
    client: Zeroizing<[u8; 32]>,
    server: Zeroizing<[u8; 32]>,
}

impl Keys {
    pub(super) fn of(secret: &[u8; 32]) -> Self {
        Self {
            client: Zeroizing::new(mac(secret, &[CLIENT_KEY])),
            server: Zeroizing::new(mac(secret, &[SERVER_KEY])),
        }
    }

    pub(super) fn verifier(&self) -> KeyVerifier {
        KeyVerifier {
            stored: hash(&*self.client),
            server: *self.server,
        }
    }

    pub(super) fn client_proof(&self, message: &Message) -> [u8; 32] {
        let signature = mac(&hash(&*self.client), &[CLIENT_PROOF, &message.0]);
        xor(&self.client, &signature)
    }

    pub(super) fn server_proof(&self, message: &Message) -> [u8; 32] {
        mac(&self.server, &[SERVER_PROOF, &message.0])
    }
}

impl KeyVerifier {
    /// Checks what a peer gave, and gives the server's own proof.
    fn check(&self, proof: &[u8; 32], message: &Message) -> Result<[u8; 32], Denial> {
        let signature = mac(&self.stored, &[CLIENT_PROOF, &message.0]);
        let client = Zeroizing::new(xor(proof, &signature));
        verify_slices_are_equal(&hash(&*client), &self.stored).map_err(|_| Denial::WrongProof)?;
        Ok(mac(&self.server, &[SERVER_PROOF, &message.0]))
    }

    /// As text, for files: two numbers in hexadecimal.
    pub fn to_text(&self) -> String {
        format!("{}:{}", hex(&self.stored), hex(&self.server))
    }

    /// Reads what [`to_text`](Self::to_text) makes.
    pub fn parse(text: &str) -> Option<Self> {
        let (stored, server) = text.split_once(':')?;
        Some(Self {
            stored: unhex(stored)?,
            server: unhex(server)?,
        })
    }
}

/// Shows nothing of it: with it a server can be played.
impl fmt::Debug for KeyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyVerifier(..)")
    }
}

impl Attempt<'_> {
    /// Checks that the peer has the key of which a server keeps that. The grant with which it is
    /// answered must come from here.
    ///
    /// # Errors
    ///
    /// [`Denial::WrongProof`], or [`Denial::Malformed`] without any.
    pub fn prove_key(&self, verifier: &KeyVerifier, mut grant: Grant) -> Result<Grant, Denial> {
        let missing = Denial::Malformed("there is no proof of a key");
        let claim = self.claim.ok_or_else(|| missing.clone())?;
        let proof = claim.proof.proof.as_ref().ok_or(missing)?;
        let channel = self.peer.channel.as_ref();
        let message = claim.message(channel);
        grant.answer = Some(verifier.check(proof, &message)?);
        Ok(grant)
    }
}

/// What a proof is about: the opening of the session, word for word, the TLS connection, the round
/// and the name of the key.
pub(super) struct Message([u8; 32]);

impl Message {
    fn new(offer: &[u8], choice: &[u8], channel: &[u8], round: u64, id: &str) -> Self {
        let mut whole = Vec::new();
        for part in [offer, choice, channel, &round.to_le_bytes(), id.as_bytes()] {
            // Frames of an opening have 16 KiB at most.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            whole.extend_from_slice(&length.to_le_bytes());
            whole.extend_from_slice(part);
        }
        Self(hash(&whole))
    }
}

impl Asked<'_> {
    pub(super) fn message(&self, id: &str) -> Message {
        let transcript = self.transcript;
        let channel = bytes(self.channel);
        Message::new(
            transcript.offer(),
            transcript.choice(),
            channel,
            self.round,
            id,
        )
    }
}

impl Claim<'_> {
    fn message(&self, channel: Option<&ChannelBinding>) -> Message {
        let asked = Asked {
            transcript: self.transcript,
            channel,
            round: self.round,
        };
        asked.message(&self.proof.id)
    }
}

fn bytes(channel: Option<&ChannelBinding>) -> &[u8] {
    channel.map_or(&[], |channel| &channel.0)
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    whole(context.sign().as_ref())
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    whole(digest(&SHA256, bytes).as_ref())
}

fn whole(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 gives 32 bytes")
}

fn xor(one: &[u8; 32], other: &[u8; 32]) -> [u8; 32] {
    let mut result = *one;
    for (byte, other) in result.iter_mut().zip(other) {
        *byte ^= other;
    }
    result
}

const CLIENT_KEY: &[u8] = b"linkspan client key";
const SERVER_KEY: &[u8] = b"linkspan server key";
const CLIENT_PROOF: &[u8] = b"linkspan client proof";
const SERVER_PROOF: &[u8] = b"linkspan server proof";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_those_of_the_specification() {
        let keys = Keys::of(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let message = Message::new(b"offer", b"choice", b"", 0, "0123456789abcdef");
        let specification = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
        let specification = std::fs::read_to_string(specification).unwrap();
        for (name, bytes) in [
            ("message      = ", message.0),
            ("client proof = ", keys.client_proof(&message)),
            ("server proof = ", keys.server_proof(&message)),
        ] {
            let line = format!("{name}{}\n", hex(&bytes));
            assert!(specification.contains(&line), "{line}");
        }
        let given = keys.client_proof(&message);
        let answer = keys.verifier().check(&given, &message);
        assert_eq!(answer, Ok(keys.server_proof(&message)));
    }

    #[test]
    fn what_a_server_keeps_is_read_back_and_is_not_the_key() {
        let keys = Keys::of(&[7; 32]);
        let text = keys.verifier().to_text();
        assert_eq!(KeyVerifier::parse(&text), Some(keys.verifier()));
        assert!(!text.contains(&hex(&[7; 32])) && !text.contains(&hex(&*keys.client)));
    }
}
