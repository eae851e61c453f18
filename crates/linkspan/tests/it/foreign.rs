//! A client that knows the protocol without the feature `continued`, and nothing of this library.
//!
//! Its frames are written and read here by hand: no encoder and no decoder of ours takes part.

use linkspan::Address;
use linkspan::rpc::{CallError, Request, Response, Router, Server, Streaming};
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::address;

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, CallError>;
    async fn letters(&self) -> Result<Streaming<String>, CallError>;
}

struct Here;

impl Greeter for Here {
    async fn greet(&self, name: String) -> Result<String, CallError> {
        Ok(format!("Hello, {name}"))
    }

    async fn letters(&self) -> Result<Streaming<String>, CallError> {
        let items = LETTERS.map(|count| "x".repeat(count));
        Ok(Streaming::from_values(items))
    }
}

#[tokio::test]
async fn a_client_of_an_afternoon_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new().service(GreeterServer::new(Here));
    let serving = server.listen(&address("tcp", &directory)).await.unwrap();
    let mut client = Foreign::open(serving.address()).await;
    wait::within("a short answer", client.greet_ada()).await;
    wait::within("a long answer", client.greet_many()).await;
    wait::within("a streamed answer", client.read_letters()).await;
    wait::within("one more short answer", client.greet_ada()).await;
}

#[tokio::test]
async fn who_gives_up_at_once_holds_nobody_up() {
    let directory = tempfile::tempdir().unwrap();
    // What comes goes back, so that the answer has the stream in it.
    let echo = async |request: Request| Ok(Response::new(request.body));
    let server = Server::new()
        .service(GreeterServer::new(Here))
        .service(Router::new().raw_method("echo", echo));
    let serving = server.listen(&address("tcp", &directory)).await.unwrap();
    let mut client = Foreign::open(serving.address()).await;
    client.give_up().await;
    wait::within("an answer after that", client.greet_ada()).await;
}

/// A connection, and the numbers of the last frames and the last stream.
struct Foreign {
    socket: TcpStream,
    sent: u64,
    received: u64,
    stream: u64,
}

struct Frame {
    kind: u8,
    flags: u16,
    stream: u64,
    number: u64,
    payload: Vec<u8>,
}

impl Foreign {
    /// Connects and offers the least that can be offered.
    async fn open(address: &Address) -> Self {
        let Address::Tcp(host) = address else {
            panic!("{address} is not tcp:")
        };
        let mut client = Self {
            socket: TcpStream::connect((host.host.as_str(), host.port))
                .await
                .unwrap(),
            sent: 0,
            received: 0,
            stream: 0,
        };
        // {"versions": [1, 1], "nonce": 32 bytes}
        let offer = [
            b"\x82\xa8versions\x92\x01\x01".as_slice(),
            b"\xa5nonce\xc4\x20",
            &[7; 32],
        ];
        client.send(HANDSHAKE, 0, 0, 1, &offer.concat()).await;
        let choice = client.receive().await;
        assert_eq!((choice.kind, choice.number), (HANDSHAKE, 2));
        let no_features = b"\xa8features\x90";
        let mut windows = choice.payload.windows(no_features.len());
        assert!(windows.any(|part| part == no_features));
        client
    }

    async fn greet_ada(&mut self) {
        let question = request("greeter.greet", br#"{"name":"Ada"}"#);
        self.ask(END | METADATA, &question).await;
        let mut answer = self.receive().await;
        // What was given up may have been answered before that was known.
        while answer.stream != self.stream {
            answer = self.receive().await;
        }
        assert_eq!((answer.kind, answer.number), (RESPONSE, 0));
        assert_eq!(answer.flags, END | METADATA);
        assert_eq!(body_of(&answer), br#""Hello, Ada""#);
    }

    /// A question and an answer of which both go on in chunks.
    async fn greet_many(&mut self) {
        let names = "Ada and ".repeat(25 * 1024);
        let parameters = format!(r#"{{"name":"{names}"}}"#);
        let (first, rest) = parameters.as_bytes().split_at(65_536);
        let (second, third) = rest.split_at(100_000);
        self.ask(METADATA, &request("greeter.greet", first)).await;
        self.send(CHUNK, 0, self.stream, 0, second).await;
        self.send(CHUNK, END, self.stream, 1, third).await;
        let pieces = self.receive_pieces().await;
        assert!(pieces.len() > 1, "an answer of 200 KiB has several pieces");
        let expected = format!(r#""Hello, {names}""#);
        assert!(pieces.concat() == expected.as_bytes());
    }

    async fn read_letters(&mut self) {
        let question = request("greeter.letters", b"{}");
        self.ask(END | METADATA, &question).await;
        let pieces = self.receive_pieces().await;
        let (head, items) = pieces.split_first().unwrap();
        assert!(head.is_empty());
        let lengths: Vec<_> = items.iter().map(Vec::len).collect();
        assert_eq!(lengths, LETTERS.map(|count| count + 2), "with quotes");
    }

    /// Begins a call and cancels it, in one write that is read and worked off as one.
    async fn give_up(&mut self) {
        self.stream += 1;
        let ask = self.frame(REQUEST, METADATA, self.stream, 0, &request("echo", b""));
        let cancel = self.frame(CANCEL, 0, self.stream, 0, &[]);
        self.socket
            .write_all(&[ask, cancel].concat())
            .await
            .unwrap();
    }

    async fn ask(&mut self, flags: u16, payload: &[u8]) {
        self.stream += 1 + self.stream % 2;
        self.send(REQUEST, flags, self.stream, 0, payload).await;
    }

    /// The body of a response and those of the chunks after it, up to the end.
    async fn receive_pieces(&mut self) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        loop {
            let frame = self.receive().await;
            if frame.kind == CREDIT {
                continue;
            }
            assert_eq!(frame.stream, self.stream);
            match (frame.kind, pieces.len()) {
                (RESPONSE, 0) => pieces.push(body_of(&frame).to_vec()),
                (CHUNK, chunks @ 1..) => {
                    assert_eq!(frame.number, chunks as u64 - 1);
                    pieces.push(frame.payload.clone());
                }
                (KIND_END, 1..) => return pieces,
                (kind, _) => panic!("kind {kind}"),
            }
            let bytes = frame.payload.len() as u64;
            self.send(CREDIT, 0, 0, bytes, &[]).await;
            if frame.flags & END != 0 {
                return pieces;
            }
            self.send(CREDIT, 0, self.stream, bytes, &[]).await;
        }
    }

    async fn send(&mut self, kind: u8, flags: u16, stream: u64, number: u64, payload: &[u8]) {
        let frame = self.frame(kind, flags, stream, number, payload);
        self.socket.write_all(&frame).await.unwrap();
    }

    fn frame(&mut self, kind: u8, flags: u16, stream: u64, number: u64, payload: &[u8]) -> Vec<u8> {
        self.sent += 1;
        let mut frame = b"LSPN\x01".to_vec();
        frame.push(kind);
        frame.extend(flags.to_le_bytes());
        for field in [self.sent, stream, number] {
            frame.extend(field.to_le_bytes());
        }
        frame.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        let sums = [crc32(&frame), crc32(payload)];
        frame.extend(payload);
        frame.extend(sums.map(u32::to_le_bytes).concat());
        frame
    }

    async fn receive(&mut self) -> Frame {
        let mut header = [0; 36];
        self.socket.read_exact(&mut header).await.unwrap();
        let number_at = |place: usize, bytes: usize| {
            let field = header.iter().skip(place).take(bytes).rev();
            field.fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        let mut payload = vec![0; usize::try_from(number_at(32, 4)).unwrap()];
        self.socket.read_exact(&mut payload).await.unwrap();
        let sums = [
            self.socket.read_u32_le().await,
            self.socket.read_u32_le().await,
        ];
        assert_eq!(sums.map(Result::unwrap), [crc32(&header), crc32(&payload)]);
        self.received += 1;
        assert_eq!(&header[..5], b"LSPN\x01");
        assert_eq!(number_at(8, 8), self.received);
        let flags = u16::try_from(number_at(6, 2)).unwrap();
        assert_eq!(flags & !(END | METADATA), 0, "reserved bits of {flags:#b}");
        Frame {
            kind: header[5],
            flags,
            stream: number_at(16, 8),
            number: number_at(24, 8),
            payload,
        }
    }
}

/// The payload of a request with metadata, one key of which means nothing to anybody.
fn request(method: &str, body: &[u8]) -> Vec<u8> {
    // {"content-type": "json", "x-note": 5}
    let metadata = b"\x82\xaccontent-type\xa4json\xa6x-note\x05";
    let parts = [
        &u16::try_from(method.len()).unwrap().to_le_bytes(),
        method.as_bytes(),
        &27_u32.to_le_bytes(),
        metadata,
        body,
    ];
    parts.concat()
}

/// The body of a response, after metadata that says `json`.
fn body_of(response: &Frame) -> &[u8] {
    assert_eq!(response.flags & METADATA, METADATA);
    let metadata = b"\x13\0\0\0\x81\xaccontent-type\xa4json";
    response.payload.strip_prefix(metadata).unwrap()
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let shift = |sum: u32| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1));
    let add = |sum, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shift(sum));
    !bytes.iter().fold(!0, add)
}

const HANDSHAKE: u8 = 1;
const REQUEST: u8 = 2;
const RESPONSE: u8 = 3;
const CHUNK: u8 = 7;
const CREDIT: u8 = 8;
const CANCEL: u8 = 9;
const KIND_END: u8 = 10;
const END: u16 = 1 << 3;
const METADATA: u16 = 1 << 5;
/// Lengths of the items of `letters`.
const LETTERS: [usize; 5] = [3, 70_000, 0, 1, 200 * 1024];
