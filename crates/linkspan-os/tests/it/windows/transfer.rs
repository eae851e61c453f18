use linkspan_os::peer_credentials;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::windows::support::{bind, child, child_argument, connect, pipe_name, soon};

#[tokio::test]
async fn a_mebibyte_comes_back() {
    let name = pipe_name("mebibyte");
    let mut listener = bind(&name);
    let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = tokio::io::split(server.unwrap());
        tokio::io::copy(&mut reader, &mut writer).await.unwrap()
    });
    let sent: Vec<u8> = (0..1 << 20)
        .map(|at: u32| at.to_le_bytes()[at as usize % 3])
        .collect();
    let (mut reader, mut writer) = tokio::io::split(client);
    let mut received = vec![0; sent.len()];
    let (read, written) =
        soon(async { tokio::join!(reader.read_exact(&mut received), writer.write_all(&sent)) })
            .await;
    read.unwrap();
    written.unwrap();
    assert!(received == sent, "what comes back is what was sent");
    drop((reader, writer));
    assert_eq!(soon(echo).await.unwrap(), 1 << 20);
}

/// What one end writes before it is dropped, and the other reads after that.
async fn last_bytes(mut writer: impl AsyncWrite + Unpin, mut reader: impl AsyncRead + Unpin) {
    let sent: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let write = async {
        writer.write_all(&sent).await.unwrap();
        drop(writer);
    };
    let read = async {
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.unwrap();
        received
    };
    let ((), received) = soon(async { tokio::join!(write, read) }).await;
    assert_eq!(received.len(), sent.len());
    assert!(received == sent, "what comes is what was sent");
}

#[tokio::test]
async fn what_was_written_before_a_close_arrives() {
    let name = pipe_name("last-bytes");
    let mut listener = bind(&name);
    for _ in 0..20 {
        let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
        last_bytes(server.unwrap(), client).await;
        let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
        last_bytes(client, server.unwrap()).await;
    }
}

#[tokio::test]
async fn a_killed_client_is_an_end() {
    if let Some(name) = child_argument() {
        let mut client = connect(&name).await;
        client.write_u8(1).await.unwrap();
        // Until it is killed.
        soon(client.read_u8()).await.ok();
        return;
    }
    let name = pipe_name("killed-client");
    let mut listener = bind(&name);
    let mut other = child("windows::transfer::a_killed_client_is_an_end", &name);
    let mut server = soon(listener.accept()).await.unwrap();
    assert_eq!(soon(server.read_u8()).await.unwrap(), 1);
    assert_eq!(peer_credentials(&server).unwrap().pid, Some(other.id()));
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(soon(server.read(&mut [0])).await.unwrap(), 0);
}
