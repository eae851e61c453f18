//! The client's side of the HTTP request that begins a WebSocket.

use std::io;

use bytes::BytesMut;
use tungstenite::Error;
use tungstenite::handshake::client::{Request, Response, generate_key, generate_request};
use tungstenite::handshake::derive_accept_key;
use tungstenite::http::StatusCode;
use tungstenite::http::header::{
    CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};

use crate::transport::ws::error::Unfit;
use crate::transport::ws::head::{NoHead, read_head};
use crate::transport::ws::{Role, open};
use crate::transport::{ByteLink, write_all};

/// Asks a server for a WebSocket.
pub(super) async fn dial(mut link: ByteLink, host: String, path: String) -> io::Result<ByteLink> {
    let early = ask(&mut link, &host, &path).await?;
    Ok(open(link, early, Role::Client))
}

async fn ask(link: &mut ByteLink, host: &str, path: &str) -> Result<BytesMut, Unfit> {
    let request = Request::get(path)
        .header(HOST, host)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .body(())
        .map_err(|error| Unfit::Request(error.into()))?;
    let (text, key) = generate_request(request).map_err(Unfit::Request)?;
    write_all(&*link.writer, &text).await?;
    let (response, early) = read_head::<Response>(&mut *link.reader).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Unfit::Refused {
            status: response.status().to_string(),
            said: first_line(&early),
        });
    }
    check(&response, &derive_accept_key(key.as_bytes()))?;
    Ok(early)
}

fn check(response: &Response, accept: &str) -> Result<(), Unfit> {
    let value = |name: &HeaderName| response.headers().get(name)?.to_str().ok();
    let is = |name, expected: &str| {
        value(&name).is_some_and(|value| value.eq_ignore_ascii_case(expected))
    };
    let wrong = if !is(UPGRADE, "websocket") {
        "Upgrade"
    } else if !is(CONNECTION, "upgrade") {
        "Connection"
    } else if value(&SEC_WEBSOCKET_ACCEPT) != Some(accept) {
        "Sec-WebSocket-Accept"
    } else if response.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        "Sec-WebSocket-Extensions"
    } else if response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
        "Sec-WebSocket-Protocol"
    } else {
        return Ok(());
    };
    Err(Unfit::Header { header: wrong })
}

/// What a server says besides its status, as far as it came and is fit to be shown.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default();
    let shown = line.chars().filter(|c| !c.is_control());
    shown.take(MOST_SHOWN).collect()
}

impl From<NoHead> for Unfit {
    fn from(no: NoHead) -> Self {
        match no {
            NoHead::Ended => Self::Ended,
            NoHead::TooLong { limit } => Self::LongHead { limit },
            NoHead::Wrong(Error::Io(error)) | NoHead::Io(error) => Self::Io(error),
            NoHead::Wrong(error) => Self::NotHttp(error),
        }
    }
}

const MOST_SHOWN: usize = 200;
