//! The side that asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::frame::crc32::Encoder;

use crate::clock;
use crate::exchange::counts::{ClientCounters, ClientStats};
use crate::exchange::pool::{Attempt, Pool};
use crate::exchange::{ClientBuilder, ClientConfig, ExchangeError};
use crate::layer::{AttemptError, Backoff, Balance, Endpoint};
use crate::transport::Connected;
use crate::{Address, AddressError};

/// Asks questions of one server, or of several that give the same answers.
///
/// Each connection has one question at a time; questions at once have connections of their own, up
/// to a number. Clones share connections, breakers and figures.
///
/// **Nothing is sent twice in silence.** A question that certainly was not read, because nobody
/// listens or all places are taken, goes to the next endpoint, and after a pause to the same ones
/// again, until its time is up: so a server may be started after its clients, and again. A question
/// that may have been read is only repeated if it is [idempotent](Question::idempotent); otherwise
/// the error is [`ExchangeError::OutcomeUnknown`].
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    balance: Balance<Pool>,
    config: Arc<ClientConfig>,
    counters: Arc<ClientCounters>,
}

impl Client {
    /// Connects to a server, with default settings but for one connection only.
    ///
    /// # Errors
    ///
    /// - [`ExchangeError::Address`]: the text is not an address.
    /// - [`ExchangeError::Connect`]: no connection came about within 3 s.
    ///
    /// A server that has no place says so to the first question.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, so is the connection.
    pub async fn connect<A>(address: A) -> Result<Self, ExchangeError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let config = ClientConfig {
            connections_per_endpoint: 1,
            ..ClientConfig::default()
        };
        let builder = Self::builder().config(config).endpoint(address);
        builder.connect().await
    }

    /// Is a client on a connection that was made elsewhere. It has one question at a time, and when it
    /// is lost, the client is at its end: [`ExchangeError::Ended`].
    ///
    /// ```
    /// # #[cfg(unix)]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use bytes::Bytes;
    /// use linkspan::auth::Principal;
    /// use linkspan::exchange::{Client, ClientConfig, Context, Server};
    /// use linkspan::transport::Connected;
    ///
    /// let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    /// let asked = Connected::from_unix(theirs, Principal::named("parent"))?;
    /// let echo = async |question: Bytes, _: Context| Ok::<_, Bytes>(question);
    /// let serving = tokio::spawn(Server::new().handler(echo).serve(asked));
    ///
    /// let child = Connected::from_unix(ours, Principal::named("child"))?;
    /// let client = Client::over(child, ClientConfig::default());
    /// assert_eq!(client.send("hello").await?, "hello");
    /// drop(client);
    /// serving.await?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn over(connected: Connected, mut config: ClientConfig) -> Self {
        config.connections_per_endpoint = 1;
        let (config, counters) = (Arc::new(config), Arc::<ClientCounters>::default());
        let link = connected.into_bytes();
        let pool = Pool::over(link, Arc::clone(&config), Arc::clone(&counters));
        let endpoint = Endpoint::new(Arc::clone(pool.endpoint()), pool);
        let balance = Balance::new(vec![endpoint], config.balance.clone());
        Self::new(balance, config, counters)
    }

    /// Begins a client of several endpoints, or with other settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(super) fn new(
        balance: Balance<Pool>,
        config: Arc<ClientConfig>,
        counters: Arc<ClientCounters>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                balance,
                config,
                counters,
            }),
        }
    }

    /// Sends a question that must not be handled twice; gives the answer.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the question may have been sent or not; its connection is closed.
    pub async fn send(&self, question: impl Into<Bytes>) -> Result<Bytes, ExchangeError> {
        self.question(question).send().await
    }

    /// Sends a message that must not be handled twice; gives the answer.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`]; [`ExchangeError::Answer`] if the answer is no `A`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the question may have been sent or not; its connection is closed.
    #[cfg(feature = "prost")]
    pub async fn call<Q, A>(&self, question: &Q) -> Result<A, ExchangeError>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        self.message(question).receive().await
    }

    /// Begins a question with settings of its own.
    pub fn question(&self, message: impl Into<Bytes>) -> Question<'_> {
        Question {
            client: self,
            message: message.into(),
            is_idempotent: false,
            limit: self.shared.config.request_timeout,
        }
    }

    /// Begins a question with settings of its own, from a protobuf message.
    #[cfg(feature = "prost")]
    pub fn message(&self, message: &impl prost::Message) -> Question<'_> {
        self.question(message.encode_to_vec())
    }

    /// What was counted so far.
    pub fn stats(&self) -> ClientStats {
        self.shared.counters.stats(self.shared.balance.stats())
    }

    /// Its settings.
    pub fn config(&self) -> &ClientConfig {
        &self.shared.config
    }
}

/// A question before it is sent.
#[derive(Debug, Clone)]
#[must_use = "it is sent by `send` only"]
pub struct Question<'a> {
    client: &'a Client,
    message: Bytes,
    is_idempotent: bool,
    limit: Duration,
}

impl Question<'_> {
    /// Declares that handling it twice is as good as once, so that it may be repeated after any
    /// failure.
    pub fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// Limits its time, all attempts and pauses included. Default:
    /// [`ClientConfig::request_timeout`].
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it; gives the answer.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`] but [`Answer`](ExchangeError::Answer).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the question may have been sent or not; its connection is closed.
    pub async fn send(self) -> Result<Bytes, ExchangeError> {
        let shared = Arc::clone(&self.client.shared);
        let result = self.ask(&shared).await;
        result.inspect_err(|error| shared.counters.failed(error))
    }

    /// Sends it; gives the answer as a protobuf message.
    ///
    /// # Errors
    ///
    /// Any [`ExchangeError`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the question may have been sent or not; its connection is closed.
    #[cfg(feature = "prost")]
    pub async fn receive<A: prost::Message + Default>(self) -> Result<A, ExchangeError> {
        let shared = Arc::clone(&self.client.shared);
        let decoded = crate::exchange::handler::messages::decode(self.send().await?);
        let answer = decoded.map_err(ExchangeError::Answer);
        answer.inspect_err(|error| shared.counters.failed(error))
    }

    async fn ask(self, shared: &Shared) -> Result<Bytes, ExchangeError> {
        let config = &shared.config;
        let encoder = Encoder::new(config.crc32_variant, config.max_frame_bytes);
        let attempt = Attempt {
            header: encoder.header(&self.message)?,
            message: self.message,
            until: clock::after(clock::now(), self.limit),
            limit: self.limit,
            is_idempotent: self.is_idempotent,
        };
        shared.repeat(attempt).await
    }
}

impl Shared {
    /// Goes over the endpoints until there is an answer, or no more to be done.
    async fn repeat(&self, attempt: Attempt) -> Result<Bytes, ExchangeError> {
        let mut backoff = Backoff::new(self.config.backoff.clone());
        let mut open = None;
        let mut result = self.balance.send(attempt.clone()).await;
        loop {
            let error = match result {
                Ok(answer) => return Ok(answer),
                Err(error) => ExchangeError::from(error),
            };
            // That an earlier attempt may have been handled, no later one makes untrue.
            let may_go_on = self.may_repeat(&attempt, &error);
            let hint = error.retry_after().unwrap_or_default();
            let error = match open.take() {
                Some(earlier) if error.is_unsent() => earlier,
                _ => error,
            };
            let Some(pause) = backoff.next_pause().filter(|_| may_go_on) else {
                return Err(error);
            };
            let pause = pause.max(hint.min(self.config.backoff.longest_pause));
            let next = clock::after(clock::now(), pause);
            if next >= attempt.until {
                return Err(expired(error, attempt.limit));
            }
            if !error.is_unsent() {
                open = Some(error);
            }
            self.counters.repeated.increment();
            tokio::time::sleep_until(next.into()).await;
            result = self.balance.send_again(attempt.clone()).await;
        }
    }

    /// Whether the question may go to the endpoints once more. Those that certainly were not read
    /// are held back by pauses alone; a budget is for the others.
    fn may_repeat(&self, attempt: &Attempt, error: &ExchangeError) -> bool {
        if error.is_unsent() {
            return !error.is_permanent();
        }
        let is_allowed = attempt.is_idempotent && error.is_failure();
        is_allowed && self.balance.budget().try_repeat(clock::now())
    }
}

/// The error of a question whose time is up before another attempt.
fn expired(error: ExchangeError, limit: Duration) -> ExchangeError {
    if !error.is_unsent() {
        return error;
    }
    ExchangeError::Expired {
        limit,
        last: Box::new(error),
    }
}
