//! What holds a secret does not show it, whoever prints it to find out what is wrong.

use std::fmt::Debug;
use std::time::Duration;

use linkspan::auth::jwt::{JwtAlgorithm, JwtIssuer, JwtKey, JwtSigningKey};
use linkspan::auth::key::KeyList;
use linkspan::auth::seal::{Algorithm, KeyRing, Sealing};
use linkspan::auth::{
    self, ApiKeys, Authentication, Credential, Jwt, JwtConfig, KeyEntry, LaunchTokens, Principal,
    SecretKey,
};
use linkspan::{bus, rpc};
use proto::message::{Proof, Renewal};

use super::town::Town;

/// What was printed of something, and how it is called.
type Shown = (&'static str, String);

fn shown(name: &'static str, it: &impl Debug) -> Shown {
    (name, format!("{it:?}\n{it:#?}"))
}

/// None of it has any of the secrets in any form in which `Debug` might write them.
#[track_caller]
fn check(all: &[Shown], secrets: &[&[u8]]) {
    for secret in secrets {
        assert!(secret.len() >= 16);
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers: Vec<_> = secret.iter().map(u8::to_string).collect();
        let text = String::from_utf8_lossy(secret).into_owned();
        let lines = numbers.join(",\n");
        for form in [hex.to_uppercase(), hex, numbers.join(", "), lines, text] {
            for (name, shown) in all {
                // Of how far it is moved to the right says nothing.
                let shown: Vec<_> = shown.lines().map(str::trim_start).collect();
                assert!(!shown.join("\n").contains(&form), "{name}: {shown:?}");
            }
        }
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

#[test]
fn keys_are_shown_by_name_alone() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ada", Vec::new(), None).unwrap();
    let entry = KeyEntry::of(&key, "ada".into(), Vec::new(), None);
    let mut list = KeyList::default();
    list.keys.push(entry.clone());
    let launches = LaunchTokens::new();
    let limit = Duration::from_secs(60);
    let launch = launches.issue(Principal::named("a"), limit).unwrap();
    let credential = Credential::key(key.clone());
    let mut client = rpc::ClientConfig::default();
    client.session.credential = Some(credential.clone());
    let mut member = bus::ClientConfig::default();
    member.session.credential = Some(credential.clone());
    let known = auth::Config::default().with(keys.clone());
    let known = known.with(launches.clone());
    let mut server = rpc::ServerConfig::default();
    server.session.authentication = Some(Authentication::new(known.clone()));
    let all = [
        shown("a key", &key),
        shown("its text", &key.reveal()),
        shown("what checks it", &key.verifier()),
        shown("its entry", &entry),
        shown("the entries", &list),
        shown("the keys", &keys),
        shown("a launch token", &launch),
        shown("launch tokens", &launches),
        shown("a credential", &credential),
        shown("settings of a client", &client),
        shown("settings of a member", &member),
        shown("settings of authentication", &known),
        shown("settings of a server", &server),
        shown("a server", &rpc::Server::new().config(server.clone())),
        shown("a proof", &Proof::of_key("a", [7; 32])),
        shown(
            "a renewal",
            &Renewal::new("api_key", 1, Proof::of_key("a", [7; 32])),
        ),
        shown("a wrong key", &SecretKey::parse("lsk_wrong")),
    ];
    let digits = |key: &SecretKey| key.reveal().rsplit('_').next().unwrap().to_owned();
    let verifier = key.verifier().to_text();
    let halves = verifier.split(':').map(bytes);
    let mut secrets: Vec<_> = halves.collect();
    secrets.extend([&key, &launch].map(|key| bytes(&digits(key))));
    secrets.push(vec![7; 32]);
    check(&all, &secrets.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

#[test]
fn tokens_and_what_signs_them_are_not_shown() {
    let secret = b"a secret of more than thirty-two bytes";
    let key = JwtKey::shared("main", secret).unwrap();
    let signing = JwtSigningKey::shared("main", secret).unwrap();
    let issuer = JwtIssuer::new("us", "them", signing.clone());
    let claims = issuer.claims("ada", Duration::from_secs(60)).unwrap();
    let token = issuer.sign(&claims).unwrap();
    let mut config = JwtConfig::new("us", "them");
    config.keys = vec![key.clone()];
    let jwt = Jwt::new(config.clone());
    let credential = Credential::jwt(&token).unwrap();
    let wrong = JwtSigningKey::private("main", JwtAlgorithm::EdDsa, secret);
    let all = [
        shown("a key", &key),
        shown("a key that signs", &signing),
        shown("an issuer", &issuer),
        shown("settings", &config),
        shown("who believes it", &jwt),
        shown(
            "settings of authentication",
            &auth::Config::default().with(jwt.clone()),
        ),
        shown("a token", &token),
        shown("a credential", &credential),
        shown("a proof", &Proof::of_token(&*token)),
        shown("what is no key", &wrong.map(drop).unwrap_err()),
        shown("what is no token", &Credential::jwt(&token[9..]).map(drop)),
    ];
    let signature = token.rsplit('.').next().unwrap();
    check(&all, &[secret, signature.as_bytes()]);
}

#[test]
fn rings_and_what_seals_with_them_are_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("private").join("app.ring");
    let ring = KeyRing::create(&path, Algorithm::Aes256Gcm).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let digits = text.split_whitespace().last().unwrap();
    let sealing = Sealing::new(ring.clone(), "ada");
    let all = [
        shown("a ring", &ring),
        shown("its keys", &ring.list()),
        shown("who seals", &sealing),
        shown("a sealed server", &rpc::Server::new().sealed(&sealing)),
    ];
    check(&all, &[&bytes(digits)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_keys_and_what_connections_share_are_not_shown() {
    let town = Town::new().await;
    let tls = town.tls_of_eve();
    let mut server = rpc::ServerConfig::default();
    server.transport.tls = tls.clone();
    let client = town.eve().await;
    let connection = client.connection().unwrap();
    let all = [
        shown("a private key", &tls.key),
        shown("settings of TLS", &tls),
        shown("settings of a server", &server),
        shown("a client", &client),
        shown("a connection", &connection),
        shown("a peer", connection.peer()),
    ];
    let shared = connection.peer().channel_binding().unwrap();
    let lines = town.eve.key.lines().filter(|line| !line.starts_with("--"));
    let mut secrets: Vec<_> = lines.map(str::as_bytes).collect();
    secrets.push(&shared);
    check(&all, &secrets);
}
