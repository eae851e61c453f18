//! Linkspan's calls over a Unix socket, with bodies that only the two ends can read.

use std::marker::PhantomData;
use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use linkspan::auth::seal::{Algorithm, KeyRing, Sealing};
use linkspan::rpc::{Client, Sealed, Server};
use linkspan_bench_plugin::{Echo, EchoClient, answers, blast_request};

use crate::peer::{Connection, Peer, Place, Ready, verify_echo};
use crate::peers::linkspan::received;

/// What a sealed peer seals with.
pub(crate) trait Cipher: Send + Sync + 'static {
    const NAME: &'static str;
    const ALGORITHM: Algorithm;
}

pub(crate) struct Aes;
pub(crate) struct ChaCha;

impl Cipher for Aes {
    const NAME: &'static str = "linkspan-sealed";
    const ALGORITHM: Algorithm = Algorithm::Aes256Gcm;
}

impl Cipher for ChaCha {
    const NAME: &'static str = "linkspan-sealed-chacha";
    const ALGORITHM: Algorithm = Algorithm::ChaCha20Poly1305;
}

pub(crate) struct LinkspanSealed<C>(PhantomData<C>);

impl<C: Cipher> Peer for LinkspanSealed<C> {
    const NAME: &'static str = C::NAME;
    type Connection = Session;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let ring = KeyRing::create(place.directory().join(RING), C::ALGORITHM)?;
        let serving = Server::new()
            .service(answers())
            .sealed(&Sealing::new(ring, "server"))
            .listen(format!("unix:{}", place.socket()).as_str())
            .await?;
        ready.listening(serving.address().to_string())?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }

    async fn connect(address: String) -> Result<Session> {
        let path = address.trim_start_matches("unix:");
        let place = Path::new(path)
            .parent()
            .context("a socket without a place")?;
        let ring = KeyRing::open(place.join(RING))?;
        let client = Client::connect(address.as_str()).await?;
        let client = client.sealed(&Sealing::new(ring, "client"));
        Ok(Session {
            typed: EchoClient::new(client.clone()),
            client,
        })
    }
}

#[derive(Clone)]
pub(crate) struct Session {
    typed: EchoClient<Sealed<Client>>,
    client: Sealed<Client>,
}

impl Connection for Session {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let reply = self.typed.echo(body.clone()).await?;
        verify_echo(&body, &reply)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let request = blast_request(chunks, chunk_bytes);
        received(self.client.call(request).await?).await
    }
}

/// The key ring, beside the socket.
const RING: &str = "ring";
