//! TLS is taken away, or made older and weaker, by whoever comes and by somebody on the way.
#![expect(
    clippy::ptr_arg,
    reason = "what changes a record may change its length, too"
)]

use linkspan::transport::TlsVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Noted::Audited;
use super::middle::{Change, Middle, Way};
use super::town::{Town, chain, connect, place};
use super::{Attack, all_are_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_tls_or_too_old_is_refused() {
    let town = Town::new().await;
    all_are_refused(&town, STRIPPED).await;
    all_are_refused(&town, ON_THE_WAY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_talked_out_of_tls_1_3() {
    let town = Town::older().await;
    all_are_refused(&town, OLDER).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_of_a_foreign_client_are_refused() {
    let town = Town::new().await;
    all_are_refused(&town, FOREIGN).await;
}

const NOT_TLS: &str = "does not speak TLS";
const NOTHING: &str = "no version and cipher of TLS is allowed on both sides";

const STRIPPED: &[Attack] = &[
    Attack {
        name: "a session without TLS",
        done: |town| Box::pin(bytes(town.place(), SESSION)),
        told: "alert 50",
        noted: Audited("session.open", "transport", NOT_TLS),
    },
    Attack {
        name: "a request of HTTP",
        done: |town| Box::pin(bytes(town.place(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
        told: "alert",
        noted: Audited("session.open", "transport", NOT_TLS),
    },
    Attack {
        name: "zeros",
        done: |town| Box::pin(bytes(town.place(), &[0; 300])),
        told: "alert",
        noted: Audited("session.open", "transport", NOT_TLS),
    },
    Attack {
        name: "a record that is too long",
        done: |town| Box::pin(bytes(town.place(), b"\x16\x03\x01\xff\xff\x01")),
        told: "alert",
        noted: Audited("session.open", "transport", NOT_TLS),
    },
    Attack {
        name: "nothing, and the end",
        done: |town| Box::pin(bytes(town.place(), b"")),
        told: "nothing",
        noted: Audited(
            "session.open",
            "transport",
            "the connection under TLS failed",
        ),
    },
    Attack {
        name: "TLS 1.1",
        done: |town| Box::pin(bytes(town.place(), TLS_1_1)),
        told: "alert 40",
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "a client of TLS where there is none",
        done: |town| {
            Box::pin(async {
                let plain = place(town.plain());
                let address = format!("tls:{plain}").parse().unwrap();
                let error = connect(&address, town.tls_of_eve(), None).await;
                chain(&error.unwrap_err())
            })
        },
        told: NOT_TLS,
        noted: Audited("session.open", "handshake", "tcp"),
    },
    Attack {
        name: "a client without TLS where there is TLS",
        done: |town| {
            Box::pin(async {
                let address = format!("tcp:{}", town.place()).parse().unwrap();
                let error = connect(&address, town.tls_of_eve(), None).await;
                chain(&error.unwrap_err())
            })
        },
        told: "",
        noted: Audited("session.open", "transport", NOT_TLS),
    },
];

const ON_THE_WAY: &[Attack] = &[
    Attack {
        name: "the offer of TLS 1.3 taken out",
        done: |town| Box::pin(hello(town, TlsVersion::Tls13, without_versions)),
        told: NOTHING,
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "weak ciphers for the strong ones",
        done: |town| Box::pin(hello(town, TlsVersion::Tls13, weak_ciphers)),
        told: NOTHING,
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "one strong cipher for another",
        done: |town| Box::pin(hello(town, TlsVersion::Tls13, one_cipher)),
        told: "changed on the way",
        noted: Audited("session.open", "transport", "changed on the way"),
    },
    Attack {
        name: "another random number of the client's",
        done: |town| Box::pin(hello(town, TlsVersion::Tls13, another_random)),
        told: "changed on the way",
        noted: Audited("session.open", "transport", "changed on the way"),
    },
    Attack {
        name: "another random number of the server's",
        done: |town| {
            let change = Change::Rewrite(another_random);
            Box::pin(opening(town, TlsVersion::Tls13, Way::ToClient, change))
        },
        told: "changed on the way",
        noted: Audited("session.open", "transport", "changed on the way"),
    },
    Attack {
        name: "the end in the middle of the client's hello",
        done: |town| {
            let change = Change::Cut(40);
            Box::pin(opening(town, TlsVersion::Tls13, Way::ToServer, change))
        },
        told: "the connection under TLS failed",
        noted: Audited(
            "session.open",
            "transport",
            "the connection under TLS failed",
        ),
    },
];

const OLDER: &[Attack] = &[
    Attack {
        name: "the offer of TLS 1.3 taken out where 1.2 is allowed on both sides",
        done: |town| Box::pin(hello(town, TlsVersion::Tls12, without_versions)),
        told: "TLS failed",
        noted: Audited("session.open", "transport", "TLS failed"),
    },
    Attack {
        name: "TLS 1.1 where 1.2 is allowed",
        done: |town| Box::pin(bytes(town.place(), TLS_1_1)),
        told: "alert 40",
        noted: Audited("session.open", "transport", NOTHING),
    },
];

#[cfg(unix)]
const FOREIGN: &[Attack] = &[
    Attack {
        name: "openssl with TLS 1.2",
        done: |town| Box::pin(foreign(town, &["-tls1_2"])),
        told: "alert protocol version",
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "openssl with TLS 1.1",
        done: |town| Box::pin(foreign(town, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])),
        told: "alert handshake failure",
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "openssl with AES of 128 bits",
        done: |town| Box::pin(foreign(town, &["-ciphersuites", "TLS_AES_128_GCM_SHA256"])),
        told: "alert handshake failure",
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "openssl with signatures by SHA-1",
        done: |town| {
            let offer = ["-sigalgs", "ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"];
            Box::pin(async move { foreign(town, &offer).await })
        },
        told: "alert",
        noted: Audited("session.open", "transport", NOTHING),
    },
    Attack {
        name: "openssl with another protocol over TLS",
        done: |town| Box::pin(foreign(town, &["-alpn", "h2,http/1.1"])),
        told: "alert no application protocol",
        noted: Audited("session.open", "transport", "another protocol over TLS"),
    },
];

#[cfg(unix)]
async fn foreign(town: &Town, offer: &[&str]) -> String {
    use crate::tls::foreign::{files_of, s_client};

    let files = files_of(&town.authority, &town.eve);
    s_client(&town.place(), files.path(), true, offer).await
}

/// What is answered to bytes on a plain connection, with their end.
async fn bytes(place: String, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(place).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset is an end as well.
    stream.read_to_end(&mut answer).await.ok();
    match answer.as_slice() {
        [] => "nothing".to_owned(),
        [ALERT, _, _, _, _, FATAL, alert] => format!("alert {alert}"),
        other => format!("{other:?}"),
    }
}

/// Has a client's hello changed on its way; gives what the client is told.
async fn hello(town: &Town, version: TlsVersion, change: fn(&mut Vec<u8>)) -> String {
    opening(town, version, Way::ToServer, Change::Rewrite(change)).await
}

/// Has the first record of one way changed.
async fn opening(town: &Town, version: TlsVersion, way: Way, change: Change) -> String {
    let middle = Middle::start(town).await;
    middle.order(way, change);
    let mut tls = town.tls_of_eve();
    tls.min_version = version;
    chain(&connect(&middle.address, tls, None).await.unwrap_err())
}

/// The extension `supported_versions` becomes one that nobody knows.
fn without_versions(record: &mut Vec<u8>) {
    let versions = [&[0, 43, 0, 3, 2, 3, 4][..], &[0, 43, 0, 5, 4, 3, 4, 3, 3]];
    let at = versions.iter().find_map(|list| find(record, list));
    *record.get_mut(at.unwrap()).unwrap() = 0xfa;
}

fn weak_ciphers(record: &mut Vec<u8>) {
    for strong in [AES_256, CHACHA] {
        replace(record, strong, AES_128);
    }
}

fn one_cipher(record: &mut Vec<u8>) {
    replace(record, AES_256, CHACHA);
}

fn another_random(record: &mut Vec<u8>) {
    *record.get_mut(20).unwrap() ^= 1;
}

/// Changes one of the suites, which stand behind a random number and a session's id.
fn replace(record: &mut [u8], suite: [u8; 2], by: [u8; 2]) {
    let at = find(record, &suite).unwrap();
    record.get_mut(at..at + 2).unwrap().copy_from_slice(&by);
}

fn find(record: &[u8], bytes: &[u8]) -> Option<usize> {
    // Before it are numbers that may be anything.
    let suites = 5 + 4 + 2 + 32 + 1 + 32 + 2;
    let rest = record.get(suites..)?;
    let at = rest.windows(bytes.len()).position(|window| window == bytes);
    at.map(|at| suites + at)
}

const ALERT: u8 = 21;
const FATAL: u8 = 2;
const AES_256: [u8; 2] = [0x13, 2];
const CHACHA: [u8; 2] = [0x13, 3];
const AES_128: [u8; 2] = [0x13, 1];
const SESSION: &[u8] = b"LSPN\x01\x01\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// The legacy version stands for it, and no extension offers another.
const TLS_1_1: &[u8] = b"\x16\x03\x02\x00\x2d\x01\x00\x00\x29\x03\x02\x11\x11\x11\x11\x11\x11\x11\x11\
    \x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\
    \x00\x00\x02\xc0\x14\x01\x00";
