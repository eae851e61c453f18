//! Clients of BUS/RT that are bytes and nothing else: they share no code with the broker.

use std::collections::VecDeque;

use linkspan::Address;
use linkspan_test::wait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that says what it is told to.
pub(crate) struct Raw {
    stream: Box<dyn Stream>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a broker sends after the opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Ping,
    Ack {
        id: u32,
        status: u8,
    },
    Delivery {
        kind: u8,
        is_realtime: u8,
        body: Vec<u8>,
    },
}

impl Raw {
    pub(crate) async fn connect(address: &Address) -> Self {
        let stream: Box<dyn Stream> = match address {
            #[cfg(unix)]
            Address::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await.unwrap()),
            #[cfg(windows)]
            Address::Pipe(name) => Box::new(linkspan_test::raw::connect_pipe(name).await.unwrap()),
            Address::Tcp(host) => {
                let stream = TcpStream::connect((host.host.as_str(), host.port)).await;
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                Box::new(stream)
            }
            Address::Ws(place) => Box::new(linkspan_test::websocket::connect(place).await.unwrap()),
            other => panic!("{other} does not carry bytes"),
        };
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        wait::within("the broker to take bytes", self.stream.write_all(bytes)).await
    }

    /// Sends bytes however long it takes.
    pub(crate) async fn pour(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(crate) async fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.stream.read_exact(&mut bytes);
        wait::within("bytes of the broker", read).await.unwrap();
        bytes
    }

    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        assert_eq!(hex(&self.read(bytes.len()).await), hex(bytes));
    }

    /// Expects that the connection ends without a further byte.
    pub(crate) async fn expect_end(&mut self) {
        let rest = self.rest().await;
        assert_eq!(hex(&rest), "", "before the end");
    }

    /// All that comes until the connection ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // It may end with a reset where it was not read to its end.
        let read = self.stream.read_to_end(&mut rest);
        wait::within("the end of the connection", read).await.ok();
        rest
    }

    /// The next frame; none at the end.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        let mut header = [0; 6];
        let read = self.stream.read_exact(&mut header);
        wait::within("a frame of the broker", read).await.ok()?;
        let [kind, a, b, c, d, flag] = header;
        let number = u32::from_le_bytes([a, b, c, d]);
        Some(match kind {
            0 => Frame::Ping,
            0xfe => Frame::Ack {
                id: number,
                status: flag,
            },
            kind => {
                let mut body = vec![0; number.try_into().unwrap()];
                let read = self.stream.read_exact(&mut body);
                wait::within("the rest of a frame", read).await.ok()?;
                Frame::Delivery {
                    kind,
                    is_realtime: flag,
                    body,
                }
            }
        })
    }

    /// Tells the broker that nothing follows.
    pub(crate) async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }
}

/// A connection that has done its greeting and has a name, if it got it.
pub(crate) struct Client {
    pub(crate) raw: Raw,
    pub(crate) name: String,
    next_id: u32,
    /// What came while an ack was waited for.
    deliveries: VecDeque<Delivery>,
}

/// What somebody sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) kind: u8,
    pub(crate) is_realtime: bool,
    pub(crate) sender: String,
    /// Empty unless it is a publication.
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Client {
    pub(crate) async fn join(address: &Address, name: &str) -> Self {
        let joined = Self::try_join(address, name.as_bytes()).await;
        joined.unwrap_or_else(|status| panic!("{name} was refused with {status:02x?}"))
    }

    /// Joins, or gives the status that it was refused with, if there was one.
    pub(crate) async fn try_join(address: &Address, name: &[u8]) -> Result<Self, Option<u8>> {
        let mut raw = Raw::connect(address).await;
        raw.expect(&GREETING).await;
        raw.send(&GREETING).await;
        raw.expect(&[OK]).await;
        let mut step = u16::try_from(name.len()).unwrap().to_le_bytes().to_vec();
        step.extend_from_slice(name);
        raw.send(&step).await;
        let mut status = [0];
        let read = raw.stream.read_exact(&mut status);
        match wait::within("the answer to a name", read).await {
            Ok(_) if status == [OK] => Ok(Self {
                raw,
                name: String::from_utf8_lossy(name).into_owned(),
                next_id: 1,
                deliveries: VecDeque::new(),
            }),
            Ok(_) => {
                raw.expect_end().await;
                Err(status.first().copied())
            }
            Err(_) => Err(None),
        }
    }

    /// Sends an operation; says which number it had.
    pub(crate) async fn operate(&mut self, code: u8, qos: u8, body: &[u8]) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.raw.send(&operation(id, code, qos, body)).await;
        id
    }

    /// Sends an operation and waits for its ack.
    pub(crate) async fn ask(&mut self, code: u8, body: &[u8]) -> u8 {
        let id = self.operate(code, ACKED, body).await;
        self.ack(id).await
    }

    /// Waits for an ack, and keeps what comes before it.
    pub(crate) async fn ack(&mut self, expected: u32) -> u8 {
        loop {
            match self.raw.frame().await.expect("an ack before the end") {
                Frame::Ping => {}
                Frame::Ack { id, status } => {
                    assert_eq!(id, expected, "acks come in order");
                    return status;
                }
                Frame::Delivery {
                    kind,
                    is_realtime,
                    body,
                } => self
                    .deliveries
                    .push_back(Delivery::read(kind, is_realtime, &body)),
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, masks: &[&str]) {
        assert_eq!(self.ask(SUBSCRIBE, masks.join("\0").as_bytes()).await, OK);
    }

    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8]) -> u8 {
        self.ask(PUBLISH, &body(&[topic], payload)).await
    }

    pub(crate) async fn message(&mut self, target: &str, payload: &[u8]) -> u8 {
        self.ask(MESSAGE, &body(&[target], payload)).await
    }

    pub(crate) async fn broadcast(&mut self, mask: &str, payload: &[u8]) -> u8 {
        self.ask(BROADCAST, &body(&[mask], payload)).await
    }

    /// The next delivery; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Delivery> {
        if let Some(delivery) = self.deliveries.pop_front() {
            return Some(delivery);
        }
        loop {
            match self.raw.frame().await? {
                Frame::Ping => {}
                Frame::Ack { id, status } => panic!("ack {status:02x} for {id} unasked"),
                Frame::Delivery {
                    kind,
                    is_realtime,
                    body,
                } => return Some(Delivery::read(kind, is_realtime, &body)),
            }
        }
    }

    pub(crate) async fn delivery(&mut self) -> Delivery {
        self.next().await.expect("a delivery before the end")
    }

    /// Expects that all that came until now are these payloads.
    pub(crate) async fn expect_payloads(&mut self, payloads: &[&str]) {
        let own = self.name.clone();
        assert_eq!(self.message(&own, b"until here").await, OK);
        let mut got = Vec::new();
        loop {
            let delivery = self.delivery().await;
            if delivery.payload == b"until here" {
                break;
            }
            got.push(String::from_utf8(delivery.payload).unwrap());
        }
        assert_eq!(got, payloads, "at {own}");
    }
}

impl Delivery {
    fn read(kind: u8, is_realtime: u8, body: &[u8]) -> Self {
        let count = if kind == PUBLISH { 3 } else { 2 };
        let mut parts = body.splitn(count, |byte| *byte == 0);
        let mut text = || String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
        let sender = text();
        let topic = if kind == PUBLISH {
            text()
        } else {
            String::new()
        };
        Self {
            kind,
            is_realtime: is_realtime == 1,
            sender,
            topic,
            payload: parts.next().unwrap().to_vec(),
        }
    }
}

/// An operation as bytes.
pub(crate) fn operation(id: u32, code: u8, qos: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.push(code | qos << 6);
    bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Texts, a NUL behind each, and a payload.
pub(crate) fn body(texts: &[&str], payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for text in texts {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.extend_from_slice(payload);
    body
}

/// Bytes as the specification writes them; what is not a hexadecimal digit is skipped.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter_map(|byte| u8::try_from(char::from(byte).to_digit(16)?).ok())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

pub(crate) const GREETING: [u8; 3] = [0xeb, 1, 0];
pub(crate) const OK: u8 = 0x01;
pub(crate) const NOT_REGISTERED: u8 = 0x71;
pub(crate) const BAD_DATA: u8 = 0x72;
pub(crate) const FAILED: u8 = 0x74;
pub(crate) const NOT_SUPPORTED: u8 = 0x75;
pub(crate) const BUSY: u8 = 0x76;
pub(crate) const NOT_DELIVERED: u8 = 0x77;
pub(crate) const ACCESS_DENIED: u8 = 0x79;

pub(crate) const PUBLISH: u8 = 0x01;
pub(crate) const SUBSCRIBE: u8 = 0x02;
pub(crate) const UNSUBSCRIBE: u8 = 0x03;
pub(crate) const EXCLUDE: u8 = 0x04;
pub(crate) const UNEXCLUDE: u8 = 0x05;
pub(crate) const PUBLISH_FOR: u8 = 0x06;
pub(crate) const MESSAGE: u8 = 0x12;
pub(crate) const BROADCAST: u8 = 0x13;

/// The quality of service with an ack, at once.
pub(crate) const ACKED: u8 = 3;
