//! What attackers and foreign clients make, without any of our code.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use linkspan::auth::jwt::{JwtAlgorithm, JwtKey};
use proto::message::Proof;
use proto::session::Transcript;

/// The proof of an API key or launch token, as docs/protocol.md says.
pub(super) struct Prover {
    pub(super) id: String,
    pub(super) secret: [u8; 32],
    pub(super) channel: Vec<u8>,
    pub(super) round: u64,
}

impl Prover {
    /// That of `lsk_ID_SECRET`.
    pub(super) fn of(text: &str) -> Self {
        let mut parts = text.split('_').skip(1);
        let id = parts.next().unwrap().to_owned();
        let digits = parts.next().unwrap();
        let secret =
            std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
        Self {
            id,
            secret,
            channel: Vec::new(),
            round: 0,
        }
    }

    pub(super) fn prove(&self, transcript: &Transcript) -> Proof {
        self.prove_parts(transcript.offer(), transcript.choice())
    }

    pub(super) fn prove_parts(&self, offer: &[u8], choice: &[u8]) -> Proof {
        let client = mac(&self.secret, b"linkspan client key");
        let stored = sha256(&client);
        let mut whole = Vec::new();
        let round = self.round.to_le_bytes();
        for part in [offer, choice, &self.channel, &round, self.id.as_bytes()] {
            whole.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
            whole.extend_from_slice(part);
        }
        let mut signed = b"linkspan client proof".to_vec();
        signed.extend_from_slice(&sha256(&whole));
        let signature = mac(&stored, &signed);
        let mut proof = client;
        proof
            .iter_mut()
            .zip(signature)
            .for_each(|(byte, other)| *byte ^= other);
        Proof::of_key(self.id.as_str(), proof)
    }
}

pub(super) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().try_into().unwrap()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

/// A JWT of these parts, signed somehow.
pub(super) fn jwt(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!(
        "{}.{}",
        base64(header.as_bytes()),
        base64(claims.as_bytes())
    );
    let signature = base64(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub(super) fn base64(bytes: &[u8]) -> String {
    encode(
        bytes,
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    )
}

fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0))
        });
        for digit in 0..=chunk.len() {
            let value = bits >> (18 - 6 * digit) & 63;
            let digit = alphabet.get(usize::try_from(value).unwrap()).unwrap();
            text.push(char::from(*digit));
        }
    }
    text
}

/// A public key in PEM.
pub(super) fn pem(der: &[u8]) -> String {
    let standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut body = encode(der, standard);
    while !body.len().is_multiple_of(4) {
        body.push('=');
    }
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// An issuer that signs with Ed25519.
pub(super) struct Issuer {
    pub(super) id: &'static str,
    pub(super) pair: Ed25519KeyPair,
}

impl Issuer {
    pub(super) fn new(id: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self { id, pair }
    }

    pub(super) fn public_pem(&self) -> String {
        let mut der = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        der.extend_from_slice(self.pair.public_key().as_ref());
        pem(&der)
    }

    pub(super) fn key(&self) -> JwtKey {
        JwtKey::public(self.id, JwtAlgorithm::EdDsa, self.public_pem().as_bytes()).unwrap()
    }

    pub(super) fn sign(&self, claims: &str) -> String {
        let header = format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{}"}}"#, self.id);
        self.sign_with(&header, claims)
    }

    pub(super) fn sign_with(&self, header: &str, claims: &str) -> String {
        jwt(header, claims, |message| {
            self.pair.sign(message).as_ref().to_vec()
        })
    }
}
