//! The methods that the suite calls.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use linkspan::Address;
use linkspan::codec::Raw;
use linkspan::rpc::{Body, CallError, Context, Request, Response, Router, ServerConfig, Serving};
use serde_json::{Value, json};

/// Serves the methods that the suite calls.
pub async fn serve(address: &Address, config: ServerConfig) -> Serving {
    linkspan::rpc::Server::new()
        .config(config)
        .service(methods())
        .listen(address)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

fn methods() -> Router {
    Router::new()
        .method("echo", async |body: Raw, _: Context| {
            Ok::<_, CallError>(body)
        })
        .method("pid", async |_: Value, _: Context| {
            Ok::<_, CallError>(std::process::id())
        })
        .method("memory", async |_: Value, _: Context| {
            Ok::<_, CallError>(os::resident_memory_bytes())
        })
        .method("descriptors", async |_: Value, _: Context| {
            Ok::<_, CallError>(descriptors())
        })
        .method("sleep", async |millis: u64, _: Context| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, CallError>(millis)
        })
        .method("never", async |_: Value, _: Context| {
            std::future::pending::<Result<Value, CallError>>().await
        })
        .raw_method("blast", blast)
        .raw_method("count_bytes", count_bytes)
}

/// How many this process has, where the system tells.
fn descriptors() -> Option<usize> {
    // Under Wine the path leads to Linux, whose descriptors are Wine's own.
    if cfg!(windows) {
        return None;
    }
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

/// Streams as many bytes as the JSON says, in pieces of 64 KiB; without end for none.
async fn blast(request: Request) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    let bytes: Option<usize> = serde_json::from_slice(&body).expect("a number");
    Ok(Response::new(Body::streaming(
        Bytes::new(),
        Blast {
            left: bytes.unwrap_or(usize::MAX),
        },
    )))
}

struct Blast {
    left: usize,
}

impl Stream for Blast {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.left.min(64 * 1024);
        self.left -= piece;
        Poll::Ready((piece > 0).then(|| Ok(vec![7; piece].into())))
    }
}

/// Counts the bytes of the caller's items.
async fn count_bytes(request: Request) -> Result<Response, CallError> {
    let (_, mut items) = request.body.split().await?;
    let mut bytes = 0;
    while let Some(item) = std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
        bytes += item?.len();
    }
    Ok(Response::new(json!(bytes).to_string()))
}
