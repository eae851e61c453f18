//! `WebSockets` of another make: what they say goes over the wire of none of our code.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use linkspan::HostPath;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The bytes of a WebSocket's messages.
#[derive(Debug)]
pub struct WebSocket {
    socket: WebSocketStream<TcpStream>,
    read: Bytes,
    is_unsent: bool,
}

/// Connects to a server.
pub async fn connect(place: &HostPath) -> io::Result<WebSocket> {
    let stream = TcpStream::connect((place.host.host.as_str(), place.host.port)).await?;
    stream.set_nodelay(true)?;
    let url = format!("ws://{place}");
    let (socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .map_err(io::Error::other)?;
    Ok(WebSocket::new(socket))
}

impl WebSocket {
    /// The bytes of a connection that there is.
    pub fn new(socket: WebSocketStream<TcpStream>) -> Self {
        Self {
            socket,
            read: Bytes::new(),
            is_unsent: false,
        }
    }

    /// Has what was written leave, as far as that goes now.
    fn push(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.is_unsent {
            let sent = Pin::new(&mut self.socket).poll_flush(cx);
            self.is_unsent = sent.is_pending();
            if let Poll::Ready(sent) = sent {
                sent.map_err(failure)?;
            }
        }
        Ok(())
    }
}

impl AsyncRead for WebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.push(cx).ok();
        while self.read.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.read = bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(text))) => panic!("the server sent a text: {text}"),
                Some(Err(Error::Io(error))) => return Poll::Ready(Err(error)),
                Some(Ok(Message::Close(_) | Message::Frame(_)) | Err(_)) | None => {
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let count = buffer.remaining().min(self.read.len());
        buffer.put_slice(self.read.get(..count).unwrap_or_default());
        self.read.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(failure)?;
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        Pin::new(&mut self.socket)
            .start_send(message)
            .map_err(failure)?;
        self.is_unsent = true;
        self.push(cx)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(failure)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx).map_err(failure)
    }
}

fn failure(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
