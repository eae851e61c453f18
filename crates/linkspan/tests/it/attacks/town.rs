//! A server with all that there is to attack.

use linkspan::auth::policy::{Guard, Policy, Role, Roles};
use linkspan::auth::{
    ApiKeys, AuditRecord, Authentication, Certificates, Credential, Decision, SecretKey,
};
use linkspan::bus::{self, Broker, Delivery, Embedded, Inbox, Subscription};
use linkspan::rpc::{
    CallError, Client, ClientConfig, ConnectError, Context, Router, Server, ServerConfig, Serving,
};
use linkspan::transport::{TlsConfig, TlsVersion};
use linkspan::{Address, HostPort};
use linkspan_test::certificates::{Authority, Issued};
use linkspan_test::wait::within;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::audit_lines::AuditLines;
use crate::bystander::Bystander;
use crate::security::patient;
use crate::support::{LOCAL, address};

/// What `eve` may do, who has a certificate like everybody.
const RIGHTS: [&str; 4] = [
    "rpc.call:open.?",
    "bus.publish:eve/#",
    "bus.subscribe:news/+",
    "bus.send:eve",
];

/// What every client of a bus needs that is part of a server.
const BUS: &str = "rpc.call:bus.*";

/// A server, with `ada` on it, who may do everything, and `eve`, who may not.
pub(super) struct Town {
    pub(super) lines: AuditLines,
    pub(super) authority: Authority,
    pub(super) eve: Issued,
    ada: Issued,
    /// A key of Ada's.
    pub(super) key: SecretKey,
    pub(super) guard: Guard,
    serving: Serving,
    plain: Address,
    local: Address,
    broker: Embedded,
    others: Mutex<(Bystander, Reader)>,
    _directory: TempDir,
}

impl Town {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// One that speaks TLS 1.2, too.
    pub(super) async fn older() -> Self {
        Self::with(|config| config.transport.tls.min_version = TlsVersion::Tls12).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let lines = AuditLines::default();
        let authority = Authority::new("the town's");
        let [ada, eve] = ["ada", "eve"].map(|name| authority.issue(&[name]));
        let keys = ApiKeys::new([]).unwrap();
        let key = keys.issue("ada", Vec::new(), None).unwrap();
        let guard = guard(policy(&RIGHTS), &lines);
        let broker = Broker::new().guard(guard.clone()).embed().unwrap();
        let mut config = ServerConfig::default();
        let server = authority.issue(&["localhost", "127.0.0.1"]);
        config.transport.tls = server.config(&authority.pem);
        // Everybody gets as far as to be asked who it is.
        config.transport.unix_socket.file_permissions = 0o666;
        let mut known = patient().with(keys).with(Certificates::default());
        known.audit = Some(lines.audit());
        config.session.authentication = Some(Authentication::new(known));
        change(&mut config);
        let server = Server::new()
            .config(config)
            .guard(guard.clone())
            .service(Bystander::methods())
            .service(broker.router())
            .service(houses());
        let directory = open_directory();
        let mut serving = server.listen("tls:127.0.0.1:0").await.unwrap();
        let plain = serving.also("tcp:127.0.0.1:0").await.unwrap();
        let local = serving.also(address(LOCAL, &directory)).await.unwrap();
        let tls = ada.config(&authority.pem);
        let others = others(serving.address(), tls).await;
        Self {
            lines,
            authority,
            eve,
            ada,
            key,
            guard,
            serving,
            plain,
            local,
            broker,
            others: Mutex::new(others),
            _directory: directory,
        }
    }

    /// Where it speaks TLS.
    pub(super) fn address(&self) -> &Address {
        self.serving.address()
    }

    /// Host and port of that.
    pub(super) fn place(&self) -> String {
        place(self.address())
    }

    /// Where it does not.
    pub(super) fn plain(&self) -> &Address {
        &self.plain
    }

    /// Its local socket.
    pub(super) fn local(&self) -> &Address {
        &self.local
    }

    pub(super) fn tls_of_ada(&self) -> TlsConfig {
        self.ada.config(&self.authority.pem)
    }

    pub(super) fn tls_of_eve(&self) -> TlsConfig {
        self.eve.config(&self.authority.pem)
    }

    /// Eve's connection.
    pub(super) async fn eve(&self) -> Client {
        let client = connect(self.address(), self.tls_of_eve(), None).await;
        client.unwrap()
    }

    /// Eve on the bus.
    pub(super) async fn eve_on_the_bus(&self) -> bus::Client {
        let joined = join(self.address(), "eve", self.tls_of_eve()).await;
        joined.unwrap()
    }

    /// Finds Ada's calls, streams, messages and topics as they would be without any attack.
    pub(super) async fn others_are_undisturbed(&self, attack: &str) {
        let (bystander, reader) = &mut *self.others.lock().await;
        bystander.is_undisturbed(attack).await;
        reader.is_undisturbed(attack).await;
    }

    /// What the listener of TLS has last seen go wrong.
    pub(super) fn last_error(&self) -> String {
        let (_, health) = self.serving.health().next().unwrap();
        health
            .last_error
            .map(|error| error.message)
            .unwrap_or_default()
    }

    pub(super) fn denied_by_broker(&self) -> u64 {
        self.broker.stats().denied
    }
}

/// Policies in which Ada may do everything, and Eve what `rights` say.
pub(super) fn policy(rights: &[&str]) -> Policy {
    let role = |rights: &[&str], member: &str| {
        let rights = rights.iter().map(|right| right.parse().unwrap());
        Role::new(rights).with_members([member])
    };
    let roles = Roles::new()
        .with("citizen", role(&[rights, &[BUS]].concat(), "cert:eve"))
        .with("mayor", role(&["*"], "cert:ada"));
    Policy::new(roles).without_owner()
}

/// A guard that writes down what it denies, as that of a node does.
pub(super) fn guard(policy: Policy, lines: &AuditLines) -> Guard {
    let audit = lines.audit();
    Guard::new(policy).on_denial(move |principal, access, decision| {
        let mut record = AuditRecord::new(access.action.as_str(), Decision::Denied);
        record.resource = access.resource;
        record.principal = &principal.name;
        record.reason = decision.rule.name();
        audit.record(&record);
    })
}

fn houses() -> Router {
    let router = Router::new()
        .method("open.door", async |text: String, _: Context| {
            Ok::<_, CallError>(text)
        })
        .method("vault.open", async |(): (), context: Context| {
            Ok::<_, CallError>(format!("gold for {}", context.principal().name))
        });
    router.on_event("vault/alarm", async |(): (), _: Context| {
        panic!("somebody rings");
    })
}

/// A directory in which everybody finds the socket.
fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(directory.path(), open).unwrap();
    }
    directory
}

pub(super) fn place(address: &Address) -> String {
    let text = address.to_string();
    text.split_once(':').unwrap().1.to_owned()
}

/// An error with what is behind it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The address of TLS at a port of this machine.
pub(super) fn tls_at(port: u16) -> Address {
    Address::Tls(HostPort::new("127.0.0.1", port))
}

/// Connects once.
pub(super) async fn connect(
    address: &Address,
    tls: TlsConfig,
    credential: Option<Credential>,
) -> Result<Client, ConnectError> {
    let mut config = ClientConfig::default();
    config.transport.tls = tls;
    config.session.credential = credential;
    config.reconnect = None;
    Client::connect_with(address, config, Router::new()).await
}

pub(super) async fn join(
    address: &Address,
    name: &str,
    tls: TlsConfig,
) -> Result<bus::Client, bus::ConnectError> {
    let mut config = bus::ClientConfig::default();
    config.transport.tls = tls;
    bus::Client::connect_with(address, name, config).await
}

async fn others(address: &Address, tls: TlsConfig) -> (Bystander, Reader) {
    let client = connect(address, tls.clone(), None).await.unwrap();
    let bystander = Bystander::of(client).await;
    (bystander, Reader::new(address, tls).await)
}

/// Somebody on the bus who reads everything that there is.
struct Reader {
    client: bus::Client,
    all: Subscription,
    inbox: Inbox,
    beats: u64,
}

impl Reader {
    async fn new(address: &Address, tls: TlsConfig) -> Self {
        let client = join(address, "ada", tls).await.unwrap();
        let all = client.subscribe("#").await.unwrap();
        Self {
            inbox: client.inbox(),
            client,
            all,
            beats: 0,
        }
    }

    /// What comes next is what it says itself: nothing of an attack came before.
    async fn is_undisturbed(&mut self, attack: &str) {
        self.beats += 1;
        let published = self.client.publish("ada/beat", &self.beats).await;
        assert_eq!(published, Ok(Delivery::Delivered), "{attack}");
        let heard = loop {
            let heard = within(attack, self.all.next()).await.unwrap().unwrap();
            // The broker says who comes and goes, as ever.
            if heard.sender() != ".broker" {
                break heard;
            }
        };
        assert_eq!(heard.topic(), "ada/beat", "{attack}");
        assert_eq!(heard.decode(), Ok(self.beats), "{attack}");
        assert_eq!(heard.gap(), None, "{attack}");
        let sent = self.client.send("ada", &self.beats).await;
        assert_eq!(sent, Ok(Delivery::Delivered), "{attack}");
        let heard = within(attack, self.inbox.next()).await.unwrap();
        assert_eq!(heard.decode(), Ok(self.beats), "{attack}");
    }
}
