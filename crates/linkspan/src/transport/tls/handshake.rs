//! The handshake of TLS over a link.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::Connection;
use rustls::pki_types::CertificateDer;

use crate::transport::peer::ChannelBinding;
use crate::transport::tls::TlsError;
use crate::transport::tls::channel::{Channel, Sink};
use crate::transport::tls::failure::failure;
use crate::transport::tls::identity::identity;
use crate::transport::tls::profile::Profile;
use crate::transport::tls::reader::{Reader, decrypt};
use crate::transport::tls::writer::Writer;
use crate::transport::{ByteLink, Peer};

/// What holds for connections besides what they begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// What a link is called.
    pub(super) scheme: &'static str,
    /// Time for the handshake, unless the caller limits it.
    pub(super) limit: Option<Duration>,
    /// Bytes for which keys are used.
    pub(super) refresh_bytes: u64,
    /// Time for which keys are used.
    pub(super) refresh_interval: Duration,
}

/// Agrees with the peer of a link on TLS.
pub(super) async fn open(
    mut link: ByteLink,
    profile: &Profile,
    terms: Terms,
) -> Result<ByteLink, TlsError> {
    let mut connection = profile.connection()?;
    let mut input = BytesMut::new();
    let agreed = match terms.limit {
        None => agree(&mut connection, &mut link, &mut input).await,
        Some(limit) => {
            let agreeing = agree(&mut connection, &mut link, &mut input);
            let agreed = tokio::time::timeout(limit, agreeing).await;
            agreed.unwrap_or(Err(TlsError::Silent { limit }))
        }
    };
    match agreed.and_then(|()| known(&connection, link.peer.clone(), terms)) {
        Ok(peer) => {
            let channel = Arc::new(Channel::new(connection, link.writer, terms));
            Ok(ByteLink {
                reader: Box::new(Reader::new(Arc::clone(&channel), link.reader, input)),
                writer: Box::new(Writer(channel)),
                peer,
            })
        }
        Err(error) => {
            let leave = leave(&mut connection, &mut link, terms.limit.is_some());
            tokio::time::timeout(LEAVING, leave).await.ok();
            Err(error)
        }
    }
}

/// Goes through the handshake; what of `input` came after it is left there.
async fn agree(
    connection: &mut Connection,
    link: &mut ByteLink,
    input: &mut BytesMut,
) -> Result<(), TlsError> {
    loop {
        send(connection, link).await.map_err(TlsError::Io)?;
        if !connection.is_handshaking() {
            return Ok(());
        }
        if receive(link, input).await.map_err(TlsError::Io)? == 0 {
            return Err(TlsError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        while !input.is_empty() && connection.is_handshaking() {
            decrypt(connection, input)?;
        }
    }
}

/// What is known of the peer now.
fn known(connection: &Connection, mut peer: Peer, terms: Terms) -> Result<Peer, TlsError> {
    peer.transport = terms.scheme;
    let presented = connection.peer_certificates().and_then(<[_]>::first);
    let identity = |der: &CertificateDer<'_>| identity(der).map(Arc::new);
    peer.certificate = presented.map(identity).transpose()?;
    let binding = connection
        .export_keying_material([0; 32], ChannelBinding::LABEL, None)
        .map_err(failure)?;
    peer.channel = Some(ChannelBinding(binding));
    Ok(peer)
}

/// Tells the peer why this side goes. Who was accepted has time to hear it: to close while
/// something of it is unread would take that back.
async fn leave(connection: &mut Connection, link: &mut ByteLink, is_patient: bool) {
    if send(connection, link).await.is_err() {
        return;
    }
    link.writer.shutdown();
    let mut rest = BytesMut::new();
    while is_patient && receive(link, &mut rest).await.is_ok_and(|count| count > 0) {
        rest.clear();
    }
}

async fn send(connection: &mut Connection, link: &ByteLink) -> io::Result<()> {
    while connection.wants_write() {
        match connection.write_tls(&mut Sink(&*link.writer)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| link.writer.poll_write_ready(cx)).await?;
            }
            written => drop(written?),
        }
    }
    Ok(())
}

async fn receive(link: &mut ByteLink, input: &mut BytesMut) -> io::Result<usize> {
    input.reserve(READ_BYTES);
    poll_fn(|cx| link.reader.poll_read(cx, input, READ_BYTES)).await
}

const READ_BYTES: usize = 4096;
/// Time in which a refused peer may hear why.
const LEAVING: Duration = Duration::from_secs(1);
