//! The server's side of the HTTP request that begins a WebSocket.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tungstenite::Error;
use tungstenite::error::CapacityError;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::header::ORIGIN;

use crate::transport::ws::error::Refusal;
use crate::transport::ws::head::{NoHead, read_head};
use crate::transport::ws::{Role, open};
use crate::transport::{ByteLink, WebSocketConfig, write_all};

/// Who is let in.
#[derive(Debug)]
pub(super) struct Rules {
    path: String,
    origins: Vec<String>,
    limit: Duration,
}

impl Rules {
    pub(super) fn new(path: &str, config: &WebSocketConfig) -> Self {
        Self {
            path: path.to_owned(),
            origins: config.allowed_origins.clone(),
            limit: config.upgrade_timeout,
        }
    }

    fn check(&self, request: &Request) -> Result<(), Refusal> {
        if request.uri().path() != self.path {
            return Err(Refusal::WrongPath {
                asked: request.uri().path().to_owned(),
                served: self.path.clone(),
            });
        }
        // Only browsers send it, and they do so always: a page cannot hide where it comes from.
        for origin in request.headers().get_all(ORIGIN) {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            let is_meant = |allowed: &String| allowed.eq_ignore_ascii_case(&origin);
            if !self.origins.iter().any(is_meant) {
                return Err(Refusal::Origin {
                    origin: origin.into_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Lets a client in, or tells it why not.
pub(super) async fn accept(mut link: ByteLink, rules: Arc<Rules>) -> io::Result<ByteLink> {
    let limit = rules.limit;
    let agreed = tokio::time::timeout(limit, agree(&mut link, &rules)).await;
    match agreed.unwrap_or(Err(Refusal::Slow { limit })) {
        Ok(early) => Ok(open(link, early, Role::Server)),
        Err(refusal) => {
            tokio::time::timeout(LINGER, refuse(link, &refusal))
                .await
                .ok();
            Err(refusal.into())
        }
    }
}

async fn agree(link: &mut ByteLink, rules: &Rules) -> Result<BytesMut, Refusal> {
    let (request, early) = read_head::<Request>(&mut *link.reader).await?;
    let response = create_response(&request).map_err(Refusal::NoUpgrade)?;
    rules.check(&request)?;
    let mut text = Vec::new();
    write_response(&mut text, &response).map_err(Refusal::NoUpgrade)?;
    write_all(&*link.writer, &text).await?;
    Ok(early)
}

/// Answers, and reads what is still to come, without which the system may take the answer back.
async fn refuse(mut link: ByteLink, refusal: &Refusal) {
    let Some(status) = refusal.status() else {
        return;
    };
    let body = format!("{refusal}\n");
    let text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if write_all(&*link.writer, text.as_bytes()).await.is_err() {
        return;
    }
    link.writer.shutdown();
    let mut rest = BytesMut::new();
    for _ in 0..MOST_READS {
        rest.clear();
        rest.reserve(READ_BYTES);
        let read = poll_fn(|cx| link.reader.poll_read(cx, &mut rest, READ_BYTES)).await;
        if read.map_or(true, |count| count == 0) {
            break;
        }
    }
}

impl From<NoHead> for Refusal {
    fn from(no: NoHead) -> Self {
        match no {
            NoHead::Ended => Self::Ended,
            NoHead::TooLong { limit } => Self::LongHead { limit },
            NoHead::Wrong(Error::Capacity(CapacityError::TooManyHeaders)) => Self::LongHead {
                limit: tungstenite::handshake::headers::MAX_HEADERS,
            },
            NoHead::Wrong(error) => Self::NotHttp(error),
            NoHead::Io(error) => Self::Io(error),
        }
    }
}

/// How long a client that is refused is given to read why.
const LINGER: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 4096;
/// So much is read of a client that is refused.
const MOST_READS: usize = 64;
