//! Servers and clients that speak bytes by hand: what time and memory they get.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{Client, Context, ExchangeStats, IpcConfig, Server, Serving, Variant};
use linkspan_test::wait;

async fn serve(ipc: IpcConfig) -> Serving {
    let handler = async |question: Bytes, _: Context| Ok::<_, Bytes>(question);
    let server = Server::new().config(ipc).handler(handler);
    server.listen("tcp:127.0.0.1:0").await.unwrap()
}

/// Times that fit a test.
fn quick() -> IpcConfig {
    let mut ipc = IpcConfig::default();
    ipc.accept_timeout = Duration::from_millis(100);
    ipc.read_timeout = Duration::from_millis(100);
    ipc.write_timeout = Duration::from_millis(100);
    ipc
}

fn stats(serving: &Serving) -> ExchangeStats {
    serving.stats().next().unwrap().1
}

fn connect(address: &Address) -> TcpStream {
    let Address::Tcp(host) = address else {
        panic!("{address}");
    };
    let stream = TcpStream::connect((host.host.as_str(), host.port)).unwrap();
    stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    stream
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(message.len()).unwrap().to_le_bytes().to_vec();
    frame.extend(Variant::Ieee.crc(message).to_le_bytes());
    frame.extend(message);
    frame
}

/// Waits on a thread of its own until the server closes; gives what came before.
async fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => all,
        }
    });
    wait::within("the server closes", reading).await.unwrap()
}

#[tokio::test]
async fn a_peer_that_begins_nothing_goes_and_an_idle_one_stays() {
    let serving = serve(quick()).await;
    let client = Client::connect(serving.address()).await.unwrap();
    client.send("question").await.unwrap();
    let began = Instant::now();
    assert!(until_closed(connect(serving.address())).await.is_empty());
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(stats(&serving).silent, 1);
    let (_, health) = serving.health().next().unwrap();
    assert_eq!(health.totals.failed_handshakes, 1);
    client.send("still there").await.unwrap();
    assert_eq!(client.stats().connects, 1);
}

#[tokio::test]
async fn a_frame_that_stops_and_one_that_trickles_are_given_up() {
    let mut config = quick();
    // Far more than a byte's pause, however busy the machine is.
    config.read_timeout = Duration::from_millis(500);
    let serving = serve(config).await;
    let mut stopping = connect(serving.address());
    stopping.write_all(&frame(b"question")[..10]).unwrap();
    assert!(until_closed(stopping).await.is_empty());
    assert_eq!(stats(&serving).read_timeouts, 1);

    let mut trickling = connect(serving.address());
    let reading = trickling.try_clone().unwrap();
    let began = Instant::now();
    let writing = std::thread::spawn(move || {
        // A byte at a time is progress, and yet not for ever.
        for byte in frame(&[7; 1000]) {
            std::thread::sleep(Duration::from_millis(20));
            if trickling.write_all(&[byte]).is_err() {
                return;
            }
        }
        panic!("all of it was taken");
    });
    until_closed(reading).await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(stats(&serving).read_timeouts, 2);
    let (_, health) = serving.health().next().unwrap();
    let last = health.last_error.unwrap().message;
    assert_eq!(last, "a frame that was begun was not complete within 2s");
    writing.join().unwrap();
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up() {
    let serving = serve(quick()).await;
    let mut stream = connect(serving.address());
    let writing = tokio::task::spawn_blocking(move || {
        let frame = frame(&vec![7; 1 << 20]);
        while stream.write_all(&frame).is_ok() {}
    });
    wait::within("the server closes", writing).await.unwrap();
    wait::until("it is counted", || stats(&serving).write_timeouts == 1).await;
    let stalls = serving.health().next().unwrap().1.write_stalls;
    assert!(stalls.max >= Duration::from_millis(100), "{stalls:?}");
}

#[tokio::test]
async fn ends_between_frames_and_inside_one_are_told_apart() {
    let serving = serve(quick()).await;
    let mut orderly = connect(serving.address());
    orderly.write_all(&frame(b"question")).unwrap();
    orderly.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(until_closed(orderly).await, frame(b"question"));
    for length in [1, 7, 8, 15] {
        let mut broken = connect(serving.address());
        broken.write_all(&frame(b"question")[..length]).unwrap();
        broken.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(until_closed(broken).await.is_empty());
    }
    let stats = stats(&serving);
    assert_eq!((stats.frames, stats.truncated), (1, 4));
}

#[tokio::test]
async fn frames_in_one_write_are_answered_in_order() {
    let serving = serve(quick()).await;
    let mut stream = connect(serving.address());
    let frames = [frame(b"one"), frame(&vec![2; 10_000]), frame(b"three")].concat();
    stream.write_all(&frames).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(until_closed(stream).await == frames);
    assert_eq!(stats(&serving).answered, 3);
}

#[tokio::test]
async fn a_frame_split_at_every_byte_is_one_frame() {
    let serving = serve(IpcConfig::default()).await;
    let frame = frame(b"question");
    for split in 1..frame.len() {
        let mut stream = connect(serving.address());
        stream.set_nodelay(true).unwrap();
        stream.write_all(&frame[..split]).unwrap();
        tokio::task::yield_now().await;
        stream.write_all(&frame[split..]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(until_closed(stream).await, frame);
    }
}
