//! `linkspan token`, `--token-file` and the section `security`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::Place;

/// A node at TCP, where the kernel names nobody.
const API_KEYS: &str = "
transport: { default_type: tcp, tcp: { bind_address: 127.0.0.1:0 } }
security:
  auth: { token_type: ApiKey, key_file: keys }
  audit: { file: audit.log }
";

/// Writes a file that nobody else can read.
fn private(place: &Place, name: &str, text: &str) -> PathBuf {
    let path = place.write(name, text);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_opens_a_node_until_it_is_revoked() {
    let place = Place::new();
    place.write("linkspan.yaml", API_KEYS);
    let issued = place.run(["token", "issue", "ci", "--role", "deploy", "--json"]);
    let issued = issued.json();
    let (id, key) = (
        issued["id"].as_str().unwrap(),
        issued["credential"].as_str().unwrap(),
    );
    private(&place, "ci.key", key);
    assert_eq!(mode(&place.path("keys")), 0o600);

    let node = place.node::<&str>([]);
    let address = node.address();
    let call = ["call", &address, "node.info", "--json"];
    let refused = place.run(call).fails(5);
    assert!(
        refused.contains("the client is not authenticated"),
        "{refused}"
    );
    let with_key = call.into_iter().chain(["--token-file", "ci.key"]);
    place.run(with_key.clone()).ok();

    // A list that is gone is no list of nothing.
    fs::rename(place.path("keys"), place.path("elsewhere")).unwrap();
    node.signal(Signal::HUP);
    node.logs("nothing was changed");
    place.run(with_key.clone()).ok();
    fs::rename(place.path("elsewhere"), place.path("keys")).unwrap();

    place.run(["token", "revoke", id]).ok();
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(with_key).fails(5);
    let listed = place.run(["token", "list", "--json"]).json();
    assert_eq!(listed["keys"][0]["state"], "revoked");

    // Everything was written down, for its owner alone, and no secret with it.
    let log = fs::read_to_string(place.path("audit.log")).unwrap();
    assert_eq!(mode(&place.path("audit.log")), 0o600);
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let reasons: Vec<_> = lines
        .iter()
        .filter_map(|line| line["reason"].as_str())
        .collect();
    assert_eq!(reasons, ["handshake", "revoked"], "{log}");
    assert!(
        lines
            .iter()
            .any(|line| line["principal"] == "key:ci" && line["decision"] == "allowed")
    );
    let secret = key.rsplit('_').next().unwrap();
    for text in [
        log,
        node.log(),
        fs::read_to_string(place.path("keys")).unwrap(),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let place = Place::new();
    place.write("linkspan.yaml", API_KEYS);
    let key = place.run(["token", "issue", "ci"]).ok();
    let file = place.write("ci.key", &key);
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let node = place.node::<&str>([]);
    let call = [
        "call",
        &node.address(),
        "node.info",
        "--token-file",
        "ci.key",
    ];
    let refused = place.run(call).fails(1);
    assert!(refused.contains("is open to others"), "{refused}");
    fs::set_permissions(place.path("keys"), Permissions::from_mode(0o640)).unwrap();
    let refused = place.run(["token", "list"]).fails(1);
    assert!(refused.contains("is open to others"), "{refused}");
}

#[test]
fn a_jwt_is_issued_shown_and_revoked() {
    let place = Place::new();
    private(&place, "secret", "a secret of more than thirty-two bytes");
    place.write(
        "linkspan.yaml",
        "security: { auth: { token_type: Jwt, keys: [main HS256 secret], key_file: keys, issuer: us } }",
    );
    let issue = [
        "token",
        "issue",
        "ada",
        "--sign-with",
        "secret",
        "--key-id",
        "main",
    ];
    let issue = issue.into_iter().chain(["--algorithm", "HS256", "--json"]);
    let issued = place.run(issue).json();
    private(&place, "ada.jwt", issued["credential"].as_str().unwrap());
    let shown = place.run(["token", "inspect", "ada.jwt", "--json"]).json();
    assert_eq!(shown["claims"]["sub"], "ada");
    assert_eq!(shown["claims"]["iss"], "us");
    assert_eq!(shown["claims"]["jti"], issued["id"]);

    let node = place.node::<&str>([]);
    let call = [
        "call",
        &node.address(),
        "node.info",
        "--token-file",
        "ada.jwt",
    ];
    place.run(call).ok();
    place
        .run(["token", "revoke", "--jwt", issued["id"].as_str().unwrap()])
        .ok();
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(call).fails(5);
    // Without a token the kernel's word counts, as ever on local sockets.
    place.run(["call", &node.address(), "node.info"]).ok();
}

#[test]
fn a_section_that_cannot_work_is_refused() {
    let place = Place::new();
    for (security, says) in [
        ("auth: { token_type: ApiKey }", "security.auth.key_file"),
        ("auth: { token_type: Jwt }", "security.auth.keys"),
        (
            "auth: { keys: [main HS1 file] }",
            "\"HS1\" is not one of EdDSA",
        ),
        ("auth: { token_type: Password }", "Jwt, ApiKey, Certificate"),
    ] {
        place.write("linkspan.yaml", &format!("security: {{ {security} }}"));
        let error = place.run(["config", "show"]).fails(3);
        assert!(error.contains(says), "{error}");
    }
}
