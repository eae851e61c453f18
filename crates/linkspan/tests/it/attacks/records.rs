//! What passes under TLS is altered, reordered, repeated and cut, in both directions.
#![expect(
    clippy::ptr_arg,
    reason = "what changes a record may change its length, too"
)]

use linkspan::rpc::Disconnected;
use linkspan_test::wait::{until, within};

use super::Noted::Broken;
use super::middle::{Change, HEADER_BYTES, Middle, Way};
use super::town::{Town, connect};
use super::{Attack, all_are_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_on_the_way_ends_that_connection_only() {
    let town = Town::new().await;
    all_are_refused(&town, TO_CLIENT).await;
    all_are_refused(&town, TO_SERVER).await;
}

const CHANGED: &str = "changed on the way";
const CUT: &str = "was cut";

const TO_CLIENT: &[Attack] = &[
    Attack {
        name: "a byte of the server's text",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Rewrite(first_byte))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a byte of the server's tag",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Rewrite(last_byte))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a shorter record of the server's",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Rewrite(shorter))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a record of the server's comes twice",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Repeat)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "two records of the server's change places",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Delay)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a record of the server's is left out",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Leave)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "the end in the middle of a record of the server's",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Cut(HEADER_BYTES + 3))),
        told: CUT,
        noted: Broken("truncated", CUT),
    },
    Attack {
        name: "the end between two records of the server's",
        done: |town| Box::pin(change(town, Way::ToClient, Change::Cut(0))),
        told: CUT,
        noted: Broken("truncated", CUT),
    },
];

const TO_SERVER: &[Attack] = &[
    Attack {
        name: "a byte of the client's text",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Rewrite(first_byte))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a byte of the client's tag",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Rewrite(last_byte))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a shorter record of the client's",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Rewrite(shorter))),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a record of the client's comes twice",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Repeat)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "two records of the client's change places",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Delay)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "a record of the client's is left out",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Leave)),
        told: CHANGED,
        noted: Broken("transport", CHANGED),
    },
    Attack {
        name: "the end in the middle of a record of the client's",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Cut(HEADER_BYTES + 3))),
        told: CUT,
        noted: Broken("truncated", CUT),
    },
    Attack {
        name: "the end between two records of the client's",
        done: |town| Box::pin(change(town, Way::ToServer, Change::Cut(0))),
        told: CUT,
        noted: Broken("truncated", CUT),
    },
];

fn first_byte(record: &mut Vec<u8>) {
    *record.get_mut(HEADER_BYTES).unwrap() ^= 1;
}

fn last_byte(record: &mut Vec<u8>) {
    *record.last_mut().unwrap() ^= 0x80;
}

fn shorter(record: &mut Vec<u8>) {
    record.pop();
    let length = u16::try_from(record.len() - HEADER_BYTES).unwrap();
    record
        .get_mut(3..HEADER_BYTES)
        .unwrap()
        .copy_from_slice(&length.to_be_bytes());
}

/// Has a record of a session changed that was fine until then; gives how the client's side ends.
async fn change(town: &Town, way: Way, change: Change) -> String {
    let middle = Middle::start(town).await;
    let client = connect(&middle.address, town.tls_of_eve(), None).await;
    let client = client.unwrap();
    let connection = client.connection().unwrap();
    let call = |text: &'static str| connection.send_request::<String>("open.door", text);
    assert_eq!(call("before").await.unwrap(), "before");
    middle.order(way, change);
    // What is left out or comes late shows by the next one, which goes on its own.
    let asked = tokio::join!(call("one"), async {
        let is_last = || middle.is_done() || !connection.is_open();
        until("the record has come", is_last).await;
        call("two").await
    });
    drop(asked);
    match within("the end", connection.ended()).await {
        Disconnected::Io { message, .. } => message,
        other => other.to_string(),
    }
}
