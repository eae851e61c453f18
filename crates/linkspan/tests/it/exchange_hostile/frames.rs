//! Frames that are none, and frames that come in an unusual way.

use linkspan::exchange::Variant;
use linkspan_test::conformance::Place;

use super::raw::{frame, ieee};
use super::victim::Victim;

pub(super) async fn flipped_bits(place: Place) {
    for variant in Variant::ALL {
        let victim = Victim::start(place, |config| {
            config.crc32_variant = variant;
            config.max_frame_bytes = LIMIT;
        })
        .await;
        let good = frame(variant, b"\x0a\x03t-1");
        let (mut lengths, mut sums, mut cut) = (0, 0, 0);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let mut attacker = victim.attacker().await;
            attacker.try_send(&bad).await.ok();
            attacker.finish().await;
            assert_eq!(attacker.rest().await, b"", "bit {bit}");
            match u32::from_le_bytes(*bad.first_chunk().unwrap()) {
                ..=5 => sums += 1,
                6..=LIMIT => cut += 1,
                _ => lengths += 1,
            }
        }
        assert_eq!((lengths, sums, cut), (26, 74, 4));
        let counted = [("bad_length", 26), ("bad_crc", 74), ("truncated", 4)];
        let figures = victim.expect(&counted).await;
        assert_eq!(figures.frames, 0);
    }
}

/// Four bytes are enough to judge.
pub(super) async fn bad_lengths(place: Place) {
    let victim = Victim::start(place, |config| config.max_frame_bytes = LIMIT).await;
    for length in [0, LIMIT + 1, 1 << 31, u32::MAX] {
        victim.expect_closed(&length.to_le_bytes()).await;
    }
    let figures = victim.expect(&[("bad_length", 4)]).await;
    assert_eq!(figures.frames, 0);
}

pub(super) async fn longest_message(place: Place) {
    for limit in [LIMIT, 1024 * 1024] {
        let victim = Victim::start(place, |config| config.max_frame_bytes = limit).await;
        let longest = vec![b'a'; usize::try_from(limit).unwrap()];
        let (question, answer) = (ieee(&longest), ieee(&longest.to_ascii_uppercase()));
        let mut peer = victim.attacker().await;
        peer.send(&question).await;
        assert!(peer.receive(answer.len()).await == answer);
        drop(peer);
        let figures = victim.expect(&[]).await;
        let bytes = u64::from(limit) + 8;
        assert_eq!((figures.bytes_received, figures.bytes_sent), (bytes, bytes));
        assert_eq!((figures.frames, figures.answered), (1, 1));
    }
}

/// The sum is right, and no message of that type has these bytes.
#[cfg(feature = "prost")]
pub(super) async fn wrong_messages(place: Place) {
    use linkspan::exchange::{Context, Server};

    let server = Server::new().message_handler(async |question: String, _: Context| {
        Ok::<_, String>(question.to_ascii_uppercase())
    });
    let victim = Victim::start_server(place, server, |_| {}).await;
    for message in [b"\x0a\x09t-1".as_slice(), b"\x0a\x01\xff", b"\xff", b"\x0d"] {
        victim.expect_closed(&ieee(message)).await;
    }
    let figures = victim.expect(&[("undecodable", 4)]).await;
    assert_eq!((figures.frames, figures.answered), (4, 0));
}

pub(super) async fn bytes_one_by_one(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    let mut peer = victim.attacker().await;
    for _ in 0..3 {
        for byte in ieee(b"hello") {
            assert!(peer.is_quiet().await);
            peer.send(&[byte]).await;
        }
        assert_eq!(peer.receive(13).await, ieee(b"HELLO"));
    }
    drop(peer);
    assert_eq!(victim.expect(&[]).await.answered, 3);
}

pub(super) async fn cuts_at_every_place(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    let (question, answer) = (ieee(b"hello"), ieee(b"HELLO"));
    let mut peer = victim.attacker().await;
    for place in 1..question.len() {
        let (first, second) = question.split_at(place);
        let before = victim.stats().answered;
        peer.send(first).await;
        // The witness's next answers show that the server had time for the first part.
        linkspan_test::wait::until("time passes", || victim.stats().answered > before + 1).await;
        assert!(peer.is_quiet().await);
        peer.send(second).await;
        assert_eq!(peer.receive(answer.len()).await, answer);
    }
    drop(peer);
    assert_eq!(victim.expect(&[]).await.answered, 12);
}

pub(super) async fn three_in_one_write(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    let mut peer = victim.attacker().await;
    let questions = [ieee(b"one"), ieee(b"two"), ieee(b"three")].concat();
    let answers = [ieee(b"ONE"), ieee(b"TWO"), ieee(b"THREE")].concat();
    peer.send(&questions).await;
    assert_eq!(peer.receive(answers.len()).await, answers);
    drop(peer);
    let figures = victim.expect(&[]).await;
    assert_eq!((figures.frames, figures.answered), (3, 3));
    let bytes = (figures.bytes_received, figures.bytes_sent);
    assert_eq!(bytes, (questions.len() as u64, answers.len() as u64));
}

/// What was right is answered before the connection closes.
pub(super) async fn a_bad_frame_after_good_ones(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    let mut bad = ieee(b"three");
    bad[4] ^= 1;
    let mut peer = victim.attacker().await;
    let questions = [ieee(b"one"), ieee(b"two"), bad].concat();
    peer.send(&questions).await;
    assert_eq!(peer.rest().await, [ieee(b"ONE"), ieee(b"TWO")].concat());
    let figures = victim.expect(&[("bad_crc", 1)]).await;
    assert_eq!((figures.frames, figures.answered), (2, 2));
}

const LIMIT: u32 = 64;
