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

use std::sync::Arc;

use bytes::BytesMut;

use crate::Address;
use crate::transport::layer::{Layer, Layered, Opening};
use crate::transport::ws::reader::Reader;
use crate::transport::ws::sending::{Sending, Writer};
use crate::transport::ws::server::Rules;
use crate::transport::{ByteLink, Config};

/// How an address is made up, if it is one of WebSocket.
pub(super) fn layered(address: &Address, config: &Config) -> Option<Layered> {
    let Address::Ws(place) = address else {
        return None;
    };
    Some(Layered {
        base: Address::Tcp(place.host.clone()),
        may_leave: config.web_socket.allow_plaintext,
        layer: Arc::new(WebSocket {
            host: place.host.to_string(),
            path: place.path.clone(),
            rules: Arc::new(Rules::new(&place.path, &config.web_socket)),
        }),
    })
}

/// WebSocket at one address.
#[derive(Debug)]
struct WebSocket {
    host: String,
    path: String,
    rules: Arc<Rules>,
}

impl Layer for WebSocket {
    fn accept(&self, link: ByteLink) -> Opening {
        Box::pin(server::accept(link, Arc::clone(&self.rules)))
    }

    fn dial(&self, link: ByteLink) -> Opening {
        Box::pin(client::dial(link, self.host.clone(), self.path.clone()))
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
    let mut peer = link.peer;
    peer.transport = "ws";
    ByteLink {
        reader: Box::new(reader),
        writer: Box::new(Writer(sending)),
        peer,
    }
}
