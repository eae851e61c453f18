//! JWTs: forged, stale, stolen and mangled ones.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use linkspan::auth::jwt::{JwtAlgorithm, JwtIssuer, JwtKey, JwtSigningKey};
use linkspan::auth::{Credential, Jwt, JwtConfig};
use linkspan_test::wait::within;
use proto::message::Proof;

use crate::security::forge::{Issuer, base64, jwt, mac, pem};
use crate::security::scene::{Scene, connect, denied, expired, now, patient, refusal, whoami};
use crate::support::LOCAL;

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

/// All that issuers sign with, and the server that believes them.
struct World {
    scene: Scene,
    jwt: Jwt,
    ada: Issuer,
    bob: Issuer,
    mallory: Issuer,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl World {
    async fn new() -> Self {
        let (ada, bob) = (Issuer::new("ada"), Issuer::new("bob"));
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let mut config = JwtConfig::new("the issuer", "the server");
        config.keys = vec![
            ada.key(),
            bob.key(),
            JwtKey::shared("shared", SECRET).unwrap(),
            JwtKey::public("rsa", JwtAlgorithm::Rs256, rsa_pem(&rsa).as_bytes()).unwrap(),
            JwtKey::public("ec", JwtAlgorithm::Es256, ec_pem(&ec).as_bytes()).unwrap(),
        ];
        config.revoked.insert("stolen".into());
        let jwt = Jwt::new(config);
        let scene = Box::pin(Scene::new(LOCAL, patient().with(jwt.clone()))).await;
        Self {
            scene,
            jwt,
            ada,
            bob,
            mallory: Issuer::new("ada"),
            rsa,
            ec,
        }
    }

    fn rs256(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        let random = SystemRandom::new();
        self.rsa
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .unwrap();
        signature
    }

    fn es256(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.ec.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }
}

fn rsa_pem(rsa: &RsaKeyPair) -> String {
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = rsa.public_key().as_der().unwrap();
    pem(der.as_ref())
}

fn ec_pem(ec: &EcdsaKeyPair) -> String {
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = ec.public_key().as_der().unwrap();
    pem(der.as_ref())
}

/// Claims that are right, but for what is changed.
fn claims(change: &str) -> String {
    let mut claims = serde_json::json!({
        "sub": "ada", "iss": "the issuer", "aud": "the server",
        "exp": now() + 600, "nbf": now() - 600, "jti": "1", "roles": ["reader"],
    });
    let changes: serde_json::Value = serde_json::from_str(change).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value.is_null() {
            true => claims.as_object_mut().unwrap().remove(name),
            false => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims.to_string()
}

#[tokio::test]
async fn tokens_of_each_algorithm_say_who_somebody_is() {
    let world = World::new().await;
    let header = |algorithm: &str, key: &str| format!(r#"{{"alg":"{algorithm}","kid":"{key}"}}"#);
    for token in [
        world.ada.sign(&claims("{}")),
        jwt(&header("HS256", "shared"), &claims("{}"), |message| {
            mac(SECRET, message).to_vec()
        }),
        jwt(&header("RS256", "rsa"), &claims("{}"), |message| {
            world.rs256(message)
        }),
        jwt(&header("ES256", "ec"), &claims("{}"), |message| {
            world.es256(message)
        }),
        world.bob.sign(&claims(
            r#"{"aud": ["another", "the server"], "nbf": null}"#,
        )),
    ] {
        assert_eq!(
            world.scene.name_of(Credential::jwt(&token).unwrap()).await,
            "jwt:ada"
        );
        let line = world.scene.last();
        assert_eq!(
            (&line["decision"], &line["method"]),
            (&"allowed".into(), &"jwt".into())
        );
    }
}

#[tokio::test]
async fn whoever_signs_tokens_cannot_take_the_name_of_a_user() {
    let world = World::new().await;
    let token = world.ada.sign(&claims(r#"{"sub": "uid:0"}"#));
    assert_eq!(
        world.scene.name_of(Credential::jwt(&token).unwrap()).await,
        "jwt:uid:0"
    );
}

#[tokio::test]
async fn wrong_tokens_are_all_answered_alike_and_written_down_by_their_reason() {
    let world = World::new().await;
    let forged = forged(&world);
    assert!(forged.len() >= 35, "{}", forged.len());
    for (name, reason, token) in &forged {
        let answer = world.scene.attempt("jwt", |_| Proof::of_token(token)).await;
        assert_eq!(answer, denied(), "{name}");
        let line = world.scene.last();
        assert_eq!(line["reason"], *reason, "{name}: {line}");
        assert_eq!(line["decision"], "denied", "{name}");
        world.scene.others_are_undisturbed(name).await;
    }
    // Nothing of any token is in the log.
    let log = world.scene.all_lines();
    for (name, _, token) in &forged {
        let signature = token.rsplit('.').next().unwrap_or_default();
        assert!(signature.len() < 8 || !log.contains(signature), "{name}");
    }
    assert_eq!(
        world.scene.authentication.stats().denied,
        forged.len() as u64
    );
    assert_eq!(
        world
            .scene
            .name_of(Credential::jwt(&world.ada.sign(&claims("{}"))).unwrap())
            .await,
        "jwt:ada"
    );
}

type Forged = (&'static str, &'static str, String);

fn forged(world: &World) -> Vec<Forged> {
    let mut forged = forged_keys(world);
    forged.extend(forged_claims(world));
    forged.extend(mangled(world));
    forged
}

/// Tokens that no key of the server's signed, whatever they say.
fn forged_keys(world: &World) -> Vec<Forged> {
    let (ada, right) = (&world.ada, claims("{}"));
    let public = ada.public_pem();
    let rsa_public = rsa_pem(&world.rsa);
    let none = |name: &str| {
        jwt(
            &format!(r#"{{"alg":"{name}","kid":"ada"}}"#),
            &right,
            |_| Vec::new(),
        )
    };
    let with = |header: &str| ada.sign_with(header, &right);
    let hs = |key: &str, secret: &[u8]| {
        let header = format!(r#"{{"alg":"HS256","kid":"{key}"}}"#);
        jwt(&header, &right, |message| mac(secret, message).to_vec())
    };
    let own = base64(&[7; 32]);
    vec![
        ("no algorithm", "algorithm", none("none")),
        ("no algorithm, in capitals", "algorithm", none("NONE")),
        ("no algorithm, mixed", "algorithm", none("nOnE")),
        ("an empty algorithm", "algorithm", none("")),
        ("the public key as a shared secret", "algorithm", hs("ada", public.as_bytes())),
        ("an RSA key as a shared secret", "algorithm", hs("rsa", rsa_public.as_bytes())),
        ("an EC key as a shared secret", "algorithm", hs("ec", ec_pem(&world.ec).as_bytes())),
        ("the public key for the shared one", "signature", hs("shared", public.as_bytes())),
        ("an empty secret", "signature", hs("shared", b"")),
        ("another algorithm of the family", "algorithm", jwt(r#"{"alg":"HS512","kid":"shared"}"#, &right, |message| mac(SECRET, message).to_vec())),
        ("RS256 by a key for EdDSA", "algorithm", jwt(r#"{"alg":"RS256","kid":"ada"}"#, &right, |message| world.rs256(message))),
        ("EdDSA by a key for RS256", "algorithm", with(r#"{"alg":"EdDSA","kid":"rsa"}"#)),
        ("ES256 by a key for EdDSA", "algorithm", jwt(r#"{"alg":"ES256","kid":"ada"}"#, &right, |message| world.es256(message))),
        ("the name of another key", "signature", with(r#"{"alg":"EdDSA","kid":"bob"}"#)),
        ("a key of the attacker's", "signature", world.mallory.sign(&right)),
        ("an unknown key", "unknown_key", with(r#"{"alg":"EdDSA","kid":"eve"}"#)),
        ("no key where there are several", "unknown_key", with(r#"{"alg":"EdDSA"}"#)),
        ("a path for a key", "unknown_key", with(r#"{"alg":"EdDSA","kid":"../../../dev/null"}"#)),
        ("a key with quotes", "unknown_key", with(r#"{"alg":"EdDSA","kid":"' OR 1=1 --"}"#)),
        ("a key in the header", "signature", world.mallory.sign_with(&format!(r#"{{"alg":"EdDSA","kid":"ada","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{own}"}}}}"#), &right)),
        ("the address of a key", "signature", world.mallory.sign_with(r#"{"alg":"EdDSA","kid":"ada","jku":"http://127.0.0.1:1/keys"}"#, &right)),
        ("critical headers", "malformed", with(r#"{"alg":"EdDSA","kid":"ada","crit":["exp"]}"#)),
    ]
}

/// Tokens of the issuer that are not for this server, or not for now.
fn forged_claims(world: &World) -> Vec<Forged> {
    let sign = |change: &str| world.ada.sign(&claims(change));
    let at = |name: &str, time: u64| sign(&format!(r#"{{"{name}": {time}}}"#));
    let expired_elsewhere = format!(r#"{{"exp": {}, "aud": "another"}}"#, now() - 60);
    vec![
        ("too early", "not_yet_valid", at("nbf", now() + 60)),
        (
            "another audience",
            "audience",
            sign(r#"{"aud": "another"}"#),
        ),
        (
            "other audiences",
            "audience",
            sign(r#"{"aud": ["another", "a third"]}"#),
        ),
        ("no audience", "malformed", sign(r#"{"aud": null}"#)),
        (
            "an empty list of audiences",
            "audience",
            sign(r#"{"aud": []}"#),
        ),
        (
            "the beginning of the audience",
            "audience",
            sign(r#"{"aud": "the serv"}"#),
        ),
        ("another issuer", "issuer", sign(r#"{"iss": "another"}"#)),
        ("no issuer", "malformed", sign(r#"{"iss": null}"#)),
        ("no end", "malformed", sign(r#"{"exp": null}"#)),
        ("an end before 1970", "malformed", sign(r#"{"exp": -1}"#)),
        (
            "an end in words",
            "malformed",
            sign(r#"{"exp": "tomorrow"}"#),
        ),
        ("no subject", "malformed", sign(r#"{"sub": null}"#)),
        ("an empty subject", "malformed", sign(r#"{"sub": ""}"#)),
        (
            "a subject of two lines",
            "malformed",
            sign(r#"{"sub": "ada\nroot"}"#),
        ),
        ("revoked", "revoked", sign(r#"{"jti": "stolen"}"#)),
        (
            "expired and for another",
            "audience",
            sign(&expired_elsewhere),
        ),
    ]
}

/// What is no token any more, or never was.
fn mangled(world: &World) -> Vec<Forged> {
    let right = world.ada.sign(&claims("{}"));
    let (message, signature) = right.rsplit_once('.').unwrap();
    let header = right.split('.').next().unwrap();
    let flipped = match signature.starts_with('A') {
        true => signature.replacen('A', "B", 1),
        false => format!("A{}", &signature[1..]),
    };
    let root = base64(claims(r#"{"sub": "root"}"#).as_bytes());
    let huge = "a".repeat(9000);
    vec![
        ("the signature cut off", "malformed", message.to_owned()),
        ("an empty signature", "signature", format!("{message}.")),
        (
            "half a signature",
            "signature",
            format!("{message}.{}", &signature[..40]),
        ),
        (
            "a bit of the signature changed",
            "signature",
            format!("{message}.{flipped}"),
        ),
        (
            "other claims with the signature",
            "signature",
            format!("{header}.{root}.{signature}"),
        ),
        ("a fourth part", "malformed", format!("{right}.x")),
        ("nothing", "malformed", String::new()),
        ("dots", "malformed", "..".to_owned()),
        ("no base64", "malformed", format!("!!!.{root}.{signature}")),
        (
            "no JSON",
            "malformed",
            format!("{}.{root}.{signature}", base64(b"alg: none")),
        ),
        (
            "a token that is too long",
            "malformed",
            world.ada.sign(&claims(&format!(r#"{{"jti": "{huge}"}}"#))),
        ),
        (
            "a header that is deep",
            "malformed",
            format!("{}.{root}.{signature}", base64("[".repeat(2000).as_bytes())),
        ),
    ]
}

#[tokio::test]
async fn only_the_end_of_a_right_token_is_told() {
    let world = World::new().await;
    for ago in [0, 1, 60, 100_000] {
        let token = world
            .ada
            .sign(&claims(&format!(r#"{{"exp": {}}}"#, now() - ago)));
        let answer = world
            .scene
            .attempt("jwt", |_| Proof::of_token(&token))
            .await;
        assert_eq!(answer, expired(), "{ago} s ago");
        assert_eq!(world.scene.last()["reason"], "expired");
    }
    // To clients it is a code of its own, so that they can come with a new one.
    let token = world
        .ada
        .sign(&claims(&format!(r#"{{"exp": {}}}"#, now() - 1)));
    let error = world
        .scene
        .connect(Credential::jwt(&token).unwrap())
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, linkspan::Code::EXPIRED);
    // Nobody is slowed down for it.
    assert_eq!(world.scene.authentication.stats().expired, 5);
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_sessions_and_no_others() {
    let world = World::new().await;
    let token = |id: &str| world.ada.sign(&claims(&format!(r#"{{"jti": "{id}"}}"#)));
    let stolen = world
        .scene
        .connect(Credential::jwt(&token("a")).unwrap())
        .await
        .unwrap();
    let other = world
        .scene
        .connect(Credential::jwt(&token("b")).unwrap())
        .await
        .unwrap();
    world.jwt.revoke("a");
    let connection = stolen.connection();
    if let Some(connection) = connection {
        within("the end", connection.ended()).await;
    }
    world.scene.noted("session.end", "revoked").await;
    assert_eq!(whoami(&other).await, "jwt:ada");
    let again = world
        .scene
        .attempt("jwt", |_| Proof::of_token(token("a")))
        .await;
    assert_eq!(again, denied());
}

#[tokio::test]
async fn a_key_that_is_gone_ends_the_sessions_of_its_tokens() {
    let world = World::new().await;
    let by_ada = Credential::jwt(&world.ada.sign(&claims("{}"))).unwrap();
    let by_bob = Credential::jwt(&world.bob.sign(&claims(r#"{"jti": "2"}"#))).unwrap();
    let ada = world.scene.connect(by_ada).await.unwrap();
    let bob = world.scene.connect(by_bob).await.unwrap();
    let mut config = JwtConfig::new("the issuer", "the server");
    config.keys = vec![world.bob.key()];
    world.jwt.replace(config);
    if let Some(connection) = ada.connection() {
        within("the end", connection.ended()).await;
    }
    assert_eq!(whoami(&bob).await, "jwt:ada");
}

#[tokio::test]
async fn a_token_is_not_sent_where_others_can_read_it() {
    let issuer = Issuer::new("ada");
    let mut config = JwtConfig::new("the issuer", "the server");
    config.keys = vec![issuer.key()];
    let scene = Scene::new("tcp", patient().with(Jwt::new(config))).await;
    let credential = Credential::jwt(&issuer.sign(&claims("{}"))).unwrap();
    let error = connect(scene.address(), Some(credential))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, linkspan::Code::DENIED);
    assert_eq!(scene.last()["reason"], "handshake");
}

#[tokio::test]
async fn tokens_that_we_issue_are_believed() {
    let mut config = JwtConfig::new("the issuer", "the server");
    config.keys = vec![JwtKey::shared("shared", SECRET).unwrap()];
    let scene = Scene::new(LOCAL, patient().with(Jwt::new(config))).await;
    let key = JwtSigningKey::shared("shared", SECRET).unwrap();
    let issuer = JwtIssuer::new("the issuer", "the server", key);
    let mut claims = issuer
        .claims("ci", std::time::Duration::from_secs(60))
        .unwrap();
    claims.roles = vec!["deploy".into()];
    let token = issuer.sign(&claims).unwrap();
    assert_eq!(
        scene.name_of(Credential::jwt(&token).unwrap()).await,
        "jwt:ci"
    );
    assert_eq!(scene.last()["credential"], claims.jti.unwrap().as_str());
}

#[test]
fn a_key_of_another_sort_is_no_shared_secret() {
    // Who has the public half, which is no secret, could sign.
    let public = Issuer::new("ada").public_pem();
    assert!(JwtKey::shared("main", public.as_bytes()).is_err());
    assert!(JwtSigningKey::shared("main", format!("\n{public}").as_bytes()).is_err());
}
