use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use linkspan_os::{PipeListener, connect_pipe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::windows::named_pipe::NamedPipeServer;
use tokio::task::JoinSet;

use crate::windows::support::{bind, connect, pipe_name, soon};

#[tokio::test]
async fn nobody_has_such_a_pipe() {
    let error = connect_pipe(&pipe_name("missing")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn while_a_client_is_not_accepted_the_next_one_has_to_wait() {
    let name = pipe_name("busy");
    let mut listener = bind(&name);
    let _first = connect_pipe(&name).unwrap();
    let error = connect_pipe(&name).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
    let _accepted = soon(listener.accept()).await.unwrap();
    let _second = connect_pipe(&name).unwrap();
    soon(listener.accept()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_at_once_all_find_the_pipe() {
    const CLIENTS: u8 = 60;
    let name = pipe_name("many");
    let mut listener = bind(&name);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let name = name.clone();
        clients.spawn(async move {
            // Fails if ever there is no pipe.
            let mut client = connect(&name).await;
            client.write_u8(number).await.unwrap();
            assert_eq!(soon(client.read_u8()).await.unwrap(), number);
        });
    }
    let mut servers = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut server = soon(listener.accept()).await.unwrap();
        servers.spawn(async move {
            let number = soon(server.read_u8()).await.unwrap();
            server.write_u8(number).await.unwrap();
            soon(server.read(&mut [0])).await.unwrap()
        });
    }
    clients.join_all().await;
    let ends = servers.join_all().await;
    assert_eq!(ends, [0; CLIENTS as usize], "all ends are seen");
}

#[tokio::test]
async fn a_client_that_came_and_went_does_not_disturb() {
    let name = pipe_name("came-and-went");
    let mut listener = bind(&name);
    drop(connect_pipe(&name).unwrap());
    let served = async {
        let mut byte = Err(io::ErrorKind::NotConnected.into());
        while byte.is_err() {
            byte = listener.accept().await.unwrap().read_u8().await;
        }
        byte.unwrap()
    };
    let client = async {
        let mut client = connect(&name).await;
        client.write_u8(9).await.unwrap();
        client.read(&mut [0]).await
    };
    let (served, ended) = soon(async { tokio::join!(served, client) }).await;
    assert_eq!((served, ended.unwrap()), (9, 0));
}

#[tokio::test]
async fn the_last_words_of_a_client_that_went_are_read() {
    let name = pipe_name("last-words");
    let mut listener = bind(&name);
    let mut client = connect_pipe(&name).unwrap();
    client.write_all(b"last words").await.unwrap();
    client.writable().await.unwrap();
    drop(client);
    let mut server = soon(listener.accept()).await.unwrap();
    let mut text = String::new();
    soon(server.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "last words");
}

#[tokio::test]
async fn a_dropped_accept_loses_nobody() {
    let name = pipe_name("cancelled");
    let mut listener = bind(&name);
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut accept = pin!(listener.accept());
        assert!(matches!(accept.as_mut().poll(&mut cx), Poll::Pending));
    }
    let mut client;
    {
        let mut accept = pin!(listener.accept());
        assert!(matches!(accept.as_mut().poll(&mut cx), Poll::Pending));
        client = connect_pipe(&name).unwrap();
    }
    client.write_u8(5).await.unwrap();
    let mut server = soon(listener.accept()).await.unwrap();
    assert_eq!(soon(server.read_u8()).await.unwrap(), 5);
    assert_eq!(listener.name(), name);
}

/// Drops the future after every poll.
async fn accept_bit_by_bit(listener: &mut PipeListener) -> NamedPipeServer {
    loop {
        let polled = {
            let mut accept = pin!(listener.accept());
            poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx))).await
        };
        match polled {
            Poll::Ready(server) => return server.unwrap(),
            Poll::Pending => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

#[tokio::test]
async fn an_accept_that_is_dropped_again_and_again_loses_nobody() {
    let name = pipe_name("bit-by-bit");
    let mut listener = bind(&name);
    for number in 0..5 {
        let client = async {
            let mut client = connect(&name).await;
            client.write_u8(number).await.unwrap();
            client
        };
        let (mut server, _client) =
            soon(async { tokio::join!(accept_bit_by_bit(&mut listener), client) }).await;
        assert_eq!(soon(server.read_u8()).await.unwrap(), number);
    }
}

#[tokio::test]
async fn connections_outlive_their_listener() {
    let name = pipe_name("outlive");
    let mut listener = bind(&name);
    let (mut client, server) = {
        let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
        (client, server.unwrap())
    };
    drop(listener);
    let mut server = server;
    server.write_u8(3).await.unwrap();
    assert_eq!(soon(client.read_u8()).await.unwrap(), 3);
}
