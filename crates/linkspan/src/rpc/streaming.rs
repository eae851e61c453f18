//! Streams of values.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::codec::{Codec, Payload};
use crate::rpc::handler::failure_in;
use crate::session::{CallError, Items};

/// A stream of values, as a parameter or a result of a service's method.
///
/// It is the same within a process and across: made from any stream, read as one. An error is the
/// last thing in it. Dropping it tells the other end to stop.
///
/// # Examples
///
/// ```
/// use linkspan::rpc::{CallError, Streaming};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CallError> {
/// let mut numbers: Streaming<u32> = Streaming::from_values([1, 2, 3]);
/// let mut sum = 0;
/// while let Some(number) = numbers.next().await {
///     sum += number?;
/// }
/// assert_eq!(sum, 6);
/// # Ok(())
/// # }
/// ```
pub struct Streaming<T, E = CallError> {
    values: Pin<Box<dyn Stream<Item = Result<T, E>> + Send>>,
    ended: bool,
}

impl<T, E> Streaming<T, E> {
    /// Wraps a stream.
    pub fn new(values: impl Stream<Item = Result<T, E>> + Send + 'static) -> Self {
        Self {
            values: Box::pin(values),
            ended: false,
        }
    }

    /// A stream of values that exist already.
    pub fn from_values<I>(values: I) -> Self
    where
        T: 'static,
        E: 'static,
        I: IntoIterator<Item = T>,
        I::IntoIter: Send + Unpin + 'static,
    {
        struct Values<I>(I);
        impl<I: Iterator + Unpin> Stream for Values<I> {
            type Item = I::Item;

            fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
                Poll::Ready(self.0.next())
            }
        }
        Self::new(Values(values.into_iter().map(Ok)))
    }

    /// A stream that is filled from elsewhere: at most `capacity` values wait in it.
    ///
    /// It ends when all senders are dropped; sending fails once nobody reads any more.
    pub fn channel(capacity: usize) -> (StreamSender<T, E>, Self)
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        struct Received<T>(mpsc::Receiver<T>);
        impl<T> Stream for Received<T> {
            type Item = T;

            fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
                self.0.poll_recv(cx)
            }
        }
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (StreamSender(sender), Self::new(Received(receiver)))
    }

    /// The next value; none after the end or an error.
    ///
    /// # Cancel safety
    ///
    /// No value is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<T, E>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All values up to the end.
    ///
    /// # Errors
    ///
    /// The error that ends the stream; the values before it are lost.
    ///
    /// # Cancel safety
    ///
    /// What was read so far is lost with the future.
    pub async fn collect(mut self) -> Result<Vec<T>, E> {
        let mut values = Vec::new();
        while let Some(value) = self.next().await {
            values.push(value?);
        }
        Ok(values)
    }
}

/// Fills a stream; see [`Streaming::channel`]. The stream ends when all clones are dropped.
pub struct StreamSender<T, E = CallError>(mpsc::Sender<Result<T, E>>);

impl<T, E> StreamSender<T, E> {
    /// Sends a value, or an error, after which nothing is read any more; waits for room.
    ///
    /// # Errors
    ///
    /// [`Unread`] if nobody reads the stream any more.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent nothing.
    pub async fn send(&self, value: Result<T, E>) -> Result<(), Unread> {
        self.0.send(value).await.map_err(|_| Unread)
    }

    /// Sends from a thread that may block.
    ///
    /// # Errors
    ///
    /// [`Unread`] if nobody reads the stream any more.
    ///
    /// # Panics
    ///
    /// On a thread of an async runtime.
    pub fn blocking_send(&self, value: Result<T, E>) -> Result<(), Unread> {
        self.0.blocking_send(value).map_err(|_| Unread)
    }

    /// Waits until nobody reads the stream any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl<T, E> Clone for StreamSender<T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, E> fmt::Debug for StreamSender<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSender").finish_non_exhaustive()
    }
}

/// Nobody reads the stream any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("nobody reads the stream any more")]
#[non_exhaustive]
pub struct Unread;

impl<T, E> Streaming<T, E>
where
    T: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + From<CallError> + Send + 'static,
{
    /// Reads items as values.
    pub(crate) fn decode(items: Items, codec: Codec) -> Self {
        struct Decoded<T, E>(Items, Codec, std::marker::PhantomData<fn() -> Result<T, E>>);
        impl<T: DeserializeOwned, E: DeserializeOwned + From<CallError>> Stream for Decoded<T, E> {
            type Item = Result<T, E>;

            fn poll_next(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<T, E>>> {
                let codec = self.1;
                let item = Pin::new(&mut self.0).poll_next(cx);
                item.map(|item| item.map(|item| decode_item(item, codec)))
            }
        }
        Self::new(Decoded(items, codec, std::marker::PhantomData))
    }
}

impl<T, E> Streaming<T, E>
where
    T: Serialize + 'static,
    E: Serialize + 'static,
{
    /// Writes values as items.
    pub(crate) fn encode(
        self,
        codec: Codec,
    ) -> impl Stream<Item = Result<Bytes, CallError>> + Send {
        struct Encoded<T, E>(Streaming<T, E>, Codec);
        impl<T: Serialize, E: Serialize + 'static> Stream for Encoded<T, E> {
            type Item = Result<Bytes, CallError>;

            fn poll_next(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Self::Item>> {
                let codec = self.1;
                let value = Pin::new(&mut self.0).poll_next(cx);
                value.map(|value| value.map(|value| encode_item(value, codec)))
            }
        }
        Encoded(self, codec)
    }
}

impl<T, E> Stream for Streaming<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let value = self.values.as_mut().poll_next(cx);
        self.ended = matches!(value, Poll::Ready(None | Some(Err(_))));
        value
    }
}

impl<T, E> fmt::Debug for Streaming<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

fn decode_item<T, E>(item: Result<Bytes, CallError>, codec: Codec) -> Result<T, E>
where
    T: DeserializeOwned,
    E: DeserializeOwned + From<CallError>,
{
    match item {
        Ok(bytes) => codec
            .decode(&bytes)
            .map_err(|error| CallError::Decode(error).into()),
        Err(error) => Err(decode_error(error)),
    }
}

/// The method's own error, or what stands for it.
pub(crate) fn decode_error<E: DeserializeOwned + From<CallError>>(error: CallError) -> E {
    match error {
        CallError::Application(payload) => match payload.codec.decode(&payload.bytes) {
            Ok(error) => error,
            Err(_) => CallError::Application(payload).into(),
        },
        error => error.into(),
    }
}

fn encode_item<T: Serialize, E: Serialize + 'static>(
    value: Result<T, E>,
    codec: Codec,
) -> Result<Bytes, CallError> {
    match value {
        Ok(value) => codec.encode(&value).map_err(CallError::Encode),
        Err(error) => {
            if let Some(failure) = failure_in(&error) {
                return Err(failure);
            }
            let bytes = codec.encode(&error).map_err(CallError::Encode)?;
            Err(CallError::Application(Payload::new(codec, bytes)))
        }
    }
}
