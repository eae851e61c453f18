//! Servers that speak without being asked: it must not be taken for the answer to the next question.

use std::sync::Arc;

use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tokio::sync::Semaphore;

use super::fake::Fake;
use super::raw::ieee;

/// A second answer in the same write as the first, short ones and such as take several reads.
pub(super) async fn frames_with_the_answer(place: Place) {
    for bytes in [5, 4_000, 5_000] {
        let fake = Fake::start(place, |mut peer, _| async move {
            while let Some(question) = peer.receive_message().await {
                let answer = ieee(&question.to_ascii_uppercase());
                // The client may have closed, seeing it.
                peer.try_send(&[answer, ieee(b"UNASKED")].concat())
                    .await
                    .ok();
            }
        })
        .await;
        let client = fake.client(place, |_| {});
        for letter in (b'a'..=b'z').map(|letter| vec![letter; bytes]) {
            let answer = client.send(letter.clone()).await.unwrap();
            assert!(answer == letter.to_ascii_uppercase());
        }
        let stats = client.stats();
        assert_eq!((stats.sent, stats.answered), (26, 26));
        assert_eq!((stats.connects, fake.connections()), (26, 26));
    }
}

/// It is waiting in the connection when the next question is asked.
pub(super) async fn frames_after_the_answer(place: Place) {
    after_the_answer(place, &ieee(b"UNASKED"), 200).await;
}

/// The first bytes of one are enough.
pub(super) async fn parts_of_frames(place: Place) {
    after_the_answer(place, b"\x05", 5).await;
    after_the_answer(place, b"\x05\0\0\0\0\0", 5).await;
}

async fn after_the_answer(place: Place, unasked: &[u8], questions: usize) {
    let (asked_for, written) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (
        unasked.to_vec(),
        Arc::clone(&asked_for),
        Arc::clone(&written),
    );
    let fake = Fake::start(place, move |mut peer, _| {
        let (unasked, asked_for, written) = gates.clone();
        async move {
            let question = peer.receive_message().await.unwrap();
            peer.send(&ieee(&question.to_ascii_uppercase())).await;
            asked_for.acquire().await.unwrap().forget();
            peer.send(&unasked).await;
            written.add_permits(1);
            assert_eq!(peer.rest().await, b"", "nothing more is asked here");
        }
    })
    .await;
    let client = fake.client(place, |_| {});
    for number in 0..questions {
        let question = format!("question {number}");
        let answer = wait::within("an answer", client.send(question.clone())).await;
        assert_eq!(answer.unwrap(), question.to_ascii_uppercase());
        asked_for.add_permits(1);
        let waiting = wait::within("it is written", written.acquire()).await;
        waiting.unwrap().forget();
    }
    let stats = client.stats();
    let counts = [stats.sent, stats.answered, stats.connects];
    assert_eq!(counts, [questions as u64; 3]);
}
