use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linkspan::auth::seal::{Algorithm, KeyRing, Rotate, Rotation, Sealing};
use linkspan::rpc::{CallError, Context, Server};

use crate::support::{LOCAL, pair_of};

fn doubling() -> Server {
    Server::new().method("double", async |n: u64, _: Context| {
        Ok::<_, CallError>(2 * n)
    })
}

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private").join("app.ring");
    (directory, path)
}

/// The rings of two programs, each with its own view of one file.
fn two_rings(rotation: &Rotation) -> (tempfile::TempDir, [KeyRing; 2]) {
    let (directory, path) = file();
    KeyRing::create(&path, Algorithm::Aes256Gcm).unwrap();
    let open = || KeyRing::open_with(&path, rotation.clone()).unwrap();
    (directory, [open(), open()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_replaced_under_load_and_no_call_fails() {
    let mut rotation = Rotation::default();
    rotation.after_messages = Some(200);
    rotation.keep = 64;
    let (_directory, [asks, answers]) = two_rings(&rotation);
    let vault = Sealing::new(answers.clone(), "vault");
    let pair = pair_of(LOCAL, doubling().sealed(&vault)).await;
    let client = pair
        .client
        .clone()
        .sealed(&Sealing::new(asks.clone(), "ada"));
    let (done, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let (client, done, calls) = (client.clone(), Arc::clone(&done), Arc::clone(&calls));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let answer: u64 = client.send_request("double", &caller).await.unwrap();
                    assert_eq!(answer, 2 * caller);
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // Besides the two sides, which do so by themselves, somebody else replaces keys, too.
    let third = asks.clone();
    tokio::task::spawn_blocking(move || {
        for _ in 0..10 {
            third.rotate(&Rotate::default()).unwrap();
        }
    })
    .await
    .unwrap();
    let count = Arc::clone(&calls);
    linkspan_test::wait::until("some thousand calls", || {
        count.load(Ordering::Relaxed) > 3000
    })
    .await;
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    asks.reload().unwrap();
    assert!(asks.list().len() > 20, "{} keys", asks.list().len());
}

#[tokio::test]
async fn a_ring_is_followed_while_the_server_runs() {
    let (_directory, [asks, answers]) = two_rings(&Rotation::default());
    let vault = Sealing::new(answers.clone(), "vault");
    let pair = pair_of("mem", doubling().sealed(&vault)).await;
    let client = pair
        .client
        .clone()
        .sealed(&Sealing::new(asks.clone(), "ada"));
    let answer: u64 = client.send_request("double", &1).await.unwrap();
    assert_eq!(answer, 2);
    let mut rotate = Rotate::default();
    rotate.algorithm = Some(Algorithm::ChaCha20Poly1305);
    let key = asks.rotate(&rotate).unwrap();
    assert!(key.is_current);
    assert_eq!(answers.list().len(), 1, "it has not looked yet");
    let answer: u64 = client.send_request("double", &2).await.unwrap();
    assert_eq!(answer, 4);
    assert_eq!(answers.list(), asks.list());
}

#[tokio::test]
async fn a_key_for_later_opens_at_once_and_does_not_seal() {
    let (_directory, [asks, answers]) = two_rings(&Rotation::default());
    let mut rotate = Rotate::default();
    rotate.delay = Duration::from_secs(3600);
    let key = asks.rotate(&rotate).unwrap();
    assert!(!key.is_current && key.active_from > key.created);
    assert!(answers.reload().unwrap());
    assert!(!answers.reload().unwrap(), "nothing has changed since");
    let current: Vec<_> = answers.list().iter().map(|key| key.is_current).collect();
    assert_eq!(current, [true, false]);
}

#[test]
fn many_who_replace_keys_at_once_lose_none() {
    let (_directory, path) = file();
    KeyRing::create(&path, Algorithm::Aes256Gcm).unwrap();
    let mut rotation = Rotation::default();
    rotation.keep = 1000;
    let ids = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each is as another process is: locks are held by open files.
                let ring = KeyRing::open_with(&path, rotation.clone()).unwrap();
                for _ in 0..25 {
                    let key = ring.rotate(&Rotate::default()).unwrap();
                    ids.lock().unwrap().push(key.id);
                }
            });
        }
    });
    let all = KeyRing::open(&path).unwrap().list();
    assert_eq!(all.len(), 101);
    let ids = ids.into_inner().unwrap();
    assert!(ids.iter().all(|id| all.iter().any(|key| key.id == *id)));
}
