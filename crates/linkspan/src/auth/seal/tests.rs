//! Envelopes, what opens them and what does not.

use std::sync::Arc;
use std::time::Duration;

use super::cipher::Cipher;
use super::envelope::{Envelope, Header, Salt};
use super::{Algorithm, Binding, KeyRing, OpenError, Opener, Part, ReplayLimits, Rotation, Sealer};

const BINDING: Binding<'_> = Binding {
    part: Part::Publication,
    sender: "sensor",
    target: "house/kitchen",
    content_type: "msgpack",
    correlation: "",
    index: 0,
};
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Aes256Gcm, Algorithm::ChaCha20Poly1305];

fn opener(ring: &KeyRing) -> Opener {
    Opener::new(ring.clone(), ReplayLimits::default())
}

#[test]
fn what_is_sealed_is_opened_once() {
    for algorithm in ALGORITHMS {
        let ring = KeyRing::generate(algorithm).unwrap();
        let (sealer, opener) = (Sealer::new(ring.clone()), opener(&ring));
        for body in [vec![], b"21.5".to_vec(), vec![7; 100_000]] {
            let envelope = sealer.seal(&BINDING, &body).unwrap();
            assert!(envelope.len() > body.len() && envelope.len() <= body.len() + 138);
            assert_eq!(opener.open(&BINDING, &envelope).unwrap(), body);
            let error = opener.open(&BINDING, &envelope).unwrap_err();
            assert!(matches!(error, OpenError::Replayed { .. }), "{error}");
            let again = opener.open_bound(&BINDING, &envelope).unwrap();
            assert_eq!(again, body, "what is bound otherwise is opened at any time");
        }
    }
}

#[test]
fn an_alteration_of_any_byte_is_refused() {
    for algorithm in ALGORITHMS {
        let ring = KeyRing::generate(algorithm).unwrap();
        let envelope = Sealer::new(ring.clone()).seal(&BINDING, b"21.5").unwrap();
        let opener = opener(&ring);
        let id_bytes = ring.list()[0].id.len();
        for place in 0..envelope.len() {
            for bit in 0..8 {
                let mut altered = envelope.to_vec();
                altered[place] ^= 1 << bit;
                let error = opener.open(&BINDING, &altered).unwrap_err();
                match place {
                    0 => assert!(
                        matches!(error, OpenError::UnknownFormat { .. } | OpenError::Tampered),
                        "{error}"
                    ),
                    // With another length, what follows is something else.
                    1 => assert_ne!(error, OpenError::Misaddressed),
                    place if place < 2 + id_bytes => assert!(
                        matches!(
                            error,
                            OpenError::UnknownKey { .. } | OpenError::Malformed { .. }
                        ),
                        "{error}"
                    ),
                    _ => assert_eq!(error, OpenError::Tampered, "byte {place}"),
                }
            }
            let cut = opener.open(&BINDING, &envelope[..place]).unwrap_err();
            assert!(
                matches!(cut, OpenError::Malformed { .. } | OpenError::Tampered),
                "{cut}"
            );
        }
        let longer = [&envelope[..], &[0]].concat();
        assert_eq!(opener.open(&BINDING, &longer), Err(OpenError::Tampered));
        assert_eq!(opener.open(&BINDING, &envelope).unwrap(), "21.5");
    }
}

#[test]
fn what_is_delivered_as_something_else_is_refused() {
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let envelope = Sealer::new(ring.clone()).seal(&BINDING, b"21.5").unwrap();
    let opener = opener(&ring);
    let others = [
        Binding {
            part: Part::Message,
            ..BINDING
        },
        Binding {
            sender: "senso",
            ..BINDING
        },
        Binding {
            target: "house/cellar",
            ..BINDING
        },
        Binding {
            content_type: "json",
            ..BINDING
        },
        Binding {
            correlation: "1",
            ..BINDING
        },
        Binding {
            index: 1,
            ..BINDING
        },
        // The same bytes, divided otherwise.
        Binding {
            sender: "sensorhouse",
            target: "/kitchen",
            ..BINDING
        },
    ];
    for other in others {
        let error = opener.open(&other, &envelope).unwrap_err();
        assert_eq!(error, OpenError::Misaddressed, "{other:?}");
    }
    assert_eq!(opener.open(&BINDING, &envelope).unwrap(), "21.5");
}

#[test]
fn other_rings_open_nothing() {
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let envelope = Sealer::new(ring).seal(&BINDING, b"21.5").unwrap();
    let other = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let error = opener(&other).open(&BINDING, &envelope).unwrap_err();
    assert!(matches!(error, OpenError::UnknownKey { .. }), "{error}");
}

#[test]
fn bodies_may_overtake_each_other_as_far_as_the_window_reaches() {
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let sealer = Sealer::new(ring.clone());
    let limits = ReplayLimits {
        window: 64,
        senders: 2,
    };
    let opener = Opener::new(ring, limits);
    let sealed: Vec<_> = (0..100)
        .map(|_| sealer.seal(&BINDING, b"body").unwrap())
        .collect();
    for envelope in sealed[36..].iter().rev() {
        opener.open(&BINDING, envelope).unwrap();
    }
    let error = opener.open(&BINDING, &sealed[35]).unwrap_err();
    assert_eq!(error, OpenError::Replayed { counter: 35 });
}

#[test]
fn senders_are_forgotten_in_the_order_in_which_they_fell_silent() {
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let limits = ReplayLimits {
        window: 64,
        senders: 2,
    };
    let opener = Opener::new(ring.clone(), limits);
    let envelopes: Vec<_> = (0..3)
        .map(|_| Sealer::new(ring.clone()).seal(&BINDING, b"body").unwrap())
        .collect();
    for envelope in &envelopes {
        opener.open(&BINDING, envelope).unwrap();
    }
    opener.open(&BINDING, &envelopes[2]).unwrap_err();
    opener.open(&BINDING, &envelopes[1]).unwrap_err();
    // Who has no key cannot make it forget anybody.
    let mut forged = envelopes[0].to_vec();
    forged[30] ^= 1;
    opener.open(&BINDING, &forged).unwrap_err();
    opener.open(&BINDING, &envelopes[1]).unwrap_err();
    opener.open(&BINDING, &envelopes[0]).unwrap();
}

#[test]
fn a_key_is_replaced_after_so_many_bodies_and_still_opens() {
    let rotation = Rotation {
        after_messages: Some(10),
        keep: 3,
        ..Rotation::default()
    };
    let ring = KeyRing::generate(Algorithm::ChaCha20Poly1305).unwrap();
    let ring = ring.with_rotation(rotation);
    let (sealer, opener) = (Sealer::new(ring.clone()), opener(&ring));
    let sealed: Vec<_> = (0..45)
        .map(|_| sealer.seal(&BINDING, b"body").unwrap())
        .collect();
    let keys = ring.list();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert!(keys[2].is_current && !keys[1].is_current);
    assert!(
        keys.iter()
            .all(|key| key.algorithm == Algorithm::ChaCha20Poly1305)
    );
    for envelope in &sealed[20..] {
        opener.open(&BINDING, envelope).unwrap();
    }
    let error = opener.open(&BINDING, &sealed[19]).unwrap_err();
    assert!(matches!(error, OpenError::UnknownKey { .. }), "{error}");
}

#[test]
fn a_key_is_replaced_when_its_time_is_up() {
    let rotation = Rotation {
        after: Some(Duration::ZERO),
        ..Rotation::default()
    };
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let ring = ring.with_rotation(rotation);
    let (sealer, opener) = (Sealer::new(ring.clone()), opener(&ring));
    for _ in 0..5 {
        let envelope = sealer.seal(&BINDING, b"body").unwrap();
        opener.open(&BINDING, &envelope).unwrap();
    }
    assert_eq!(ring.list().len(), 6);
    let rotation = Rotation {
        after: Some(Duration::from_secs(3600)),
        ..Rotation::default()
    };
    let ring = ring.with_rotation(rotation);
    Sealer::new(ring.clone()).seal(&BINDING, b"body").unwrap();
    assert_eq!(ring.list().len(), 6, "an hour has not passed");
}

#[test]
fn many_threads_seal_and_open_while_keys_are_replaced() {
    let rotation = Rotation {
        after_messages: Some(100),
        keep: 64,
        ..Rotation::default()
    };
    let ring = KeyRing::generate(Algorithm::Aes256Gcm).unwrap();
    let ring = ring.with_rotation(rotation);
    let (sealer, opener) = (Arc::new(Sealer::new(ring.clone())), Arc::new(opener(&ring)));
    let work = || {
        for _ in 0..1000 {
            let envelope = sealer.seal(&BINDING, b"body").unwrap();
            opener.open(&BINDING, &envelope).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    // While one thread makes a new key, the others go on with the one before.
    let keys = ring.list().len();
    assert!((2..=64).contains(&keys), "{keys} keys for 4,000 bodies");
}

#[test]
fn golden_envelopes_are_those_of_the_specification() {
    for (algorithm, name) in ALGORITHMS.into_iter().zip(["aes", "chacha"]) {
        let secret: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let salt: Salt = std::array::from_fn(|at| 0x20 + u8::try_from(at).unwrap());
        let cipher = Cipher::derive(&secret, algorithm, &salt).unwrap();
        let header = Header {
            algorithm,
            key_id: "k1",
            salt: &salt,
            counter: 7,
        };
        let made = cipher.seal(&header, &BINDING, [&[], &[0x15]]).unwrap();
        let golden = golden(name);
        assert_eq!(made, golden, "{name}: {made:02x?}");
        let envelope = Envelope::decode(&golden).unwrap();
        assert_eq!(envelope.header, header);
        assert_eq!(cipher.open(&envelope, &BINDING).unwrap(), [0x15][..]);
    }
}

/// The bytes of a block `seal NAME` of the specification.
fn golden(name: &str) -> Vec<u8> {
    let specification = include_str!("../../../../../docs/protocol.md");
    let opening = format!("\n```seal {name}\n");
    let (_, rest) = specification
        .split_once(&opening)
        .expect("the block exists");
    let (block, _) = rest.split_once("```").expect("the block ends");
    let lines = block.lines().map(|line| line.split('#').next().unwrap());
    let digits = lines.flat_map(str::split_whitespace);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}
