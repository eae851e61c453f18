//! The client's side of one connection: one question, and its answer.

use std::time::Duration;

use bytes::Bytes;
use proto::error::ExchangeDecodeError;
use proto::frame::crc32::Decoder;

use crate::exchange::framed::{Framed, Patience};
use crate::exchange::pool::Attempt;
use crate::exchange::{ClientConfig, ConnectionError};
use crate::transport::ByteLink;

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Talk {
    framed: Framed,
    /// Bytes of the present question that the system took.
    taken: usize,
}

/// What became of a question that was not answered.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server has no place for the connection, and read nothing.
    Busy(Duration),
    /// Nothing of it left.
    Unsent(ConnectionError),
    /// It, or a part of it, left.
    Unknown(ConnectionError),
}

impl Talk {
    pub(super) fn new(link: ByteLink, config: &ClientConfig) -> Self {
        let decoder = Decoder::for_client(config.crc32_variant, config.max_frame_bytes);
        Self {
            framed: Framed::new(link, decoder),
            taken: 0,
        }
    }

    /// Asks one question, and reads the answer.
    ///
    /// After an error, and if the future is dropped, the connection is good for nothing.
    pub(super) async fn exchange(
        &mut self,
        attempt: &Attempt,
        config: &ClientConfig,
    ) -> Result<Bytes, Failed> {
        self.taken = 0;
        self.expect_quiet().await?;
        if let Err(error) = self.write(attempt, config).await {
            // A server that refuses the connection may have said so before it closed.
            return Err(match (self.busy().await, self.taken) {
                (Some(retry_after), _) => Failed::Busy(retry_after),
                (None, 0) => Failed::Unsent(error),
                (None, _) => Failed::Unknown(error),
            });
        }
        let answer = self.answer(attempt, config).await;
        answer.map_err(|error| match error {
            ConnectionError::Frame(ExchangeDecodeError::Busy { retry_after }) => {
                Failed::Busy(retry_after)
            }
            error => Failed::Unknown(error),
        })
    }

    /// Whether anything of the latest question left.
    pub(super) fn has_sent(&self) -> bool {
        self.taken > 0
    }

    /// Looks whether the server has closed, or said something, since the last answer: it would not
    /// be the answer to what is to be asked.
    async fn expect_quiet(&mut self) -> Result<(), Failed> {
        match self.framed.try_begun() {
            None => Ok(()),
            Some(Ok(true)) => Err(match self.busy().await {
                Some(retry_after) => Failed::Busy(retry_after),
                None => Failed::Unsent(ConnectionError::Unasked),
            }),
            Some(Ok(false)) => Err(Failed::Unsent(ConnectionError::Closed)),
            Some(Err(error)) => Err(Failed::Unsent(error.into())),
        }
    }

    async fn write(
        &mut self,
        attempt: &Attempt,
        config: &ClientConfig,
    ) -> Result<(), ConnectionError> {
        let Attempt {
            header, message, ..
        } = attempt;
        let patience = Patience::new(config.write_timeout).until(attempt.until, attempt.limit);
        let taken = &mut self.taken;
        let writing = self.framed.write(*header, message, patience, taken);
        writing.await.map(|_| ())
    }

    async fn answer(
        &mut self,
        attempt: &Attempt,
        config: &ClientConfig,
    ) -> Result<Bytes, ConnectionError> {
        let (begun, limit) = attempt.within(config.answer_timeout);
        match tokio::time::timeout_at(begun.into(), self.framed.begun()).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(ConnectionError::Closed),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(ConnectionError::Silent { limit }),
        }
        let patience = Patience::new(config.read_timeout).until(attempt.until, attempt.limit);
        self.framed.finish(patience).await
    }

    /// What a server said that closed the connection, if it said that it is busy.
    async fn busy(&mut self) -> Option<Duration> {
        let patience = Patience::new(LAST_WORDS);
        let words = async {
            let begun = self.framed.begun().await.unwrap_or(false);
            match begun {
                true => self.framed.finish(patience).await.err(),
                false => None,
            }
        };
        match tokio::time::timeout(LAST_WORDS, words).await {
            Ok(Some(ConnectionError::Frame(ExchangeDecodeError::Busy { retry_after }))) => {
                Some(retry_after)
            }
            _ => None,
        }
    }
}

/// How long to look for the last words of a server that takes nothing any more.
const LAST_WORDS: Duration = Duration::from_millis(100);
