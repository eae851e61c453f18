//! A client that knows sections 3 and 22 of the specification, and nothing of this library.

use linkspan::compression::Compression;
use linkspan::{Address, rpc::Server};
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scene::{Scene, by, echoes};

#[tokio::test]
async fn lz4_can_be_written_and_read_by_hand() {
    let mut config = by(Compression::Lz4);
    config.threshold_bytes = 64;
    let server = Server::new().compression(config).service(echoes());
    let scene = Scene::at("tcp", server).await;
    let mut client = Foreign::open(scene.serving.address()).await;
    // "Ada and " sixteen times, as section 22.1 has it.
    let names = b"\x80\0\0\0\x8FAda and \x08\0\x5F\x60a and ";
    let answer = wait::within("an answer", client.echo(LZ4, names)).await;
    let (flags, body) = answer;
    assert_eq!(flags, END | LZ4);
    assert_eq!(inflate(&body), "Ada and ".repeat(16).as_bytes());
    let (flags, body) = wait::within("an answer", client.echo(0, b"short")).await;
    assert_eq!((flags, &body[..]), (END, &b"short"[..]));
}

struct Foreign {
    socket: TcpStream,
    sent: u64,
    stream: u64,
}

impl Foreign {
    async fn open(address: &Address) -> Self {
        let Address::Tcp(host) = address else {
            panic!("{address} is not tcp:")
        };
        let socket = TcpStream::connect((host.host.as_str(), host.port)).await;
        let mut client = Self {
            socket: socket.unwrap(),
            sent: 0,
            stream: 0,
        };
        // {"versions": [1, 1], "features": ["continued"], "compression": ["other", "lz4"], "nonce": ...}
        let offer = [
            b"\x84\xa8versions\x92\x01\x01".as_slice(),
            b"\xa8features\x91\xa9continued",
            b"\xabcompression\x92\xa5other\xa3lz4",
            b"\xa5nonce\xc4\x20",
            &[7; 32],
        ];
        client.send(HANDSHAKE, 0, 0, 1, &offer.concat()).await;
        let (kind, _, choice) = client.receive().await;
        assert_eq!(kind, HANDSHAKE);
        let chosen = b"\xabcompression\x91\xa3lz4";
        let mut windows = choice.windows(chosen.len());
        assert!(windows.any(|part| part == chosen));
        client
    }

    /// Asks for bytes to come back; gives the flags of the answer and its body.
    async fn echo(&mut self, flags: u16, body: &[u8]) -> (u16, Vec<u8>) {
        self.stream = self.stream + 1 + self.stream % 2;
        let request = [b"\x04\0echo", body].concat();
        let stream = self.stream;
        self.send(REQUEST, END | flags, stream, 0, &request).await;
        let (kind, flags, payload) = self.receive().await;
        assert_eq!(kind, RESPONSE, "{payload:?}");
        (flags, payload)
    }

    async fn send(&mut self, kind: u8, flags: u16, stream: u64, number: u64, payload: &[u8]) {
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
        self.socket.write_all(&frame).await.unwrap();
    }

    /// Kind, flags and payload of the next frame.
    async fn receive(&mut self) -> (u8, u16, Vec<u8>) {
        let mut header = [0; 36];
        self.socket.read_exact(&mut header).await.unwrap();
        let length = u32::from_le_bytes(header[32..].try_into().unwrap());
        let mut payload = vec![0; length.try_into().unwrap()];
        self.socket.read_exact(&mut payload).await.unwrap();
        let mut sums = [0; 8];
        self.socket.read_exact(&mut sums).await.unwrap();
        let expected = [crc32(&header), crc32(&payload)];
        assert_eq!(sums[..], expected.map(u32::to_le_bytes).concat());
        let flags = u16::from_le_bytes([header[6], header[7]]);
        (header[5], flags, payload)
    }
}

/// LZ4's block format behind a length, without any care for what is malformed.
fn inflate(body: &[u8]) -> Vec<u8> {
    let (length, mut block) = body.split_first_chunk::<4>().unwrap();
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
    let mut inflated = Vec::new();
    loop {
        let token = take(&mut block, 1)[0];
        let literals = count(&mut block, token >> 4);
        inflated.extend_from_slice(take(&mut block, literals));
        if inflated.len() == length {
            return inflated;
        }
        let offset = take(&mut block, 2).try_into().unwrap();
        let offset = usize::from(u16::from_le_bytes(offset));
        for _ in 0..4 + count(&mut block, token & 15) {
            inflated.push(inflated[inflated.len() - offset]);
        }
    }
}

fn take<'a>(block: &mut &'a [u8], bytes: usize) -> &'a [u8] {
    let (taken, rest) = block.split_at(bytes);
    *block = rest;
    taken
}

/// A count of which four bits stand in a token.
fn count(block: &mut &[u8], bits: u8) -> usize {
    let mut count = usize::from(bits);
    let mut goes_on = bits == 15;
    while goes_on {
        let byte = take(block, 1)[0];
        count += usize::from(byte);
        goes_on = byte == 255;
    }
    count
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
const LZ4: u16 = 1;
const END: u16 = 1 << 3;
