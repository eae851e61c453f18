//! What every broker of the comparison does, and its clients.

use anyhow::{Result, bail, ensure};
use bytes::Bytes;

use crate::peer::{Connection, Place, Ready};

/// A broker, and a way to speak to it.
pub(crate) trait Bus: 'static {
    /// Its name, in tables and on the command line.
    const NAME: &'static str;
    /// The environment variable that names its program, if whoever runs the bench has to bring it.
    const BROUGHT_BY: Option<&'static str> = None;

    type Client: Client;

    /// What a program that was brought along says it is.
    fn version() -> Result<String> {
        bail!("{} is built in", Self::NAME)
    }

    /// Listens, says so, and passes messages on for ever.
    fn serve(place: Place, ready: Ready) -> impl Future<Output = Result<()>> + Send;

    /// Connects to the broker that listens at `address`, as a client of a name.
    fn connect(address: String, name: String) -> impl Future<Output = Result<Self::Client>> + Send;
}

/// A client that has one thing to do, or nothing but to be there.
pub(crate) trait Client: Send + Sized + 'static {
    type Publisher: Publisher;
    type Subscriber: Subscriber;
    type Caller: Connection;
    type Callee: Send + 'static;

    /// Publishes to a topic.
    fn publisher(self, topic: &'static str)
    -> impl Future<Output = Result<Self::Publisher>> + Send;

    /// Receives from a topic what is published from now on.
    fn subscriber(
        self,
        topic: &'static str,
    ) -> impl Future<Output = Result<Self::Subscriber>> + Send;

    /// Answers calls with what they bring, as long as what is given is kept.
    fn answer(self) -> impl Future<Output = Result<Self::Callee>> + Send;

    /// Calls the client of a name.
    fn caller(self, callee: &'static str) -> impl Future<Output = Result<Self::Caller>> + Send;
}

pub(crate) trait Publisher: Send + 'static {
    /// Publishes as the client does it when nobody asks whether it arrives; waits as long as the
    /// client or the broker wants it to.
    fn publish(&mut self, body: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// Sees to it that all leaves that was published.
    fn flush(&mut self) -> impl Future<Output = Result<()>> + Send;
}

pub(crate) trait Subscriber: Send + 'static {
    type Message: AsRef<[u8]> + Send;

    /// The next message that came; nothing if the broker has closed the connection.
    fn next(&mut self) -> impl Future<Output = Option<Self::Message>> + Send;
}

/// The message of a number.
pub(crate) fn numbered(number: u64, bytes: usize) -> Bytes {
    let mut body = vec![FILL; bytes];
    if let Some(place) = body.first_chunk_mut() {
        *place = number.to_be_bytes();
    }
    body.into()
}

/// The number of a message, which has to be as long as it was sent, and as it was filled.
pub(crate) fn number_of(body: &[u8], bytes: usize) -> Result<u64> {
    let (number, rest) = body.split_first_chunk().unzip();
    let is_right = body.len() == bytes
        && rest.is_some_and(|rest: &[u8]| rest.iter().all(|&byte| byte == FILL));
    ensure!(
        is_right,
        "a message of {} bytes is not as it was sent",
        body.len()
    );
    Ok(number.map_or(0, |&number| u64::from_be_bytes(number)))
}

const FILL: u8 = 0x6e;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_number() {
        assert_eq!(number_of(&numbered(77, 100), 100).unwrap(), 77);
    }

    #[test]
    fn a_changed_message_is_noticed() {
        let mut body = numbered(1, 100).to_vec();
        number_of(&body, 101).unwrap_err();
        *body.last_mut().unwrap() ^= 1;
        number_of(&body, 100).unwrap_err();
        number_of(&[], 100).unwrap_err();
    }
}
