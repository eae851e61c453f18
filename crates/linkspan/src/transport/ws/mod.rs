//! `ws:`: WebSocket (RFC 6455) as a stream of bytes, on TCP.
//!
//! ```text
//! HTTP upgrade ──► Deframer ──► bytes ──► whoever reads the link
//!                     │ pings, close
//!                     ▼
//! socket ◄───────── Sending ◄── bytes ◄── whoever writes it
//! ```
//!
//! What is sent are binary messages, and where one ends means nothing: a frame of the protocol above
//! may span several, or share one. So nothing of a message is kept until it is whole, no message is
//! too long, and an idle connection has no buffer. The HTTP request, headers of frames and codes of
//! closing are `tungstenite`'s; the payload passes through here, for its own client and server keep
//! whole messages.

mod client;
mod deframer;
mod error;
mod head;
mod mask;
mod reader;
mod sending;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use bytes::BytesMut;

use crate::Address;
use crate::transport::backend::Origin;
use crate::transport::layer::{Layer, Layered, Opening};
use crate::transport::ws::reader::Reader;
use crate::transport::ws::sending::{Sending, Writer};
use crate::transport::ws::server::Rules;
use crate::transport::{ByteLink, Config};

/// What an address stands on, if it is one of WebSocket.
pub(super) fn layered(
    address: &Address,
    _: &Address,
    config: &Config,
    origin: Origin,
) -> io::Result<Option<Layered>> {
    let (place, base) = match address {
        Address::Ws(place) => (place, Address::Tcp(place.host.clone())),
        Address::Wss(place) => (place, Address::Tls(place.host.clone())),
        _ => return Ok(None),
    };
    Ok(Some(Layered {
        base,
        may_leave: config.web_socket.allow_plaintext,
        layer: Arc::new(WebSocket {
            scheme: address.scheme(),
            host: place.host.to_string(),
            path: place.path.clone(),
            rules: Arc::new(Rules::new(&place.path, &config.web_socket)),
            origin,
        }),
    }))
}

/// One end of WebSocket at one address.
#[derive(Debug)]
struct WebSocket {
    scheme: &'static str,
    host: String,
    path: String,
    rules: Arc<Rules>,
    origin: Origin,
}

impl Layer for WebSocket {
    fn open(&self, mut link: ByteLink) -> Opening {
        link.peer.transport = self.scheme;
        match self.origin {
            Origin::Accepted => Box::pin(server::accept(link, Arc::clone(&self.rules))),
            Origin::Dialed => Box::pin(client::dial(link, self.host.clone(), self.path.clone())),
        }
    }
}

/// Which end of a connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// The connection of which both have agreed by HTTP; `early` came with that.
fn open(link: ByteLink, early: BytesMut, role: Role) -> ByteLink {
    let sending = Arc::new(Sending::new(link.writer, role));
    let reader = Reader::new(link.reader, early, role, Arc::clone(&sending));
    ByteLink {
        reader: Box::new(reader),
        writer: Box::new(Writer(sending)),
        peer: link.peer,
    }
}
