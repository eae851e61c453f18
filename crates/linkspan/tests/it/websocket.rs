//! What is WebSocket's own: the HTTP request that begins it, its frames, and who is not let in.

use std::time::Duration;

use linkspan::bus::{Broker, Client as BusClient, Serving as BusServing};
use linkspan::rpc::{Client, Server, ServerConfig, Serving};
use linkspan::transport::Config;
use linkspan::{Address, HostPath};
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn place(address: &Address) -> &HostPath {
    let Address::Ws(place) = address else {
        panic!("{address} is no WebSocket")
    };
    place
}

/// A server at `/there`, with changed settings.
async fn serve(change: impl FnOnce(&mut ServerConfig)) -> Serving {
    let mut config = ServerConfig::default();
    change(&mut config);
    let server = Server::new()
        .config(config)
        .method("echo", async |text: String, _| {
            Ok::<_, linkspan::rpc::CallError>(text)
        });
    server.listen("ws:127.0.0.1:0/there").await.unwrap()
}

async fn check_alive(serving: &Serving) {
    let client = Client::connect(serving.address()).await.unwrap();
    let echo: String = client.send_request("echo", "still here").await.unwrap();
    assert_eq!(echo, "still here");
}

async fn plain(address: &Address) -> TcpStream {
    let host = &place(address).host;
    TcpStream::connect((host.host.as_str(), host.port))
        .await
        .unwrap()
}

fn request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// The answer to some bytes, up to its end.
async fn answer(address: &Address, bytes: &[u8]) -> String {
    let mut stream = plain(address).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    wait::within("the end of the answer", read).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// A connection whose HTTP request was agreed to, as bytes.
async fn upgraded(address: &Address, more: &str) -> TcpStream {
    let mut stream = plain(address).await;
    let request = request(&place(address).path, more);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(wait::within("the answer", stream.read_u8()).await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    // The one that RFC 6455 has for this key.
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    stream
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    let reading = stream.read_exact(&mut read);
    wait::within("bytes", reading).await.unwrap();
    assert_eq!(read, bytes);
}

#[tokio::test]
async fn requests_for_anything_else_are_told_what_is_wrong() {
    let serving = serve(|_| {}).await;
    let address = serving.address();
    let good = request("/there", "");
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let many = "X: y\r\n".repeat(200);
    let cases = [
        ("no HTTP at all\r\n\r\n".to_owned(), "400 Bad Request"),
        ("POST /there HTTP/1.1\r\n\r\n".to_owned(), "400 Bad Request"),
        (
            "GET /there HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "426 Upgrade Required",
        ),
        (
            good.replace("Version: 13", "Version: 8"),
            "426 Upgrade Required",
        ),
        (good.replace(KEY, "short"), "426 Upgrade Required"),
        (request("/", ""), "404 Not Found"),
        (request("/there/not", ""), "404 Not Found"),
        (
            request("/there", &long),
            "431 Request Header Fields Too Large",
        ),
        (
            request("/there", &many),
            "431 Request Header Fields Too Large",
        ),
    ];
    for (index, (request, status)) in cases.iter().enumerate() {
        let answer = answer(address, request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        let failed = || serving.stats().next().unwrap().1.failed_handshakes;
        wait::until("it is counted", || failed() == index as u64 + 1).await;
    }
    check_alive(&serving).await;
}

#[tokio::test]
async fn scripts_of_web_pages_get_in_only_if_their_page_is_listed() {
    let serving = serve(|config| {
        let origins = &mut config.transport.web_socket.allowed_origins;
        origins.push("https://app.example:8443".to_owned());
    })
    .await;
    for origin in [
        "https://evil.example",
        "http://app.example:8443",
        "https://app.example",
        "null",
        "",
    ] {
        let origin = format!("Origin: {origin}\r\n");
        let answer = answer(serving.address(), request("/there", &origin).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    }
    let twice = "Origin: https://app.example:8443\r\nOrigin: https://evil.example\r\n";
    let answer = answer(serving.address(), request("/there", twice).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    upgraded(serving.address(), "Origin: https://App.example:8443\r\n").await;
    upgraded(serving.address(), "").await;
}

#[tokio::test]
async fn a_slow_request_costs_its_sender_the_place_and_nobody_else_anything() {
    let limit = Duration::from_millis(300);
    let serving = serve(|config| {
        config.transport.web_socket.upgrade_timeout = limit;
        config.transport.web_socket.max_connections = 2;
    })
    .await;
    let mut slow = plain(serving.address()).await;
    slow.write_all(b"GET /there HTTP/1.1\r\n").await.unwrap();
    let began = std::time::Instant::now();
    check_alive(&serving).await;
    let mut answer = String::new();
    let reading = slow.read_to_string(&mut answer);
    wait::within("the end", reading).await.unwrap();
    assert!(began.elapsed() >= limit - Duration::from_millis(50));
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("no HTTP request within 300ms"), "{answer}");
    drop(slow);
    let places = || serving.health().next().unwrap().1.connection_count;
    wait::until("the place is free", || places() == 0).await;
}

#[tokio::test]
async fn a_client_is_told_what_the_server_said() {
    let serving = serve(|_| {}).await;
    let host = &place(serving.address()).host;
    let elsewhere = format!("ws:{host}/elsewhere");
    let error = Client::connect(&elsewhere).await.unwrap_err();
    let told = chain(&error);
    assert!(told.contains("the server answered 404 Not Found"), "{told}");
    assert!(
        told.contains(r#"there is nothing at "/elsewhere""#),
        "{told}"
    );
}

#[tokio::test]
async fn whoever_speaks_no_websocket_is_no_server() {
    for (said, expected) in [
        ("", "closed the connection instead of answering"),
        ("220 mail.example ESMTP\r\n", "is no HTTP"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            "no right Sec-WebSocket-Accept",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws:{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 100];
            stream.read_exact(&mut request).await.unwrap();
            assert!(request.starts_with(b"GET / HTTP/1.1\r\n"));
            stream.write_all(said.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            // What is left unread would take the answer back.
            stream.read_to_end(&mut Vec::new()).await.ok();
        });
        let connecting = Client::connect(&address);
        let error = wait::within("an error", connecting).await.unwrap_err();
        let told = chain(&error);
        assert!(told.contains(expected), "{told}");
        server.await.unwrap();
    }
}

async fn broker() -> BusServing {
    Broker::new().listen("ws:127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn the_broker_greets_in_one_message() {
    let serving = broker().await;
    let mut stream = upgraded(serving.address(), "").await;
    expect(&mut stream, &[0x82, 0x03, 0xeb, 0x01, 0x00]).await;
    serving.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn a_ping_is_answered_and_a_close_too() {
    let serving = broker().await;
    let mut stream = upgraded(serving.address(), "").await;
    expect(&mut stream, &[0x82, 0x03, 0xeb, 0x01, 0x00]).await;
    // Masks of zeroes leave bytes as they are.
    stream.write_all(b"\x89\x82\0\0\0\0hi").await.unwrap();
    expect(&mut stream, b"\x8a\x02hi").await;
    // 1001: the page was left.
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe9").await.unwrap();
    expect(&mut stream, b"\x88\x02\x03\xe9").await;
    let ending = stream.read_u8();
    wait::within("the end", ending).await.unwrap_err();
    serving.stop(Duration::ZERO).await;
}

#[tokio::test]
async fn whoever_breaks_the_rules_is_closed_with_the_code_for_it() {
    let serving = broker().await;
    let other = BusClient::connect(serving.address(), "other")
        .await
        .unwrap();
    for (bytes, code) in [
        (&b"\x81\x82\0\0\0\0hi"[..], 1003_u16),
        (b"\x82\x02hi", 1002),
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
        (b"\x80\x82\0\0\0\0hi", 1002),
        (b"\x89\xfe\0\xff\0\0\0\0", 1002),
    ] {
        let mut stream = upgraded(serving.address(), "").await;
        expect(&mut stream, &[0x82, 0x03, 0xeb, 0x01, 0x00]).await;
        stream.write_all(bytes).await.unwrap();
        let [high, low] = code.to_be_bytes();
        expect(&mut stream, &[0x88, 0x02, high, low]).await;
    }
    assert_eq!(other.clients().await.unwrap().len(), 2);
    serving.stop(Duration::ZERO).await;
}

/// Between our client and our server stand a client and a server of another make.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_of_another_make_carry_everything() {
    let serving = serve(|_| {}).await;
    let target = place(serving.address()).clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws:{}", listener.local_addr().unwrap());
    let proxy = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let mut near = linkspan_test::websocket::WebSocket::new(socket);
        let mut far = linkspan_test::websocket::connect(&target).await.unwrap();
        copy_bidirectional(&mut near, &mut far).await.ok();
    });
    let client = Client::connect(&address).await.unwrap();
    for bytes in [0, 1, 125, 126, 65_535, 65_536, 1_000_000] {
        let sent = "x".repeat(bytes);
        let call = client.send_request::<String>("echo", &sent);
        let echo = wait::within("an echo", call).await.unwrap();
        assert_eq!(echo.len(), bytes);
    }
    drop(client);
    wait::within("the end of both", proxy).await.unwrap();
}

#[tokio::test]
async fn plain_websocket_stays_on_this_machine() {
    let error = Server::new().listen("ws:0.0.0.0:0").await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("plain WebSocket may not leave this machine"),
        "{told}"
    );
    let error = Client::connect("ws:192.0.2.1:80").await.unwrap_err();
    let told = chain(&error);
    assert!(
        told.contains("plain WebSocket may not leave this machine"),
        "{told}"
    );
    let mut config = Config::default();
    config.web_socket.allow_plaintext = true;
    let broker = Broker::new().transport(config);
    let serving = broker.listen("ws:0.0.0.0:0/bus").await.unwrap();
    assert!(!serving.address().to_string().contains(":0/"));
    serving.stop(Duration::ZERO).await;
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        told = format!("{told}: {error}");
        source = error.source();
    }
    told
}
