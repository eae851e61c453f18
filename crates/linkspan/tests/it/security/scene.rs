//! A server that wants to know who its clients are, and what it writes down about them.

use std::time::{Duration, SystemTime};

use bytes::Buf;
use linkspan::auth::{self, Authentication, Credential};
use linkspan::rpc::{
    CallError, Client, ClientConfig, ConnectError, Context, Router, Server, Serving,
};
use linkspan::{Address, Code};
use linkspan_test::raw::RawClient;
use linkspan_test::wait::within;
use proto::frame::{Flags, Frame, Segments};
use proto::message::{self, Failure, Message, Proof};
use proto::session::{Handshake, Transcript};
use proto::{Config, Role, StreamId};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::audit_lines::AuditLines;
use crate::bystander::Bystander;
use crate::support::address;

pub(super) struct Scene {
    pub(super) serving: Serving,
    pub(super) authentication: Authentication,
    lines: AuditLines,
    /// Somebody within this process, whom the kernel names, or nobody where that is not believed.
    bystander: Option<Mutex<Bystander>>,
    _directory: TempDir,
}

impl Scene {
    /// A server whose method `whoami` tells clients their names.
    pub(super) async fn new(scheme: &str, mut config: auth::Config) -> Self {
        let lines = AuditLines::default();
        config.audit = Some(lines.audit());
        let authentication = Authentication::new(config);
        let directory = tempfile::tempdir().unwrap();
        let mut serving = Server::new()
            .authentication(authentication.clone())
            .service(Bystander::methods())
            .method("whoami", async |(): (), context: Context| {
                Ok::<_, CallError>(context.principal().name)
            })
            .listen(&address(scheme, &directory))
            .await
            .unwrap();
        let within = serving.also(&address("mem", &directory)).await.unwrap();
        let bystander = match connect(&within, None).await {
            Ok(client) => Some(Mutex::new(Bystander::of(client).await)),
            Err(_) => None,
        };
        Self {
            serving,
            authentication,
            lines,
            bystander,
            _directory: directory,
        }
    }

    /// Nobody else notices anything of what was tried.
    pub(super) async fn others_are_undisturbed(&self, attack: &str) {
        let bystander = self.bystander.as_ref().expect("somebody who was let in");
        bystander.lock().await.is_undisturbed(attack).await;
    }

    pub(super) fn address(&self) -> &Address {
        self.serving.address()
    }

    pub(super) async fn connect(&self, credential: Credential) -> Result<Client, ConnectError> {
        connect(self.address(), Some(credential)).await
    }

    pub(super) async fn name_of(&self, credential: Credential) -> String {
        whoami(&self.connect(credential).await.unwrap()).await
    }

    /// Opens a session with frames of our own making, up to the proof; gives the frame that answers
    /// it, as it went over the wire.
    pub(super) async fn attempt(
        &self,
        method: &str,
        prove: impl FnOnce(&Transcript) -> Proof,
    ) -> Vec<u8> {
        let (mut client, mut handshake) = self.challenged(method).await;
        let (_, transcript) = handshake.challenge().expect("the server asks");
        let proof = prove(transcript);
        handshake.prove(proof);
        send(&mut client, &handshake.poll_transmit().unwrap()).await;
        let answer = within("the answer", client.receive()).await.unwrap();
        encode(&answer.expect("an answer before the end"))
    }

    /// A client that was asked to prove who it is.
    pub(super) async fn challenged(&self, method: &str) -> (RawClient, Handshake) {
        let mut client = RawClient::connect(self.address()).await.unwrap();
        let mut config = Config::default();
        config.auth = vec![method.to_owned()];
        let mut handshake = Handshake::new(Role::Client, config, os_random());
        send(&mut client, &handshake.poll_transmit().unwrap()).await;
        let choice = within("the choice", client.receive()).await.unwrap();
        assert!(handshake.handle_frame(choice.unwrap()).unwrap().is_none());
        (client, handshake)
    }

    /// The last line of the audit log.
    pub(super) fn last(&self) -> Value {
        self.lines.last()
    }

    pub(super) fn all_lines(&self) -> String {
        self.lines.text()
    }

    /// Waits until something was written down for that reason.
    pub(super) async fn noted(&self, action: &str, reason: &str) {
        self.lines.noted(0, action, reason).await;
    }
}

pub(super) async fn connect(
    address: &Address,
    credential: Option<Credential>,
) -> Result<Client, ConnectError> {
    let mut config = ClientConfig::default();
    config.session.credential = credential;
    config.reconnect = None;
    within(
        "a session",
        Client::connect_with(address, config, Router::new()),
    )
    .await
}

pub(super) async fn whoami(client: &Client) -> String {
    let connection = client.connection().expect("a connection");
    connection.send_request("whoami", &()).await.unwrap()
}

/// Settings for tests that fail often: nobody is slowed down.
pub(crate) fn patient() -> auth::Config {
    let mut config = auth::Config::default();
    config.slowdown.free_failures = u32::MAX;
    config
}

pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

pub(super) fn os_random() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

pub(super) async fn send(client: &mut RawClient, frame: &Frame) {
    client.send_bytes(&encode(frame)).await.unwrap();
}

pub(super) fn encode(frame: &Frame) -> Vec<u8> {
    let mut segments = Segments::new();
    Handshake::encode(frame, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}

/// A step of the opening as a frame.
pub(super) fn step(id: u64, step: message::Handshake) -> Frame {
    let message = Message::Handshake(Box::new(step));
    Frame::new(id, StreamId::CONNECTION, Flags::NONE, message)
}

/// What everybody is told whose proof is not believed, whatever was wrong: the server's second frame.
pub(super) fn denied() -> Vec<u8> {
    refused(Code::DENIED, "the client is not authenticated")
}

/// What is told those whose credential was right and has expired.
pub(super) fn expired() -> Vec<u8> {
    refused(Code::EXPIRED, "the credential has expired")
}

fn refused(code: Code, text: &str) -> Vec<u8> {
    let failure = Failure::new(linkspan::Category::Authentication, code, text);
    let message = Message::Error(Box::new(failure));
    encode(&Frame::new(2, StreamId::CONNECTION, Flags::NONE, message))
}

/// The server's refusal, as a client sees it.
pub(super) fn refusal(error: &ConnectError) -> &Failure {
    error.refusal().unwrap_or_else(|| panic!("{error:?}"))
}

pub(super) const SOON: Duration = Duration::from_millis(300);
