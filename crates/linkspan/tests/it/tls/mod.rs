//! TLS: who gets in, who does not, and why. What a third party can do on the way is told by
//! `crate::attacks`.
#![expect(clippy::indexing_slicing, reason = "tests fail by panicking")]

mod certificates;
// Windows brings no other TLS that can be called.
#[cfg(unix)]
pub(crate) mod foreign;
mod handshakes;
mod lifetime;

use linkspan::codec::Raw;
use linkspan::rpc::{Client, ClientConfig, ConnectError, Router, ServerConfig, Serving};
use linkspan::transport::{TlsConfig, TlsError};
use linkspan_test::certificates::{Authority, Issued};
use linkspan_test::conformance::serve;
use tokio::net::TcpStream;

/// An authority, and who is signed by it.
pub(crate) struct Scene {
    pub(crate) authority: Authority,
    pub(crate) server: Issued,
    pub(crate) client: Issued,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let authority = Authority::new("authority");
        let server = authority.issue(&["localhost", "127.0.0.1"]);
        let client = authority.issue(&["client-1"]);
        Self {
            authority,
            server,
            client,
        }
    }

    pub(crate) fn server_config(&self) -> TlsConfig {
        self.server.config(&self.authority.pem)
    }

    pub(crate) fn client_config(&self) -> TlsConfig {
        self.client.config(&self.authority.pem)
    }
}

pub(crate) fn settings(tls: TlsConfig) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.transport.tls = tls;
    config
}

/// A server on a port of its own.
pub(crate) async fn listen(tls: TlsConfig) -> Serving {
    serve(&"tls:127.0.0.1:0".parse().unwrap(), settings(tls)).await
}

/// Connects once.
pub(crate) async fn connect(server: &Serving, tls: TlsConfig) -> Result<Client, ConnectError> {
    connect_to(&server.address().to_string(), tls).await
}

pub(crate) async fn connect_to(address: &str, tls: TlsConfig) -> Result<Client, ConnectError> {
    let mut config = ClientConfig::default();
    config.transport.tls = tls;
    config.reconnect = None;
    Client::connect_with(address, config, Router::new()).await
}

/// That a call is answered.
pub(crate) async fn check_alive(client: &Client) {
    let body = Raw("still here".into());
    let answer: Raw = client.send_request("echo", &body).await.unwrap();
    assert_eq!(answer.0, body.0);
}

/// Why TLS did not come about.
#[track_caller]
pub(crate) fn reason(error: &ConnectError) -> &TlsError {
    TlsError::find(error).unwrap_or_else(|| panic!("not an error of TLS: {error:?}"))
}

/// The port's plain connection.
pub(crate) async fn plain(server: &Serving) -> TcpStream {
    let address = server.address().to_string();
    let place = address.split_once(':').unwrap().1;
    TcpStream::connect(place).await.unwrap()
}
