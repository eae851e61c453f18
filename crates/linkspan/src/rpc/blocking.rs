//! A client for programs without a runtime: thin command lines, build scripts, other languages.
//!
//! One thread per process drives all blocking clients, so that heartbeats are answered and events
//! arrive while the program does something else.
//!
//! # Examples
//!
//! ```no_run
//! use linkspan::rpc::blocking::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("unix:/run/app.sock")?;
//! let sum: i64 = client.send_request("calculator.add", &serde_json::json!({ "a": 2, "b": 3 }))?;
//! # Ok(())
//! # }
//! ```

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::OnceLock;

use bytes::Bytes;
use futures_core::Stream;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::codec::{Codec, Decode, Encode, Payload};
use crate::rpc::{CallError, ClientConfig, ConnectError, Items, Request, Router};
use crate::session::Response;
use crate::{Address, AddressError};

/// A client whose methods wait on the calling thread.
///
/// It must not be used on a runtime's own threads; [`rpc::Client`](crate::rpc::Client) is for
/// those.
#[derive(Debug, Clone)]
pub struct Client {
    client: crate::rpc::Client,
}

impl Client {
    /// Connects with default settings.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`].
    ///
    /// # Panics
    ///
    /// On a thread of a runtime.
    pub fn connect<A>(address: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        Self::connect_with(address, ClientConfig::default())
    }

    /// Connects with settings.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`].
    ///
    /// # Panics
    ///
    /// On a thread of a runtime.
    pub fn connect_with<A>(address: A, config: ClientConfig) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let connecting = crate::rpc::Client::connect_with(address, config, Router::new());
        let client = runtime().map_err(ConnectError::Io)?.block_on(connecting)?;
        Ok(Self { client })
    }

    /// Calls a method by its name, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As [`rpc::Client::send_request`](crate::rpc::Client::send_request).
    ///
    /// # Panics
    ///
    /// On a thread of a runtime.
    pub fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        wait(self.client.send_request(method, body))
    }

    /// Tells the server something, without an answer.
    ///
    /// # Errors
    ///
    /// As [`rpc::Client::send_event`](crate::rpc::Client::send_event).
    ///
    /// # Panics
    ///
    /// On a thread of a runtime.
    pub fn send_event(&self, topic: &str, body: &(impl Encode + ?Sized)) -> Result<(), CallError> {
        wait(self.client.send_event(topic, body))
    }

    /// Calls a method by its name, and gives the items of its answer as they come.
    ///
    /// # Errors
    ///
    /// Any [`CallError`]; the method's own error is [`CallError::Application`].
    ///
    /// # Panics
    ///
    /// On a thread of a runtime.
    pub fn send_request_for_items<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<Values<R>, CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        wait(async {
            let response = self
                .client
                .call(Request::with_payload(method, payload))
                .await?;
            Values::new(response).await
        })
    }
}

/// The items of an answer; an error is the last one.
#[derive(Debug)]
pub struct Values<R> {
    items: Items,
    codec: Codec,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R: Decode> Values<R> {
    async fn new(response: Response) -> Result<Self, CallError> {
        let codec = response.codec()?;
        if response.status == crate::Status::Error {
            return Err(CallError::Application(
                response.collect().await.or_else(application)?,
            ));
        }
        let (_, items) = response.body.split().await?;
        Ok(Self {
            items,
            codec,
            kind: std::marker::PhantomData,
        })
    }

    fn decode(&self, item: Bytes) -> Result<R, CallError> {
        R::decode(&Payload::new(self.codec, item)).map_err(CallError::Decode)
    }
}

impl<R: Decode> Iterator for Values<R> {
    type Item = Result<R, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        let items = &mut self.items;
        let item = wait(poll_fn(|cx| Pin::new(&mut *items).poll_next(cx)));
        item.map(|item| self.decode(item?))
    }
}

fn application(error: CallError) -> Result<Payload, CallError> {
    match error {
        CallError::Application(payload) => Ok(payload),
        error => Err(error),
    }
}

/// Waits for a future on this thread; the process's own thread moves the bytes.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = runtime().expect("a client exists, so the runtime does");
    runtime.block_on(future)
}

/// The runtime of all blocking clients of this process.
fn runtime() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("linkspan")
        .enable_all()
        .build()?;
    // Of two that are made at once, one stays; the other has done nothing yet.
    Ok(RUNTIME.get_or_init(|| made).handle().clone())
}
