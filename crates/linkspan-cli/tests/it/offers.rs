//! What a node offers by TLS, as `openssl` finds out: each version and each suite that it knows.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use linkspan::Address;
use serde_json::Value;

use crate::support::{Node, Place, finish};

/// A node with an audit log, that speaks no older TLS than this.
fn node(place: &Place, oldest: &str) -> Node {
    place.run(["cert", "ca", "tls"]).ok();
    place.run(["cert", "issue", "tls", "server", "client"]).ok();
    let text = format!(
        "transport: {{ tcp: {{ tls: {{ min_tls_version: \"{oldest}\" }} }} }}\n\
         security: {{ audit: {{ file: audit.log }} }}\n"
    );
    place.write("linkspan.yaml", &text);
    place.node(["--tls-dir", "tls", "--listen", "tls:127.0.0.1:0"])
}

#[test]
fn by_default_a_node_offers_tls_1_3_and_two_suites() {
    let place = Place::new();
    let node = node(&place, "1.3");
    let offered = offered(&place, &node);
    assert_eq!(
        offered,
        SUITES.map(|suite| format!("-tls1_3 {suite}")).into()
    );
}

#[test]
fn tls_1_2_comes_with_ecdhe_and_authenticated_suites_alone() {
    let place = Place::new();
    let node = node(&place, "1.2");
    let older = OLDER.map(|suite| format!("-tls1_2 {suite}"));
    let newer = SUITES.map(|suite| format!("-tls1_3 {suite}"));
    assert_eq!(
        offered(&place, &node),
        older.into_iter().chain(newer).collect()
    );
}

#[test]
fn nothing_is_compressed_resumed_renegotiated_or_sent_early() {
    let place = Place::new();
    let node = node(&place, "1.2");
    for version in ["-tls1_3", "-tls1_2"] {
        let once = s_client(&place, &node, &[version], "");
        for said in ["Compression: NONE", "Verification: OK"] {
            assert!(once.contains(said), "{version} {said}: {once}");
        }
        for not_said in [
            "New Session Ticket",
            "session ticket:",
            "Early data was accepted",
        ] {
            assert!(!once.contains(not_said), "{version} {not_said}: {once}");
        }
        let again = s_client(&place, &node, &[version, "-reconnect"], "");
        assert_eq!(again.matches("New, TLSv").count(), 6, "{version}: {again}");
        assert!(!again.contains("Reused"), "{version}: {again}");
    }
    let renegotiated = s_client(&place, &node, &["-tls1_2"], "R\n");
    assert!(renegotiated.contains("RENEGOTIATING"), "{renegotiated}");
    assert!(renegotiated.contains("no renegotiation"), "{renegotiated}");
}

#[test]
fn who_has_no_certificate_is_refused_and_written_down() {
    let place = Place::new();
    let node = node(&place, "1.2");
    for version in ["-tls1_3", "-tls1_2"] {
        let command = openssl(&place, &node, &[version]);
        let refused = talk(command, "");
        // The rest of TLS is as it should be.
        assert!(refused.contains("Verification: OK"), "{version}: {refused}");
        assert!(
            refused.contains("alert certificate required"),
            "{version}: {refused}"
        );
    }
    let log = std::fs::read_to_string(place.path("audit.log")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    for line in lines {
        assert_eq!(line["action"], "session.open");
        assert_eq!(line["decision"], "denied");
        assert_eq!(line["reason"], "transport");
        assert_eq!(line["detail"], "the peer presents no certificate");
        assert_eq!(line["peer"]["transport"], "tls");
    }
}

/// Every version with every suite on which both sides agree.
fn offered(place: &Place, node: &Node) -> BTreeSet<String> {
    let listed = |arguments: &[&str]| {
        let listed = Command::new("openssl")
            .arg("ciphers")
            .args(arguments)
            .output();
        String::from_utf8(listed.unwrap().stdout).unwrap()
    };
    let older = listed(&["-s", "-tls1_2", "ALL:eNULL:@SECLEVEL=0"]);
    let older: Vec<_> = older.trim().split(':').collect();
    assert!(older.len() > 50, "{older:?}");
    let mut offers: Vec<_> = ALL_SUITES.iter().map(|suite| ("-tls1_3", *suite)).collect();
    for version in ["-tls1_2", "-tls1_1", "-tls1"] {
        offers.extend(older.iter().map(|suite| (version, *suite)));
    }
    let half = offers.len() / 2;
    std::thread::scope(|scope| {
        let [one, other] = [&offers[..half], &offers[half..]].map(|offers| {
            scope.spawn(move || {
                let agreed = offers
                    .iter()
                    .filter(|offer| is_agreed(place, node, **offer));
                let agreed = agreed.map(|(version, suite)| format!("{version} {suite}"));
                agreed.collect::<BTreeSet<_>>()
            })
        });
        one.join()
            .unwrap()
            .into_iter()
            .chain(other.join().unwrap())
            .collect()
    })
}

fn is_agreed(place: &Place, node: &Node, (version, suite): (&str, &str)) -> bool {
    let older = format!("{suite}:@SECLEVEL=0");
    let offer = match version {
        "-tls1_3" => [version, "-ciphersuites", suite],
        _ => [version, "-cipher", &older],
    };
    let mut command = presenting(place, node, &offer);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("Cipher is"));
    line.is_some_and(|line| line.ends_with(&format!("Cipher is {suite}")))
}

/// What openssl says, with a certificate, of a session that the node ends because nothing follows.
fn s_client(place: &Place, node: &Node, arguments: &[&str], input: &str) -> String {
    talk(presenting(place, node, arguments), input)
}

fn presenting(place: &Place, node: &Node, arguments: &[&str]) -> Command {
    let mut command = openssl(place, node, arguments);
    command.args(["-cert", "tls/client.pem", "-key", "tls/client.key"]);
    command
}

fn openssl(place: &Place, node: &Node, arguments: &[&str]) -> Command {
    let address: Address = node.address().parse().unwrap();
    let host = address.to_string().replace("tls:", "");
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &host, "-CAfile", "tls/ca.pem"])
        .args(["-verify_ip", "127.0.0.1"])
        .args(arguments)
        .current_dir(place.path(""));
    command
}

/// Gives it input, and lets it go on until it is ended by the other side.
fn talk(mut command: Command, input: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    let ran = finish(child);
    drop(stdin);
    format!("{}\n{}", ran.stdout, ran.stderr)
}

const SUITES: [&str; 2] = ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/// For a server with a key of ECDSA.
const OLDER: [&str; 2] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
];
/// All that there are of TLS 1.3; openssl does not offer the last ones by itself.
const ALL_SUITES: [&str; 5] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];
