//! Connections that end.

use linkspan_test::conformance::Place;

use super::raw::ieee;
use super::victim::Victim;

/// Before the first frame, and after any: all is well.
pub(super) async fn between_frames(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    for exchanges in 0..3 {
        let mut peer = victim.attacker().await;
        for _ in 0..exchanges {
            peer.send(&ieee(b"hello")).await;
            assert_eq!(peer.receive(13).await, ieee(b"HELLO"));
        }
        peer.finish().await;
        assert_eq!(peer.rest().await, b"");
    }
    assert_eq!(victim.expect(&[]).await.answered, 3);
}

/// After each byte but the last, of the first frame and of the second.
pub(super) async fn within_a_frame(place: Place) {
    let victim = Victim::start(place, |_| {}).await;
    let question = ieee(b"hello");
    for count in 1..question.len() {
        let mut first = victim.attacker().await;
        first.send(&question[..count]).await;
        first.finish().await;
        assert_eq!(first.rest().await, b"");

        let mut second = victim.attacker().await;
        second.send(&[&question, &question[..count]].concat()).await;
        second.finish().await;
        assert_eq!(second.rest().await, ieee(b"HELLO"));
    }
    let figures = victim.expect(&[("truncated", 24)]).await;
    assert_eq!((figures.frames, figures.answered), (12, 12));
}

/// Who closes with an answer unread breaks the connection.
pub(super) async fn resets(place: Place) {
    if linkspan_test::wine::is_gap("a connection that was reset looks like one that ended") {
        return;
    }
    let victim = Victim::start(place, |_| {}).await;
    for _ in 0..5 {
        let mut peer = victim.attacker().await;
        peer.send(&ieee(b"hello")).await;
        peer.receive(1).await;
        peer.send(b"\x05\0").await;
        drop(peer);
    }
    let figures = victim.expect(&[("broken", 5)]).await;
    assert_eq!((figures.frames, figures.answered), (5, 5));
}
