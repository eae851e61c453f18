//! Certificates that are wrong, one way at a time.

use std::time::{Duration, SystemTime};

use linkspan::auth::{self, Authentication, Certificates};
use linkspan::rpc::{Server, ServerConfig, Serving};
use linkspan::transport::{Pem, Pin, TlsConfig, TlsError};
use linkspan_test::certificates::{Authority, Issued};

use super::{Scene, check_alive, connect, listen, reason, settings};
use crate::audit_lines::AuditLines;
use crate::bystander::Bystander;

/// What is changed, what the client is told, and what the server writes down.
struct Row {
    name: &'static str,
    server: fn(&Scene) -> TlsConfig,
    client: fn(&Scene) -> TlsConfig,
    told: fn(&TlsError) -> bool,
    text: &'static str,
    audited: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        name: "a server of another authority",
        server: |scene| stranger(&["localhost", "127.0.0.1"]).config(&scene.authority.pem),
        client: Scene::client_config,
        told: |error| matches!(error, TlsError::UnknownAuthority),
        text: "signed by no authority that is trusted here",
        audited: "signed by no authority that the peer trusts",
    },
    Row {
        name: "a client of another authority",
        server: Scene::server_config,
        client: |scene| stranger(&["client-1"]).config(&scene.authority.pem),
        told: |error| matches!(error, TlsError::Refused { .. }),
        text: "refuses this side's certificate",
        audited: "signed by no authority that is trusted here",
    },
    Row {
        name: "a server whose certificate has expired",
        server: |scene| expired(scene, &["127.0.0.1"]).config(&scene.authority.pem),
        client: Scene::client_config,
        told: |error| matches!(error, TlsError::Expired { .. }),
        text: "expired 2 days ago",
        audited: "does not hold now",
    },
    Row {
        name: "a client whose certificate has expired",
        server: Scene::server_config,
        client: |scene| expired(scene, &["client-1"]).config(&scene.authority.pem),
        told: |error| matches!(error, TlsError::Refused { .. }),
        text: "does not hold now",
        audited: "expired 2 days ago",
    },
    Row {
        name: "a server whose certificate does not hold yet",
        server: |scene| early(scene, &["127.0.0.1"]).config(&scene.authority.pem),
        client: Scene::client_config,
        told: |error| matches!(error, TlsError::NotYetValid { .. }),
        text: "holds only in",
        audited: "refuses this side's certificate",
    },
    Row {
        name: "a client whose certificate does not hold yet",
        server: Scene::server_config,
        client: |scene| early(scene, &["client-1"]).config(&scene.authority.pem),
        told: |error| matches!(error, TlsError::Refused { .. }),
        text: "refuses this side's certificate",
        audited: "holds only in",
    },
    Row {
        name: "a server with other names",
        server: |scene| {
            let server = scene.authority.issue(&["other.example", "10.0.0.1"]);
            server.config(&scene.authority.pem)
        },
        client: Scene::client_config,
        told: |error| matches!(error, TlsError::Name { .. }),
        text: "is for dns:other.example, ip:10.0.0.1, not for 127.0.0.1",
        audited: "refuses this side's certificate",
    },
    Row {
        name: "a name that was asked for and is not there",
        server: Scene::server_config,
        client: |scene| {
            let mut config = scene.client_config();
            config.server_name = Some("database.example".into());
            config
        },
        told: |error| matches!(error, TlsError::Name { .. }),
        text: "not for database.example",
        audited: "refuses this side's certificate",
    },
    Row {
        name: "a client without certificate",
        server: Scene::server_config,
        client: |scene| {
            let mut config = scene.client_config();
            (config.certificate, config.key) = (None, None);
            config
        },
        told: |error| matches!(error, TlsError::CertificateRequired),
        text: "asks for a certificate, and this side has none",
        audited: "the peer presents no certificate",
    },
    Row {
        name: "a server that is not pinned",
        server: Scene::server_config,
        client: |scene| {
            let mut config = scene.client_config();
            config.pins = vec![Pin::Certificate([1; 32]), Pin::PublicKey([2; 32])];
            config
        },
        told: |error| matches!(error, TlsError::NotPinned { .. }),
        text: "not pinned here",
        audited: "refuses this side's certificate",
    },
    Row {
        name: "a client that is not pinned",
        server: |scene| {
            let mut config = scene.server_config();
            config.pins = vec![Pin::Certificate([1; 32])];
            config
        },
        client: Scene::client_config,
        told: |error| matches!(error, TlsError::Refused { .. }),
        text: "refuses this side's certificate",
        audited: "not pinned here",
    },
    Row {
        name: "a pinned server whose authority is not trusted",
        server: |scene| stranger(&["127.0.0.1"]).config(&scene.authority.pem),
        client: |scene| {
            let mut config = scene.client_config();
            config.pins = vec![Pin::Certificate([1; 32])];
            config
        },
        told: |error| matches!(error, TlsError::UnknownAuthority),
        text: "signed by no authority",
        audited: "signed by no authority that the peer trusts",
    },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_certificates_are_refused_and_harm_nobody() {
    let scene = Scene::new();
    for row in ROWS {
        let lines = AuditLines::default();
        let mut server = serve_audited(scene.server_config(), &lines).await;
        let bystander = connect(&server, scene.client_config()).await.unwrap();
        let mut bystander = Bystander::of(bystander).await;
        // Who came before stays, whatever is presented and trusted from now on.
        let changed = audited((row.server)(&scene), &lines);
        server.reconfigure(changed).await.unwrap();
        let Err(error) = connect(&server, (row.client)(&scene)).await else {
            panic!("{} is accepted", row.name);
        };
        let told = reason(&error);
        assert!((row.told)(told), "{}: {told:?}", row.name);
        let text = told.to_string();
        assert!(text.contains(row.text), "{}: {text}", row.name);
        let line = lines.noted(0, "session.open", "transport").await;
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains(row.audited), "{}: {detail}", row.name);
        assert_eq!(line["peer"]["transport"], "tls", "{}", row.name);
        let stats = server.stats().next().unwrap().1;
        let seen = (stats.accepted, stats.open, stats.failed_handshakes);
        assert_eq!(seen, (1, 1, 1), "{}", row.name);
        bystander.is_undisturbed(row.name).await;
    }
}

/// A server that writes down who comes and who does not.
async fn serve_audited(tls: TlsConfig, lines: &AuditLines) -> Serving {
    let server = Server::new().config(audited(tls, lines));
    let server = server.service(Bystander::methods());
    server.listen("tls:127.0.0.1:0").await.unwrap()
}

fn audited(tls: TlsConfig, lines: &AuditLines) -> ServerConfig {
    let mut known = auth::Config::default().with(Certificates::default());
    known.audit = Some(lines.audit());
    let mut config = settings(tls);
    config.session.authentication = Some(Authentication::new(known));
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_know_each_other() {
    let scene = Scene::new();
    let server = listen(scene.server_config()).await;
    let client = connect(&server, scene.client_config()).await.unwrap();
    check_alive(&client).await;
    let connection = client.connection().unwrap();
    let seen = connection.peer().certificate.as_deref().unwrap();
    assert_eq!(seen.common_name.as_deref(), Some("localhost"));
    let sans: Vec<_> = seen.sans.iter().map(ToString::to_string).collect();
    assert_eq!(sans, ["dns:localhost", "ip:127.0.0.1"]);
    assert!(seen.expires > SystemTime::now());

    let other = server.connections().pop().unwrap();
    let seen = other.peer().certificate.as_deref().unwrap();
    assert_eq!(seen.subject, "CN=client-1");
    assert_eq!(other.peer().transport, "tls");
    let bindings = [&connection, &other].map(|end| end.peer().channel_binding());
    assert!(bindings[0].is_some() && bindings[0] == bindings[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_certificate_is_let_in_where_that_is_configured() {
    let scene = Scene::new();
    let mut config = scene.server_config();
    config.verify_client = false;
    let server = listen(config).await;
    let mut anonymous = scene.client_config();
    (anonymous.certificate, anonymous.key) = (None, None);
    let client = connect(&server, anonymous).await.unwrap();
    check_alive(&client).await;
    let seen = server.connections().pop().unwrap();
    assert!(seen.peer().certificate.is_none());
    // One that is presented has to be right nevertheless.
    let wrong = stranger(&["client-1"]).config(&scene.authority.pem);
    let error = connect(&server, wrong).await.unwrap_err();
    assert!(
        matches!(reason(&error), TlsError::Refused { .. }),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_need_no_authority() {
    let scene = Scene::new();
    let client_pin = pin(&scene.client, 0);
    let mut config = scene.server_config();
    (config.authorities, config.pins) = (Vec::new(), vec![client_pin]);
    let server = listen(config).await;
    // By the certificate, and by the key.
    for index in [0, 1] {
        let mut config = scene.client_config();
        (config.authorities, config.pins) = (Vec::new(), vec![pin(&scene.server, index)]);
        let client = connect(&server, config).await.unwrap();
        check_alive(&client).await;
    }
    // Pins are no excuse for a certificate that has expired.
    let old = expired(&scene, &["127.0.0.1"]);
    let server = listen(old.config(&scene.authority.pem)).await;
    let mut config = scene.client_config();
    (config.authorities, config.pins) = (Vec::new(), vec![pin(&old, 0)]);
    let error = connect(&server, config).await.unwrap_err();
    assert!(
        matches!(reason(&error), TlsError::Expired { .. }),
        "{error:?}"
    );
}

#[test]
fn pins_are_read_as_they_are_written() {
    let pin = Pin::PublicKey([0xA5; 32]);
    assert_eq!(pin.to_string().parse(), Ok(pin));
    let colons = format!("sha256:{}", ["A5"; 32].join(":"));
    assert_eq!(colons.parse(), Ok(Pin::Certificate([0xA5; 32])));
    for wrong in [
        "",
        "sha256:",
        "sha256:a5",
        "md5:00",
        &format!("sha256:{}", "g".repeat(64)),
    ] {
        assert!(wrong.parse::<Pin>().is_err(), "{wrong}");
    }
}

#[test]
fn a_key_is_shown_nowhere() {
    let scene = Scene::new();
    let config = scene.server_config();
    let shown = format!(
        "{config:?}{config:#?}{:?}",
        Pem::text(scene.server.key.clone())
    );
    let secret = scene.server.key.lines().nth(1).unwrap();
    assert!(
        !shown.contains(secret) && !shown.contains("PRIVATE"),
        "{shown}"
    );
}

/// A pin of a certificate, or of its key.
fn pin(issued: &Issued, index: usize) -> Pin {
    Pin::of_der(&linkspan_test::certificates::der(&issued.certificate)).unwrap()[index]
}

fn stranger(names: &[&str]) -> Issued {
    Authority::new("another authority").issue(names)
}

fn expired(scene: &Scene, names: &[&str]) -> Issued {
    let now = SystemTime::now();
    let authority = &scene.authority;
    authority.issue_for(
        names,
        now - 9 * DAY,
        now - 2 * DAY - Duration::from_secs(60),
    )
}

fn early(scene: &Scene, names: &[&str]) -> Issued {
    let now = SystemTime::now();
    scene
        .authority
        .issue_for(names, now + 2 * DAY, now + 9 * DAY)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
