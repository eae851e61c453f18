//! Sessions that end in time, and those that go on.

use std::time::Duration;

use linkspan::auth::{
    self, ApiKeys, Credential, Jwt, JwtConfig, LaunchTokens, Principal, SecretKey,
};
use linkspan::rpc::{CallError, Client, Request};
use linkspan::{Category, Code};
use linkspan_test::wait::{until, within};
use proto::message::{Proof, Renewal};

use crate::security::forge::Issuer;
use crate::security::scene::{SOON, Scene, now, patient, whoami};
use crate::support::LOCAL;

fn for_a_while(mut config: auth::Config, timeout: Duration) -> auth::Config {
    config.session_timeout = Some(timeout);
    config
}

/// Calls the method of renewals with anything.
async fn renew_raw(client: &Client, renewal: &Renewal) -> Result<(), CallError> {
    let connection = client.connection().unwrap();
    let request = Request::new(Renewal::METHOD, renewal.to_bytes());
    connection.call(request).await?.collect().await.map(drop)
}

fn failed(result: Result<(), CallError>) -> (Category, Code) {
    let error = result.unwrap_err();
    (error.category(), error.code())
}

#[tokio::test]
async fn a_client_renews_its_session_by_itself() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let scene = Scene::new("tcp", for_a_while(patient(), SOON).with(keys)).await;
    let client = scene.connect(Credential::key(key)).await.unwrap();
    until("three renewals", || {
        scene.authentication.stats().renewed >= 3
    })
    .await;
    assert_eq!(whoami(&client).await, "key:ci");
    assert_eq!(scene.authentication.stats().lapsed, 0);
}

#[tokio::test]
async fn a_session_that_is_not_renewed_ends_and_says_why() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let mut config = for_a_while(patient(), SOON).with(keys);
    config.renewal = false;
    let scene = Scene::new("tcp", config).await;
    let client = scene.connect(Credential::key(key)).await.unwrap();
    let connection = client.connection().unwrap();
    let why = within("the end", connection.ended()).await;
    assert!(
        why.to_string().contains("the credential has expired"),
        "{why}"
    );
    scene.noted("session.end", "expired").await;
    assert_eq!(scene.authentication.stats().lapsed, 1);
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let issuer = Issuer::new("ada");
    let scene = Scene::new(LOCAL, patient().with(jwt_of(&issuer))).await;
    let token = Credential::jwt(&issuer.sign(&claims("ada", now() + 2))).unwrap();
    let client = scene.connect(token).await.unwrap();
    let connection = client.connection().unwrap();
    within("the end", connection.ended()).await;
    scene.noted("session.end", "expired").await;
    // What it tried meanwhile did not help.
    assert!(scene.authentication.stats().lapsed == 1);
}

fn jwt_of(issuer: &Issuer) -> Jwt {
    let mut config = JwtConfig::new("the issuer", "the server");
    config.keys = vec![issuer.key()];
    Jwt::new(config)
}

fn claims(subject: &str, until: u64) -> String {
    format!(r#"{{"sub":"{subject}","iss":"the issuer","aud":"the server","exp":{until}}}"#)
}

#[tokio::test]
async fn a_renewal_by_anybody_else_is_refused_and_the_session_goes_on() {
    let issuer = Issuer::new("ada");
    let scene = Scene::new(LOCAL, patient().with(jwt_of(&issuer))).await;
    let token = |subject: &str, until: u64| issuer.sign(&claims(subject, until));
    let client = scene
        .connect(Credential::jwt(&token("ada", now() + 600)).unwrap())
        .await
        .unwrap();
    let renewal = |round: u64, token: &str| Renewal::new("jwt", round, Proof::of_token(token));
    let denied = (Category::Authentication, Code::DENIED);

    let other = renew_raw(&client, &renewal(1, &token("bob", now() + 600))).await;
    assert_eq!(failed(other), denied);
    assert_eq!(scene.last()["reason"], "other_principal");
    let stale = renew_raw(&client, &renewal(1, &token("ada", now() - 1))).await;
    assert_eq!(failed(stale), (Category::Authentication, Code::EXPIRED));
    let forged = Issuer::new("ada").sign(&claims("ada", now() + 600));
    assert_eq!(
        failed(renew_raw(&client, &renewal(1, &forged)).await),
        denied
    );
    let by_key = Renewal::new("api_key", 1, Proof::default());
    assert_eq!(failed(renew_raw(&client, &by_key).await), denied);
    assert_eq!(scene.last()["reason"], "method");

    let right = renewal(1, &token("ada", now() + 900));
    assert!(renew_raw(&client, &right).await.is_ok());
    // What was said once proves nothing any more.
    assert_eq!(failed(renew_raw(&client, &right).await), denied);
    assert_eq!(scene.last()["reason"], "used");
    assert_eq!(
        failed(renew_raw(&client, &renewal(0, &token("ada", now() + 900))).await),
        denied
    );
    assert_eq!(whoami(&client).await, "jwt:ada");
}

#[tokio::test]
async fn what_is_no_renewal_is_refused_as_such() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let scene = Scene::new("tcp", patient().with(keys)).await;
    let client = scene.connect(Credential::key(key)).await.unwrap();
    let connection = client.connection().unwrap();
    for body in [&b""[..], b"\xc0", b"\x80", &[0xdf; 64]] {
        let request = Request::new(Renewal::METHOD, body.to_vec());
        let error = connection.call(request).await.unwrap_err();
        assert_eq!(error.code(), Code::INVALID_PARAMETERS);
    }
    assert_eq!(whoami(&client).await, "key:ci");
}

#[tokio::test]
async fn a_launch_token_renews_nothing() {
    let launches = LaunchTokens::new();
    let token = launches
        .issue(Principal::named("plugin:a"), Duration::from_secs(60))
        .unwrap();
    let config = for_a_while(patient(), SOON).with(launches);
    let scene = Scene::new("tcp", config).await;
    let client = scene.connect(Credential::key(token)).await.unwrap();
    if let Some(connection) = client.connection() {
        within("the end", connection.ended()).await;
    }
    scene.noted("session.renew", "used").await;
    scene.noted("session.end", "expired").await;
}

#[tokio::test]
async fn a_proof_of_another_session_renews_nothing() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let scene = Scene::new("tcp", patient().with(keys)).await;
    let client = scene.connect(Credential::key(key.clone())).await.unwrap();
    let mut prover = crate::security::forge::Prover::of(&key.reveal());
    prover.round = 1;
    let proof = prover.prove_parts(b"another offer", b"another choice");
    let renewed = renew_raw(&client, &Renewal::new("api_key", 1, proof)).await;
    assert_eq!(failed(renewed), (Category::Authentication, Code::DENIED));
    assert_eq!(scene.last()["reason"], "wrong_proof");
    // The right one does.
    let connection = client.connection().unwrap();
    connection.renew(&Credential::key(key)).await.unwrap();
    assert_eq!(scene.last()["action"], "session.renew");
    assert_eq!(scene.last()["decision"], "allowed");
}

#[tokio::test]
async fn sessions_by_the_kernels_word_have_no_end() {
    let scene = Scene::new(LOCAL, for_a_while(patient(), Duration::from_millis(1))).await;
    let client = crate::security::scene::connect(scene.address(), None)
        .await
        .unwrap();
    let connection = client.connection().unwrap();
    let ended = tokio::time::timeout(SOON, connection.ended()).await;
    assert!(ended.is_err(), "{ended:?}");
    // They have proved nothing that they could prove again.
    let credential = Credential::key(SecretKey::new_api_key().unwrap());
    let error = connection.renew(&credential).await.unwrap_err();
    assert!(matches!(error, CallError::NotAccepted { .. }));
}
