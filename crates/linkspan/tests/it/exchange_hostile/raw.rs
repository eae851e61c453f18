//! Peers that speak bytes, whatever they are told.

use std::io;

use linkspan::Address;
use linkspan::exchange::Variant;
use linkspan_test::wait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One end of a connection, in the test's hands.
pub(super) struct Raw {
    stream: Box<dyn Stream>,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Raw {
    pub(super) fn new(stream: impl Stream + 'static) -> Self {
        let stream = Box::new(stream);
        Self { stream }
    }

    pub(super) async fn connect(address: &Address) -> Self {
        loop {
            match wait::within("a connection", Self::try_connect(address)).await {
                Ok(raw) => return raw,
                // The queue of a Unix socket is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{address}: {error}"),
            }
        }
    }

    pub(super) async fn try_connect(address: &Address) -> io::Result<Self> {
        match address {
            #[cfg(unix)]
            Address::Unix(path) => Ok(Self::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(windows)]
            Address::Pipe(name) => Ok(Self::new(pipe(name).await?)),
            Address::Tcp(host) => {
                let stream = TcpStream::connect((host.host.as_str(), host.port)).await?;
                stream.set_nodelay(true)?;
                Ok(Self::new(stream))
            }
            other => panic!("{other} does not carry the test's bytes"),
        }
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends as long as the other side has it.
    pub(super) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        wait::within("a write", self.stream.write_all(bytes)).await
    }

    /// Says that nothing follows. The other side may have closed.
    pub(super) async fn finish(&mut self) {
        self.stream.shutdown().await.ok();
    }

    /// So many bytes.
    pub(super) async fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let reading = self.stream.read_exact(&mut bytes);
        wait::within("bytes", reading).await.unwrap();
        bytes
    }

    /// What there is of so many bytes; nothing more at the end.
    pub(super) async fn receive_some(&mut self, most: usize) {
        let mut bytes = vec![0; most];
        wait::within("bytes", self.stream.read(&mut bytes))
            .await
            .ok();
    }

    /// The message of the next frame; none if the other side has closed.
    pub(super) async fn receive_message(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 8];
        self.stream.read_exact(&mut header).await.ok()?;
        let length = u32::from_le_bytes(*header.first_chunk().unwrap());
        Some(self.receive(usize::try_from(length).unwrap()).await)
    }

    /// What comes until the other side closes, be it by a reset.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let reading = self.stream.read_to_end(&mut bytes);
        wait::within("the end of the connection", reading)
            .await
            .ok();
        bytes
    }

    /// Whether the other side still keeps the connection and has sent nothing more.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        tokio::select! {
            biased;
            _ = self.stream.read(&mut byte) => false,
            () = tokio::task::yield_now() => true,
        }
    }
}

/// A frame, by an encoder of the test's own.
pub(super) fn frame(variant: Variant, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    let header = [length, sum(variant, message)].map(u32::to_le_bytes);
    [&header.concat(), message].concat()
}

/// The same with IEEE's sum.
pub(super) fn ieee(message: &[u8]) -> Vec<u8> {
    frame(Variant::Ieee, message)
}

/// CRC-32, bit by bit.
fn sum(variant: Variant, bytes: &[u8]) -> u32 {
    let polynomial = match variant {
        Variant::Ieee => 0xEDB8_8320,
        _ => 0x82F6_3B78,
    };
    let shift = |sum: u32| (sum >> 1) ^ (polynomial * (sum & 1));
    let add = |sum, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shift(sum));
    !bytes.iter().fold(!0, add)
}

/// Connects to a pipe, as soon as an instance waits.
#[cfg(windows)]
async fn pipe(name: &str) -> io::Result<tokio::net::windows::named_pipe::NamedPipeClient> {
    const ALL_INSTANCES_TAKEN: i32 = 231;
    loop {
        let path = format!(r"\\.\pipe\{name}");
        match tokio::net::windows::named_pipe::ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(ALL_INSTANCES_TAKEN) => {
                tokio::task::yield_now().await;
            }
            result => return result,
        }
    }
}
