//! Somebody on the way who changes what passes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use linkspan::codec::Raw;
use linkspan::rpc::{Connection, Disconnected, Serving};
use linkspan_test::wait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::{Scene, check_alive, connect, connect_to, listen};

/// What is done to the next record from the server.
const CHANGES: [(u8, &str, &str); 7] = [
    (1, "a byte of the text", "changed on the way"),
    (2, "a byte of the sum", "changed on the way"),
    (3, "the length", "changed on the way"),
    (4, "the record comes twice", "changed on the way"),
    (
        5,
        "the record is left out, and the next one comes",
        "changed on the way",
    ),
    (6, "the end in the middle of it", "was cut"),
    (7, "the end before it", "was cut"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_on_the_way_ends_that_connection_only() {
    let scene = Scene::new();
    let server = listen(scene.server_config()).await;
    let other = connect(&server, scene.client_config()).await.unwrap();
    for (change, name, text) in CHANGES {
        let order = Arc::new(AtomicU8::new(0));
        let proxy = Proxy::start(&server, Arc::clone(&order)).await;
        let client = connect_to(&proxy.address, scene.client_config())
            .await
            .unwrap();
        check_alive(&client).await;
        let connection = client.connection().unwrap();
        order.store(change, Ordering::SeqCst);
        let [one, two] = ["one", "two"].map(|text| Raw(text.into()));
        let asked = wait::within(name, async {
            // A record that is left out shows by the next one.
            let first = connection.send_request::<Raw>("echo", &one);
            let second = connection.send_request::<Raw>("echo", &two);
            tokio::join!(first, async {
                wait::until("the first left", || order.load(Ordering::SeqCst) != change).await;
                second.await
            })
        })
        .await;
        assert!(asked.0.is_err() || change == 4, "{name}");
        assert_ended(&connection, name, text).await;
        check_alive(&other).await;
    }
}

async fn assert_ended(connection: &Connection, name: &str, text: &str) {
    let ended = wait::within(name, connection.ended()).await;
    let Disconnected::Io { message, .. } = &ended else {
        panic!("{name}: {ended:?}");
    };
    assert!(message.contains(text), "{name}: {message}");
}

/// Passes records on, but for one from the server that it is told to change.
struct Proxy {
    address: String,
}

impl Proxy {
    async fn start(server: &Serving, order: Arc<AtomicU8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tls:{}", listener.local_addr().unwrap());
        let server = server.address().to_string().replace("tls:", "");
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let there = async move {
                let (mut from, mut to) = (from_client, to_server);
                tokio::io::copy(&mut from, &mut to).await.ok();
            };
            let there = tokio::spawn(there);
            pass(from_server, to_client, &order).await.ok();
            // Both directions end, as when the way is cut.
            there.abort();
        });
        Self { address }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, order: &AtomicU8) -> io::Result<()> {
    loop {
        let mut record = vec![0; 5];
        from.read_exact(&mut record).await?;
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        from.read_exact(&mut record[5..]).await?;
        let last = record.len() - 1;
        match order.swap(0, Ordering::SeqCst) {
            1 => record[5] ^= 1,
            2 => record[last] ^= 0x80,
            3 => {
                record[4] -= 1;
                record.pop();
            }
            4 => record.extend(record.clone()),
            5 => continue,
            6 => {
                to.write_all(&record[..last]).await?;
                return Ok(());
            }
            7 => return Ok(()),
            _ => {}
        }
        to.write_all(&record).await?;
    }
}
