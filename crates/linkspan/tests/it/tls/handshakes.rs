//! Peers that do not do what TLS asks of them.

use std::time::Duration;

use linkspan::transport::{TlsCipher, TlsConfigError, TlsError, TlsVersion};
use linkspan_test::conformance::serve;
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Scene, check_alive, connect, connect_to, listen, plain, reason, settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_handshake_is_answered_by_an_alert_and_the_end() {
    let scene = Scene::new();
    let server = listen(scene.server_config()).await;
    let other = connect(&server, scene.client_config()).await.unwrap();
    // The legacy version stands for TLS 1.1, and no extension offers another.
    let tls_1_1 = b"\x16\x03\x02\x00\x2d\x01\x00\x00\x29\x03\x02\x11\x11\x11\x11\x11\x11\x11\x11\x11\
        \x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\
        \x00\x00\x02\xc0\x14\x01\x00";
    let rows: [(&str, &[u8]); 5] = [
        ("TLS 1.1", tls_1_1),
        (
            "a request of HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        (
            "a session without TLS",
            b"LSPN\x01\x01\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ),
        ("a record that is too long", b"\x16\x03\x01\xff\xff\x01"),
        ("zeros", &[0; 300]),
    ];
    for (index, (name, bytes)) in (1..).zip(rows) {
        let mut stream = plain(&server).await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let end = wait::within(name, stream.read_to_end(&mut answer)).await;
        assert!(end.is_ok(), "{name}: {end:?}");
        // An alert: fatal, with some reason.
        assert_eq!(answer.first(), Some(&0x15), "{name}: {answer:?}");
        drop(stream);
        wait::until("it is counted", || {
            server.stats().next().unwrap().1.failed_handshakes == index
        })
        .await;
        check_alive(&other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_ends_in_time() {
    let scene = Scene::new();
    let mut config = scene.server_config();
    config.handshake_timeout = Duration::from_millis(300);
    let server = listen(config).await;
    for begun in [&b""[..], b"\x16\x03\x01"] {
        let mut stream = plain(&server).await;
        stream.write_all(begun).await.unwrap();
        let mut answer = Vec::new();
        wait::within("the end", stream.read_to_end(&mut answer))
            .await
            .unwrap();
    }
    let client = connect(&server, scene.client_config()).await.unwrap();
    check_alive(&client).await;
    assert_eq!(server.stats().next().unwrap().1.failed_handshakes, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_say_nothing_keep_nobody_out() {
    let scene = Scene::new();
    let mut config = settings(scene.server_config());
    config.transport.tcp.max_connections = 2;
    config.transport.max_openings = 8;
    config.transport.tls.handshake_timeout = Duration::from_secs(60);
    let server = serve(&"tls:127.0.0.1:0".parse().unwrap(), config).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(plain(&server).await);
    }
    let first = connect(&server, scene.client_config()).await.unwrap();
    let second = connect(&server, scene.client_config()).await.unwrap();
    check_alive(&first).await;
    check_alive(&second).await;
    wait::until("the oldest are given up", || {
        server.stats().next().unwrap().1.failed_handshakes >= 92
    })
    .await;
    let mut oldest = silent.remove(0);
    let mut answer = Vec::new();
    wait::within("its end", oldest.read_to_end(&mut answer))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripped_tls_is_noticed_on_both_sides() {
    let scene = Scene::new();
    // A client of TLS at a server without.
    let server = serve(
        &"tcp:127.0.0.1:0".parse().unwrap(),
        settings(scene.server_config()),
    )
    .await;
    let address = server.address().to_string().replace("tcp:", "tls:");
    let error = connect_to(&address, scene.client_config())
        .await
        .unwrap_err();
    assert!(
        matches!(reason(&error), TlsError::NotTls | TlsError::Io(_)),
        "{error:?}"
    );
    // And the reverse.
    let server = listen(scene.server_config()).await;
    let address = server.address().to_string().replace("tls:", "tcp:");
    assert!(connect_to(&address, scene.client_config()).await.is_err());
    assert_eq!(server.stats().next().unwrap().1.accepted, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sides_without_a_common_cipher_say_so() {
    let scene = Scene::new();
    for version in [TlsVersion::Tls13, TlsVersion::Tls12] {
        for (ours, theirs) in [(0, 1), (1, 0), (0, 0), (1, 1)] {
            let ciphers = [TlsCipher::Aes256Gcm, TlsCipher::ChaCha20Poly1305];
            let mut config = scene.server_config();
            (config.ciphers, config.min_version) = (vec![ciphers[ours]], version);
            let server = listen(config).await;
            let mut config = scene.client_config();
            (config.ciphers, config.min_version) = (vec![ciphers[theirs]], version);
            match connect(&server, config).await {
                Ok(client) if ours == theirs => check_alive(&client).await,
                Err(error) if ours != theirs => {
                    let told = reason(&error);
                    assert!(matches!(told, TlsError::NothingInCommon), "{told:?}");
                }
                other => panic!("{ours} and {theirs}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anybody_listens() {
    let scene = Scene::new();
    let directory = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    let mut config = scene.server_config();
    (config.certificate, config.key) = (None, None);
    rows.push((config, "a server needs one"));
    let mut config = scene.server_config();
    config.key = None;
    rows.push((config, "without a private key"));
    let mut config = scene.server_config();
    config.authorities.clear();
    rows.push((config, "whom to trust"));
    let mut config = scene.server_config();
    config.key = scene.client_config().key;
    rows.push((config, "does not belong to the certificate"));
    let mut config = scene.server_config();
    config.certificate = Some(directory.path().join("none.pem").into());
    rows.push((config, "cannot read"));
    let mut config = scene.server_config();
    config.certificate = scene.server_config().key;
    rows.push((config, "there is none"));
    let mut config = scene.server_config();
    config.ciphers.clear();
    rows.push((config, "no cipher"));
    for (config, text) in rows {
        let server = linkspan::rpc::Server::new().config(settings(config));
        let error = server.listen("tls:127.0.0.1:0").await.unwrap_err();
        let told = TlsError::find(&error).unwrap();
        assert!(matches!(told, TlsError::Config(_)), "{told:?}");
        assert!(told.to_string().contains(text), "{told}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let scene = Scene::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.key");
    std::fs::write(&path, &scene.server.key).unwrap();
    for (mode, is_fine) in [(0o644, false), (0o640, false), (0o600, true), (0o400, true)] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let mut config = scene.server_config();
        config.key = Some(path.clone().into());
        let server = linkspan::rpc::Server::new().config(settings(config));
        match server.listen("tls:127.0.0.1:0").await {
            Ok(_) => assert!(is_fine, "{mode:o}"),
            Err(error) => {
                assert!(!is_fine, "{mode:o}: {error}");
                let told = TlsError::find(&error).unwrap();
                let is_told = matches!(told, TlsError::Config(TlsConfigError::Private(_)));
                assert!(is_told, "{told:?}");
            }
        }
    }
}
