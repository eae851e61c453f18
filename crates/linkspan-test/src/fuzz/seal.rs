//! Envelopes: nothing is opened but what was sealed, as what it was sealed for.

use std::sync::LazyLock;

use linkspan::auth::seal::{Binding, KeyRing, Opener, Part, ReplayLimits, Sealer};

/// Opens the input as an envelope; then seals it, alters that where the input says, and opens it.
///
/// # Panics
///
/// If something is opened that was not sealed, or something is not that was.
pub fn seal(input: &[u8]) {
    let opener = Opener::new(RING.clone(), ReplayLimits::default());
    // Nobody finds a key by trying: what opens is one of the envelopes in the specification.
    if let Ok(body) = opener.open(&BINDING, input) {
        assert_eq!(body[..], [21], "it was never sealed");
        let error = opener.open(&BINDING, input);
        assert!(error.is_err(), "it was opened twice");
    }
    let Some((place, body)) = input.split_first_chunk::<2>() else {
        return;
    };
    let envelope = SEALER.seal(&BINDING, body).expect("it is short");
    let mut altered = envelope.to_vec();
    let place = usize::from(u16::from_le_bytes(*place)) % (8 * altered.len());
    if let Some(byte) = altered.get_mut(place / 8) {
        *byte ^= 1 << (place % 8);
    }
    let error = opener.open(&BINDING, &altered);
    assert!(error.is_err(), "bit {place} was altered");
    let cut = envelope.get(..place / 8).unwrap_or_default();
    assert!(opener.open(&BINDING, cut).is_err(), "it was cut off");
    let opened = opener.open(&BINDING, &envelope);
    assert_eq!(opened.as_deref(), Ok(body));
}

const BINDING: Binding<'_> = Binding {
    part: Part::Publication,
    sender: "sensor",
    target: "house/kitchen",
    content_type: "msgpack",
    correlation: "",
    index: 0,
};

/// The ring of the specification's examples, but for its algorithm.
static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("there is room for a file");
    let path = directory.path().join("private").join("ring");
    KeyRing::create(&path, linkspan::auth::seal::Algorithm::Aes256Gcm).expect("it is new");
    let secret: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    let text = format!("linkspan key ring 1\nkey k1 aes-256-gcm 0 0 {secret}\n");
    std::fs::write(&path, text).expect("it is ours");
    KeyRing::open(&path).expect("it is a ring")
});

static SEALER: LazyLock<Sealer> = LazyLock::new(|| Sealer::new(RING.clone()));
