//! What Linkspan's servers and plugins answer in the bench: the same, so that they can be compared.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use linkspan::rpc::{Body, CallError, Request, Response, Router};
use linkspan::{Category, Code, Failure};

/// Answers with what comes.
#[linkspan::service]
pub trait Echo {
    /// Gives the body back.
    async fn echo(&self, body: Bytes) -> Result<Bytes, CallError>;
}

/// What answers.
#[derive(Debug)]
pub struct Same;

impl Echo for Same {
    async fn echo(&self, body: Bytes) -> Result<Bytes, CallError> {
        Ok(body)
    }
}

/// All that is answered.
pub fn answers() -> Router {
    Router::new()
        .service(EchoServer::new(Same))
        .raw_method(BLAST, blast)
}

/// Asks for as many chunks of a size.
pub fn blast_request(chunks: u64, chunk_bytes: usize) -> Request {
    let words = [chunks.to_be_bytes(), (chunk_bytes as u64).to_be_bytes()];
    Request::new(BLAST, Bytes::from(words.concat()))
}

/// Sends as many chunks of a size as the body says.
async fn blast(request: Request) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    let (left, chunk_bytes) = blast_of(&body).ok_or_else(|| {
        let text = "a number and a size of chunks are needed";
        let failure = Failure::new(Category::Request, Code::INVALID_PARAMETERS, text);
        CallError::Failed(Box::new(failure))
    })?;
    let chunks = Chunks {
        left,
        chunk: vec![FILL; chunk_bytes].into(),
    };
    Ok(Response::new(Body::streaming(Bytes::new(), chunks)))
}

fn blast_of(body: &[u8]) -> Option<(u64, usize)> {
    let (chunks, chunk_bytes) = body.split_first_chunk()?;
    let chunk_bytes = u64::from_be_bytes(*chunk_bytes.first_chunk()?);
    Some((
        u64::from_be_bytes(*chunks),
        usize::try_from(chunk_bytes).ok()?,
    ))
}

struct Chunks {
    left: u64,
    chunk: Bytes,
}

impl Stream for Chunks {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(self.chunk.clone())))
    }
}

/// The byte that streams consist of.
pub const FILL: u8 = 7;

/// The version of plugins.
pub const VERSION: &str = "1.0";

const BLAST: &str = "blast";
