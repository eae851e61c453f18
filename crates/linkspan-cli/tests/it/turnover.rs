//! Everything that is secret is replaced under load, between real processes, and no call fails.
//!
//! The clerk is another process, which calls without a pause until it is told to stop, and fails with
//! its first call that does. Where servers seal, one of those is a process of its own, too.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use linkspan::auth::Credential;
use linkspan::auth::seal::{KeyRing, Sealing};
use linkspan::rpc::{CallError, Client, ClientConfig, Context, Router, Sealed, Server};
use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::support::{Node, Place, until};

#[test]
fn key_rings_are_rotated_and_no_call_fails() {
    let place = Place::new();
    place.run(["key", "new", "private/app.ring"]).ok();
    let address = format!("unix:{}", place.path("vault.sock").display());
    let vault = Worker::start(&place, "the_vault", &address, "private/app.ring");
    let mut clerk = Worker::start(&place, "the_sealing_clerk", &address, "private/app.ring");
    for round in 0..12 {
        clerk.goes_on();
        let algorithm = ["aes-256-gcm", "chacha20-poly1305"][round % 2];
        place
            .run([
                "key",
                "rotate",
                "private/app.ring",
                "--algorithm",
                algorithm,
            ])
            .ok();
    }
    clerk.goes_on();
    // Both have followed: the first key is gone, and calls are answered nevertheless.
    place
        .run(["key", "rotate", "private/app.ring", "--keep", "2"])
        .ok();
    clerk.goes_on();
    clerk.ends();
    vault.ends();
}

#[test]
fn certificates_and_api_keys_are_replaced_and_no_call_fails() {
    let scene = Scene::new("token_type: ApiKey, key_file: keys");
    let (first, mut clerk) = scene.begin(&["token", "issue", "ci"]);
    scene.renews_certificates(&mut clerk);
    let mut former = first;
    for _ in 0..3 {
        let id = scene.issues(&["token", "issue", "ci"]);
        // The node knows the new key before anybody comes with it, and nobody has the former one any
        // more when it is revoked.
        scene.reloads();
        scene.hands_over();
        clerk.goes_on();
        scene.place.run(["token", "revoke", &former]).ok();
        scene.reloads();
        clerk.goes_on();
        former = id;
    }
    clerk.ends();
    assert_eq!(scene.refused(), 0);
}

#[test]
fn keys_of_jwts_are_replaced_and_no_call_fails() {
    let keys = |names: &[&str]| {
        let keys = names.iter().map(|name| format!("{name} EdDSA {name}.pub"));
        let keys: Vec<_> = keys.collect();
        format!(
            "token_type: Jwt, key_file: revoked, keys: [{}]",
            keys.join(", ")
        )
    };
    let scene = Scene::new(&keys(&["key0"]));
    let issue = |key: &str| {
        let file = format!("{key}.pem");
        [
            "token",
            "issue",
            "ada",
            "--key-id",
            key,
            "--sign-with",
            &file,
        ]
        .map(str::to_owned)
    };
    let (_, mut clerk) = scene.begin(&issue("key0"));
    for number in 1..4 {
        let [former, next] = [number - 1, number].map(|number| format!("key{number}"));
        scene.makes_key(&next);
        scene.configures(&keys(&[&former, &next]));
        scene.reloads();
        scene.issues(&issue(&next));
        scene.hands_over();
        clerk.goes_on();
        scene.configures(&keys(&[&next]));
        scene.reloads();
        clerk.goes_on();
    }
    clerk.ends();
    assert_eq!(scene.refused(), 0);
}

/// A node with TLS that wants a credential, and what a clerk needs to come to it.
struct Scene {
    place: Place,
    node: std::cell::OnceCell<Node>,
    reloads: std::cell::Cell<usize>,
}

impl Scene {
    fn new(auth: &str) -> Self {
        let scene = Self {
            place: Place::new(),
            node: std::cell::OnceCell::new(),
            reloads: std::cell::Cell::default(),
        };
        scene.place.run(["cert", "ca", "tls"]).ok();
        scene
            .place
            .run(["cert", "issue", "tls", "server", "client"])
            .ok();
        scene.makes_key("key0");
        scene.configures(auth);
        scene
    }

    /// Issues the first credential, and starts the node and the clerk.
    fn begin<S: AsRef<str>>(&self, issue: &[S]) -> (String, Worker) {
        let id = self.issues(issue);
        self.hands_over();
        let listen = ["--tls-dir", "tls", "--listen", "tls:127.0.0.1:0"];
        self.node.set(self.place.node(listen)).ok().unwrap();
        let address = self.node().address();
        (id, Worker::start(&self.place, "the_clerk", &address, "tls"))
    }

    fn node(&self) -> &Node {
        self.node.get().unwrap()
    }

    fn configures(&self, auth: &str) {
        let text = format!("security: {{ audit: {{ file: audit.log }}, auth: {{ {auth} }} }}");
        self.place.write("linkspan.yaml", &text);
    }

    fn makes_key(&self, name: &str) {
        let (pem, public) = (format!("{name}.pem"), format!("{name}.pub"));
        for arguments in [
            &["genpkey", "-algorithm", "ed25519", "-out", &pem][..],
            &["pkey", "-in", &pem, "-pubout", "-out", &public],
        ] {
            let mut openssl = Command::new("openssl");
            let ran = openssl
                .args(arguments)
                .current_dir(self.place.path(""))
                .output();
            assert!(ran.unwrap().status.success(), "{arguments:?}");
        }
        private(&self.place.path(&pem));
    }

    /// Issues a credential into a file; gives its name.
    fn issues<S: AsRef<str>>(&self, issue: &[S]) -> String {
        let issue = issue.iter().map(AsRef::as_ref).chain(["--json"]);
        let issued = self.place.run(issue).json();
        let credential = issued["credential"].as_str().unwrap();
        private(&self.place.write("next", credential));
        issued["id"].as_str().unwrap().to_owned()
    }

    /// Puts it where the clerk looks.
    fn hands_over(&self) {
        std::fs::rename(self.place.path("next"), self.place.path(CREDENTIAL)).unwrap();
    }

    fn renews_certificates(&self, clerk: &mut Worker) {
        for name in ["server", "client", "server", "client"] {
            self.place.run(["cert", "renew", "tls", name]).ok();
            self.reloads();
            clerk.goes_on();
        }
    }

    /// Has the node read everything again.
    fn reloads(&self) {
        self.reloads.set(self.reloads.get() + 1);
        self.node().signal(Signal::HUP);
        until("it was read again", || {
            let log = self.node().log();
            assert!(!log.contains("nothing was changed"), "{log}");
            log.matches("configuration was read again").count() == self.reloads.get()
        });
    }

    /// Those who were refused, by the audit log.
    fn refused(&self) -> usize {
        let log = std::fs::read_to_string(self.place.path("audit.log")).unwrap();
        assert!(log.contains("\"allowed\""), "{log}");
        log.matches("\"denied\"").count()
    }
}

fn private(path: &Path) {
    let only_mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, only_mine).unwrap();
}

/// This program, started to work until its standard input ends.
struct Worker {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Worker {
    #[track_caller]
    fn start(place: &Place, test: &str, address: &str, file: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("turnover::{test}"), "--nocapture"])
            .env(ADDRESS, address)
            .env(FILE, place.path(file))
            .current_dir(place.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut worker = Self { child, said };
        worker.hears(READY);
        worker
    }

    /// Waits until it has done a round that it began later than now, with what its files hold.
    #[track_caller]
    fn goes_on(&mut self) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").unwrap();
        self.hears(MORE);
    }

    #[track_caller]
    fn hears(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            let count = self.said.read_line(&mut line).unwrap();
            assert!(count > 0, "it has ended before it was {what:?}");
        }
    }

    /// Has it end; it has to have had success all the time.
    #[track_caller]
    fn ends(mut self) {
        drop(self.child.stdin.take());
        self.hears(DONE);
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Not a test by itself: a server that takes only what is sealed.
#[tokio::test]
async fn the_vault() {
    let Some((address, file)) = work() else {
        return;
    };
    let ring = KeyRing::open(file).unwrap();
    let server = Server::new().method("double", async |number: u64, _: Context| {
        Ok::<_, CallError>(2 * number)
    });
    let server = server.sealed(&Sealing::new(ring, "vault"));
    let _serving = server.listen(address.as_str()).await.unwrap();
    println!("\n{READY}");
    wishes().recv().await;
    println!("{DONE}");
}

/// Not a test by itself: a client that seals.
#[tokio::test]
async fn the_sealing_clerk() {
    let Some((address, file)) = work() else {
        return;
    };
    let client = Client::connect(address.as_str()).await.unwrap();
    let client = client.sealed(&Sealing::new(KeyRing::open(file).unwrap(), "clerk"));
    println!("\n{READY}");
    let mut wishes = wishes();
    while let Some(wish) = next(&mut wishes).await {
        let mut callers = JoinSet::new();
        (0..8).for_each(|caller| drop(callers.spawn(doubles(client.clone(), 10 * caller))));
        callers.join_all().await;
        wish.then(|| println!("{MORE}"));
    }
    println!("{DONE}");
}

/// Ten calls, one after the other.
async fn doubles(client: Sealed<Client>, first: u64) {
    for number in first..first + 10 {
        let double: u64 = client.send_request("double", &number).await.unwrap();
        assert_eq!(double, 2 * number);
    }
}

/// Not a test by itself: a client that comes again and again, with what its files hold then.
#[tokio::test]
async fn the_clerk() {
    let Some((address, tls)) = work() else {
        return;
    };
    println!("\n{READY}");
    let tls = Path::new(&tls);
    let mut wishes = wishes();
    let mut number = 0;
    while let Some(wish) = next(&mut wishes).await {
        let mut config = ClientConfig::default();
        config.reconnect = None;
        config.session.credential = Some(Credential::file(CREDENTIAL).unwrap());
        config.transport.tls.authorities = vec![tls.join("ca.pem").into()];
        config.transport.tls.certificate = Some(tls.join("client.pem").into());
        config.transport.tls.key = Some(tls.join("client.key").into());
        let client = Client::connect_with(address.as_str(), config, Router::new()).await;
        let client = client.unwrap();
        for _ in 0..20 {
            number += 1;
            let echo: u64 = client.send_request("node.echo", &number).await.unwrap();
            assert_eq!(echo, number);
        }
        client.close(Duration::from_secs(5)).await;
        wish.then(|| println!("{MORE}"));
    }
    println!("{DONE}");
}

/// Where to work, and with what, if this program was started for it.
fn work() -> Option<(String, String)> {
    Some((std::env::var(ADDRESS).ok()?, std::env::var(FILE).ok()?))
}

/// A message for each line of the standard input, until it ends.
fn wishes() -> tokio::sync::mpsc::Receiver<()> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lines();
        lines.all(|line| line.is_ok() && sender.blocking_send(()).is_ok())
    });
    receiver
}

/// Whether something is wished; none at the end.
async fn next(wishes: &mut tokio::sync::mpsc::Receiver<()>) -> Option<bool> {
    tokio::task::yield_now().await;
    match wishes.try_recv() {
        Ok(()) => Some(true),
        Err(tokio::sync::mpsc::error::TryRecvError::Empty) => Some(false),
        Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => None,
    }
}

const CREDENTIAL: &str = "credential";
const ADDRESS: &str = "LINKSPAN_TEST_WORK_ADDRESS";
const FILE: &str = "LINKSPAN_TEST_WORK_FILE";
const READY: &str = "worker: ready";
const MORE: &str = "worker: more";
const DONE: &str = "worker: done";
