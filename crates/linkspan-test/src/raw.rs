//! A client that speaks bytes.

use std::io;

use bytes::{Buf, BytesMut};
use linkspan::Address;
use proto::frame::{Checksum, Flags, Frame, Segments};
use proto::message::Message;
use proto::session::{Agreement, Handshake};
use proto::{Config, Decoder, Role, StreamId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::certificates;

/// A byte stream to a server under test.
pub struct RawClient {
    stream: Box<dyn Stream>,
    input: BytesMut,
    next_id: u64,
    agreement: Option<Agreement>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl RawClient {
    /// Connects, and says nothing.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match address {
            #[cfg(unix)]
            Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            #[cfg(windows)]
            Address::Pipe(name) => Box::new(connect_pipe(name).await?),
            Address::Tcp(host) => {
                Box::new(TcpStream::connect((host.host.as_str(), host.port)).await?)
            }
            #[cfg(unix)]
            Address::UnixTls(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Box::new(certificates::connect(stream, "localhost").await?)
            }
            Address::Tls(host) => {
                let stream = TcpStream::connect((host.host.as_str(), host.port)).await?;
                Box::new(certificates::connect(stream, &host.host).await?)
            }
            Address::Ws(place) => Box::new(crate::websocket::connect(place).await?),
            other => panic!("{other} does not carry bytes"),
        };
        Ok(Self {
            stream,
            input: BytesMut::new(),
            next_id: 2,
            agreement: None,
        })
    }

    /// Connects and does the handshake properly.
    pub async fn open(address: &Address) -> io::Result<Self> {
        Self::open_with(address, Config::default()).await
    }

    /// Connects and does the handshake properly, with settings.
    pub async fn open_with(address: &Address, config: Config) -> io::Result<Self> {
        let mut client = Self::connect(address).await?;
        let mut handshake = Handshake::new(Role::Client, config, [7; 32]);
        let offer = handshake.poll_transmit().expect("a client offers at once");
        let mut segments = Segments::new();
        Handshake::encode(&offer, &mut segments);
        client
            .send_bytes(&segments.copy_to_bytes(segments.remaining()))
            .await?;
        let mut decoder = Decoder::handshake();
        let choice = client
            .receive_by(&mut decoder)
            .await?
            .expect("the server answers");
        let agreement = handshake.handle_frame(choice).expect("the server agrees");
        client.agreement = Some(agreement.expect("the choice is the last step"));
        Ok(client)
    }

    /// Sends bytes as they are.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a message with the next number.
    pub async fn send(&mut self, stream: u64, flags: Flags, message: Message) -> io::Result<()> {
        let frame = Frame::new(self.next_id, StreamId::new(stream), flags, message);
        self.next_id += 1;
        let mut segments = Segments::new();
        frame.encode(1, self.checksum(), &mut segments);
        self.send_bytes(&segments.copy_to_bytes(segments.remaining()))
            .await
    }

    /// The next frame; none at the end of the connection.
    pub async fn receive(&mut self) -> io::Result<Option<Frame>> {
        let mut decoder = match &self.agreement {
            Some(agreement) => agreement.decoder(),
            None => Decoder::handshake(),
        };
        self.receive_by(&mut decoder).await
    }

    /// Frames up to the end of the connection.
    pub async fn receive_to_end(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = self.receive().await {
            frames.push(frame);
        }
        frames
    }

    /// Tells the server that nothing follows.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    async fn receive_by(&mut self, decoder: &mut Decoder) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = decoder.decode(&mut self.input).expect("frames") {
                return Ok(Some(frame));
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn checksum(&self) -> Checksum {
        self.agreement
            .as_ref()
            .map_or(Checksum::Crc32, |agreement| agreement.checksum)
    }
}

/// Connects to a pipe, and waits while none of its instances is free.
#[cfg(windows)]
pub async fn connect_pipe(
    name: &str,
) -> io::Result<tokio::net::windows::named_pipe::NamedPipeClient> {
    use tokio::net::windows::named_pipe::ClientOptions;

    const ERROR_PIPE_BUSY: i32 = 231;
    let path = format!(r"\\.\pipe\{name}");
    let connecting = async {
        loop {
            match ClientOptions::new().open(&path) {
                Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) => {}
                result => break result,
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    crate::wait::within("an instance of the pipe", connecting).await
}

impl std::fmt::Debug for RawClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RawClient")
    }
}
