//! Somebody on the way between a client and a server, who sees records pass and may change one.

use std::io;
use std::sync::{Arc, Mutex};

use linkspan::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::town::{Town, tls_at};

/// Passes on what it is not told to change.
pub(super) struct Middle {
    pub(super) address: Address,
    orders: Arc<Mutex<Option<(Way, Change)>>>,
}

/// Where a record goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    ToServer,
    ToClient,
}

/// What is done to the next record of one way.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Anything, with all of it.
    Rewrite(fn(&mut Vec<u8>)),
    /// It comes twice.
    Repeat,
    /// It comes after the next one.
    Delay,
    /// It does not come.
    Leave,
    /// All ends, after so much of it.
    Cut(usize),
}

impl Middle {
    /// Between one client and the town.
    pub(super) async fn start(town: &Town) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tls_at(listener.local_addr().unwrap().port());
        let orders = Arc::new(Mutex::new(None));
        let (place, ours) = (town.place(), Arc::clone(&orders));
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(place).await.unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            // As when the way is cut, both ways end with the first.
            tokio::select! {
                _ = pass(Way::ToServer, from_client, to_server, &ours) => {}
                _ = pass(Way::ToClient, from_server, to_client, &ours) => {}
            }
        });
        Self { address, orders }
    }

    pub(super) fn order(&self, way: Way, change: Change) {
        *self.orders.lock().unwrap() = Some((way, change));
    }

    /// Whether the record has come.
    pub(super) fn is_done(&self) -> bool {
        self.orders.lock().unwrap().is_none()
    }
}

async fn pass(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    orders: &Mutex<Option<(Way, Change)>>,
) -> io::Result<()> {
    loop {
        let mut record = next(&mut from).await?;
        let order = orders.lock().unwrap().take_if(|(of, _)| *of == way);
        match order.map(|(_, change)| change) {
            None => {}
            Some(Change::Rewrite(change)) => change(&mut record),
            Some(Change::Repeat) => record.extend(record.clone()),
            Some(Change::Delay) => {
                let mut other = next(&mut from).await?;
                other.extend(record);
                record = other;
            }
            Some(Change::Leave) => continue,
            Some(Change::Cut(length)) => {
                to.write_all(record.get(..length).unwrap()).await?;
                return Ok(());
            }
        }
        to.write_all(&record).await?;
    }
}

/// A record, with its header.
async fn next(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut record = vec![0; HEADER_BYTES];
    from.read_exact(&mut record).await?;
    let length = u16::from_be_bytes(*record.last_chunk().unwrap());
    record.resize(HEADER_BYTES + usize::from(length), 0);
    from.read_exact(record.get_mut(HEADER_BYTES..).unwrap())
        .await?;
    Ok(record)
}

pub(super) const HEADER_BYTES: usize = 5;
