//! API keys and launch tokens: guessed, replayed, revoked and used twice.

use std::time::{Duration, SystemTime};

use linkspan::Code;
use linkspan::auth::{ApiKeys, Credential, KeyEntry, LaunchTokens, Principal, SecretKey};
use linkspan_test::wait::within;
use proto::message::Proof;

use crate::security::forge::Prover;
use crate::security::scene::{Scene, connect, denied, expired, patient, refusal, whoami};
use crate::support::LOCAL;

struct World {
    scene: Scene,
    keys: ApiKeys,
    launches: LaunchTokens,
    key: SecretKey,
}

impl World {
    async fn new(scheme: &str) -> Self {
        let keys = ApiKeys::new([]).unwrap();
        let launches = LaunchTokens::new();
        let key = keys.issue("ci", vec!["deploy".into()], None).unwrap();
        let config = patient().with(keys.clone()).with(launches.clone());
        let scene = Scene::new(scheme, config).await;
        Self {
            scene,
            keys,
            launches,
            key,
        }
    }

    fn prover(&self) -> Prover {
        Prover::of(&self.key.reveal())
    }
}

#[tokio::test]
async fn a_key_says_who_somebody_is_on_every_transport() {
    for scheme in ["mem", LOCAL, "tcp"] {
        let world = World::new(scheme).await;
        let client = world
            .scene
            .connect(Credential::key(world.key.clone()))
            .await
            .unwrap();
        assert_eq!(whoami(&client).await, "key:ci");
        let line = world.scene.last();
        assert_eq!(line["credential"], world.key.id());
        assert!(!world.scene.all_lines().contains(&*world.key.reveal()));
    }
}

#[tokio::test]
async fn a_client_that_knows_the_specification_alone_is_let_in() {
    let world = World::new("tcp").await;
    let prover = world.prover();
    let answer = world
        .scene
        .attempt("api_key", |transcript| prover.prove(transcript))
        .await;
    assert_ne!(answer, denied());
    assert_eq!(world.scene.last()["decision"], "allowed");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of attacks")]
async fn wrong_proofs_are_all_answered_alike_and_written_down_by_their_reason() {
    let world = World::new("tcp").await;
    let launch = world
        .launches
        .issue(Principal::named("plugin:a"), Duration::from_secs(60));
    let launch = launch.unwrap();
    let (launch_id, launch_text) = (launch.id().to_owned(), launch.reveal());
    let guessed = || SecretKey::new_api_key().unwrap();
    type Forge<'a> = Box<dyn FnOnce(&proto::session::Transcript) -> Proof + 'a>;
    let by = |change: fn(&mut Prover)| -> Forge<'_> {
        let mut prover = world.prover();
        change(&mut prover);
        Box::new(move |transcript| prover.prove(transcript))
    };
    let attacks: Vec<(&str, &str, &str, Forge<'_>)> = vec![
        (
            "a key that nobody has",
            "api_key",
            "unknown_key",
            Box::new(|transcript| Prover::of(&guessed().reveal()).prove(transcript)),
        ),
        (
            "a guessed secret",
            "api_key",
            "wrong_proof",
            by(|prover| prover.secret = [7; 32]),
        ),
        (
            "an empty secret",
            "api_key",
            "wrong_proof",
            by(|prover| prover.secret = [0; 32]),
        ),
        (
            "one bit of the secret",
            "api_key",
            "wrong_proof",
            by(|prover| prover.secret[31] ^= 1),
        ),
        (
            "a proof for another connection",
            "api_key",
            "wrong_proof",
            by(|prover| prover.channel = vec![1; 32]),
        ),
        (
            "a proof of a renewal",
            "api_key",
            "wrong_proof",
            by(|prover| prover.round = 1),
        ),
        (
            "another name in the proof",
            "api_key",
            "unknown_key",
            by(|prover| prover.id.push('0')),
        ),
        (
            "zeros",
            "api_key",
            "wrong_proof",
            Box::new(|_| Proof::of_key(world.key.id(), [0; 32])),
        ),
        (
            "no proof",
            "api_key",
            "unknown_key",
            Box::new(|_| Proof::default()),
        ),
        (
            "a JWT for a key",
            "api_key",
            "malformed",
            Box::new(|_| {
                let mut proof = Proof::of_token("a.b.c");
                proof.id = world.key.id().to_owned();
                proof
            }),
        ),
        (
            "offer and choice reflected",
            "api_key",
            "wrong_proof",
            Box::new(|transcript| {
                world
                    .prover()
                    .prove_parts(transcript.choice(), transcript.offer())
            }),
        ),
        (
            "the server's part as the client's",
            "api_key",
            "wrong_proof",
            Box::new(|transcript| {
                world
                    .prover()
                    .prove_parts(transcript.offer(), transcript.offer())
            }),
        ),
        (
            "a launch token for a key",
            "api_key",
            "unknown_key",
            Box::new(|transcript| Prover::of(&launch_text).prove(transcript)),
        ),
        (
            "a key for a launch token",
            "launch_token",
            "used",
            Box::new(|transcript| world.prover().prove(transcript)),
        ),
        (
            "a guessed launch token",
            "launch_token",
            "wrong_proof",
            Box::new(|_| Proof::of_key(launch_id.as_str(), [9; 32])),
        ),
    ];
    for (name, method, reason, forge) in attacks {
        let answer = world.scene.attempt(method, forge).await;
        assert_eq!(answer, denied(), "{name}");
        let line = world.scene.last();
        assert_eq!(line["reason"], reason, "{name}: {line}");
        world.scene.others_are_undisturbed(name).await;
    }
    // Nobody used the launch token up.
    assert_eq!(
        world.scene.name_of(Credential::key(launch)).await,
        "plugin:a"
    );
    assert_eq!(
        world
            .scene
            .name_of(Credential::key(world.key.clone()))
            .await,
        "key:ci"
    );
}

#[tokio::test]
async fn a_proof_that_was_overheard_is_worth_nothing() {
    let world = World::new("tcp").await;
    let prover = world.prover();
    let mut overheard = None;
    world
        .scene
        .attempt("api_key", |transcript| {
            let proof = prover.prove(transcript);
            overheard = Some(proof.clone());
            proof
        })
        .await;
    assert_eq!(world.scene.last()["decision"], "allowed");
    let replayed = overheard.unwrap();
    let answer = world.scene.attempt("api_key", |_| replayed).await;
    assert_eq!(answer, denied());
    assert_eq!(world.scene.last()["reason"], "wrong_proof");
    world.scene.others_are_undisturbed("a replay").await;
}

#[tokio::test]
async fn a_launch_token_holds_once() {
    let world = World::new("tcp").await;
    let plugin = Principal::named("plugin:indexer");
    let token = world
        .launches
        .issue(plugin.clone(), Duration::from_secs(60))
        .unwrap();
    let first = world
        .scene
        .connect(Credential::key(token.clone()))
        .await
        .unwrap();
    assert_eq!(whoami(&first).await, "plugin:indexer");
    let error = world
        .scene
        .connect(Credential::key(token))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, Code::DENIED);
    assert_eq!(world.scene.last()["reason"], "used");
    assert_eq!(whoami(&first).await, "plugin:indexer");

    let late = world
        .launches
        .issue(plugin.clone(), Duration::ZERO)
        .unwrap();
    let prover = Prover::of(&late.reveal());
    let answer = world
        .scene
        .attempt("launch_token", |transcript| prover.prove(transcript))
        .await;
    assert_eq!(answer, expired());
    let withdrawn = world
        .launches
        .issue(plugin, Duration::from_secs(60))
        .unwrap();
    assert!(world.launches.withdraw(withdrawn.id()));
    let error = world
        .scene
        .connect(Credential::key(withdrawn))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, Code::DENIED);
}

#[tokio::test]
async fn a_launch_token_that_two_use_at_once_lets_one_in() {
    let world = World::new("tcp").await;
    for _ in 0..20 {
        let token = world
            .launches
            .issue(Principal::named("plugin:a"), Duration::from_secs(60));
        let token = token.unwrap();
        let one = connect(world.scene.address(), Some(Credential::key(token.clone())));
        let other = connect(world.scene.address(), Some(Credential::key(token)));
        let (one, other) = tokio::join!(one, other);
        assert_eq!(u32::from(one.is_ok()) + u32::from(other.is_ok()), 1);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_its_sessions_and_no_others() {
    let world = World::new("tcp").await;
    let other = world.keys.issue("ops", Vec::new(), None).unwrap();
    let ops = world.scene.connect(Credential::key(other)).await.unwrap();
    let ci = world
        .scene
        .connect(Credential::key(world.key.clone()))
        .await
        .unwrap();
    let connection = ci.connection().unwrap();
    assert!(world.keys.revoke(world.key.id()));
    let why = within("the end", connection.ended()).await;
    assert!(
        why.to_string().contains("the client is not authenticated"),
        "{why}"
    );
    world.scene.noted("session.end", "revoked").await;
    assert_eq!(whoami(&ops).await, "key:ops");

    let prover = world.prover();
    let answer = world
        .scene
        .attempt("api_key", |transcript| prover.prove(transcript))
        .await;
    assert_eq!(answer, denied());
    assert_eq!(world.scene.last()["reason"], "revoked");
}

#[tokio::test]
async fn a_key_that_is_left_out_ends_its_sessions_and_one_that_stays_does_not() {
    let world = World::new("tcp").await;
    let stays = world.keys.issue("ops", Vec::new(), None).unwrap();
    let ops = world
        .scene
        .connect(Credential::key(stays.clone()))
        .await
        .unwrap();
    let ci = world
        .scene
        .connect(Credential::key(world.key.clone()))
        .await
        .unwrap();
    let kept: Vec<KeyEntry> = world.keys.entries();
    world
        .keys
        .replace(kept.into_iter().filter(|entry| entry.id == stays.id()));
    if let Some(connection) = ci.connection() {
        within("the end", connection.ended()).await;
    }
    assert_eq!(whoami(&ops).await, "key:ops");
}

#[tokio::test]
async fn only_whoever_has_a_key_learns_that_it_has_expired() {
    let world = World::new("tcp").await;
    let key = SecretKey::new_api_key().unwrap();
    let mut entry = KeyEntry::of(&key, "old".into(), Vec::new(), None);
    entry.expires = Some(SystemTime::now() - Duration::from_secs(1));
    world.keys.add(entry);
    let prover = Prover::of(&key.reveal());
    let answer = world
        .scene
        .attempt("api_key", |transcript| prover.prove(transcript))
        .await;
    assert_eq!(answer, expired());
    let answer = world
        .scene
        .attempt("api_key", |_| Proof::of_key(key.id(), [1; 32]))
        .await;
    assert_eq!(answer, denied());
}

#[test]
fn keys_as_text_are_read_back_and_shown_nowhere() {
    let key = SecretKey::new_api_key().unwrap();
    let text = key.reveal();
    assert!(text.starts_with("lsk_"));
    let again = SecretKey::parse(&format!(" {}\n", &*text)).unwrap();
    assert!(*again.reveal() == *text);
    let secret = text.rsplit('_').next().unwrap();
    let credential = Credential::key(key.clone());
    let shown = format!("{key:?} {:?} {credential:?}", key.verifier());
    assert!(!shown.contains(secret) && !shown.contains(&key.verifier().to_text()));
    for wrong in [
        "",
        "lsk_",
        "lsk_00_00",
        &text[..text.len() - 1],
        &format!("{}0", &*text),
        &text.replace("lsk", "lsx"),
    ] {
        assert!(SecretKey::parse(wrong).is_err(), "{wrong}");
    }
}
