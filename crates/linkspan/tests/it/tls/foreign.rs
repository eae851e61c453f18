//! A TLS of another make, which most systems have: `openssl s_client`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use linkspan::rpc::Serving;
use linkspan::transport::{TlsCipher, TlsConfig, TlsVersion};
use linkspan_test::certificates::{Authority, Issued};
use linkspan_test::conformance::serve;
use linkspan_test::wait;
use tempfile::TempDir;
use tokio::process::Command;

use super::{Scene, settings};

/// What openssl offers, and what comes of it at a server with the defaults and at one that speaks
/// TLS 1.2, too.
const OFFERS: [(&[&str], [Option<&str>; 2]); 11] = [
    (&["-tls1_3"], [Some(AES), Some(AES)]),
    (&["-tls1_2"], [None, Some(AES_1_2)]),
    (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], [None, None]),
    (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], [None, None]),
    (&["-tls1_3", "-ciphersuites", AES], [Some(AES), Some(AES)]),
    (
        &["-tls1_3", "-ciphersuites", CHACHA],
        [Some(CHACHA), Some(CHACHA)],
    ),
    (
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        [None, None],
    ),
    (
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        [None, None],
    ),
    (
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
        [None, None],
    ),
    (
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
        [None, None],
    ),
    (
        &["-tls1_2", "-cipher", CHACHA_1_2],
        [None, Some(CHACHA_1_2)],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_suites_are_those_that_are_allowed() {
    let scene = Scene::new();
    let files = files(&scene);
    let mut older = scene.server_config();
    older.min_version = TlsVersion::Tls12;
    for (column, config) in [scene.server_config(), older].into_iter().enumerate() {
        let server = listen(config).await;
        for (offer, expected) in OFFERS {
            let seen = suite(&server, files.path(), offer).await;
            assert_eq!(
                seen.as_deref(),
                expected[column],
                "{offer:?} in column {column}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_cipher_that_is_configured_is_spoken() {
    let scene = Scene::new();
    let files = files(&scene);
    let mut config: TlsConfig = scene.server_config();
    config.ciphers = vec![TlsCipher::ChaCha20Poly1305];
    let server = listen(config).await;
    let seen = suite(&server, files.path(), &["-tls1_3"]).await;
    assert_eq!(seen.as_deref(), Some(CHACHA));
    let seen = suite(&server, files.path(), &["-tls1_3", "-ciphersuites", AES]).await;
    assert_eq!(seen, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_client_needs_a_certificate() {
    let scene = Scene::new();
    let files = files(&scene);
    let server = listen(scene.server_config()).await;
    let with = client(&server, files.path(), true, &[]).await;
    assert!(with.contains("Verify return code: 0 (ok)"), "{with}");
    assert!(!with.contains("alert"), "{with}");
    let without = client(&server, files.path(), false, &[]).await;
    assert!(without.contains("alert certificate required"), "{without}");
    wait::until("it is counted", || {
        server.stats().next().unwrap().1.failed_handshakes >= 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_protocol_over_tls_is_refused() {
    let scene = Scene::new();
    let files = files(&scene);
    let server = listen(scene.server_config()).await;
    let own = client(&server, files.path(), true, &["-alpn", "linkspan/1"]).await;
    assert!(own.contains("ALPN protocol: linkspan/1"), "{own}");
    let other = client(&server, files.path(), true, &["-alpn", "h2,http/1.1"]).await;
    assert!(other.contains("alert no application protocol"), "{other}");
}

/// A server that ends sessions in which nothing is said.
async fn listen(tls: TlsConfig) -> Serving {
    let mut config = settings(tls);
    config.session.handshake_timeout = Duration::from_millis(300);
    serve(&"tls:127.0.0.1:0".parse().unwrap(), config).await
}

/// The suite that both agreed on, with a certificate.
async fn suite(server: &Serving, files: &Path, offer: &[&str]) -> Option<String> {
    let text = client(server, files, true, offer).await;
    let line = text.lines().find(|line| line.contains("Cipher is"))?;
    let suite = line.rsplit(' ').next()?;
    (suite != "(NONE)").then(|| suite.to_owned())
}

async fn client(server: &Serving, files: &Path, presents: bool, more: &[&str]) -> String {
    let place = server.address().to_string().replace("tls:", "");
    s_client(&place, files, presents, more).await
}

/// What `openssl s_client` says of a server.
pub(crate) async fn s_client(place: &str, files: &Path, presents: bool, more: &[&str]) -> String {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["s_client", "-connect", place, "-CAfile", "ca.pem"])
        .args(["-verify_ip", "127.0.0.1"])
        .args(more)
        .current_dir(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if presents {
        openssl.args(["-cert", "client.pem", "-key", "client.key"]);
    }
    let mut child = openssl
        .spawn()
        .expect("openssl is there; `cargo xtask test` installs it");
    let stdin = child.stdin.take();
    // A server has time to say what it thinks of the certificate: it ends a silent session itself.
    let output = wait::within("openssl", child.wait_with_output())
        .await
        .unwrap();
    drop(stdin);
    let [out, err] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    format!("{out}\n{err}")
}

fn files(scene: &Scene) -> TempDir {
    files_of(&scene.authority, &scene.client)
}

/// What a foreign client presents and trusts.
pub(crate) fn files_of(authority: &Authority, client: &Issued) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("ca.pem", &authority.pem),
        ("client.pem", &client.certificate),
        ("client.key", &client.key),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

const AES: &str = "TLS_AES_256_GCM_SHA384";
const CHACHA: &str = "TLS_CHACHA20_POLY1305_SHA256";
const AES_1_2: &str = "ECDHE-ECDSA-AES256-GCM-SHA384";
const CHACHA_1_2: &str = "ECDHE-ECDSA-CHACHA20-POLY1305";
