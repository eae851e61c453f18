//! How often clients may pass messages on.

use proto::topic::Mask;

use crate::bus::ConfigError;

/// How many messages may come in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rate {
    /// Messages in each second, in the long run; at least 1.
    pub messages_per_second: u32,
    /// Messages that may come at once, after a pause; at least 1.
    pub burst: u32,
}

/// How often messages may come, from each client and under topics. By default there is no limit, and
/// then none of it costs anything.
///
/// What is too much is not passed on. Native clients are told when to come back
/// ([`PostError::Limited`](crate::bus::PostError::Limited)), those of BUS/RT get the status *busy*; nobody
/// hears of what was sent without acknowledgement.
/// [`BrokerStats::rate_limited`](crate::bus::BrokerStats::rate_limited) counts all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Rates {
    /// For each client, its secondaries included: publications, messages, broadcasts and calls. The
    /// answer to a call is free. A client that comes back begins anew. Default: none.
    pub per_client: Option<Rate>,
    /// For all publications under the topics of a mask together, whoever makes them; a publication
    /// has to fit into each rate whose mask stands for its topic. Default: none.
    pub topics: Vec<(Mask, Rate)>,
}

impl Rate {
    /// So many messages in each second, and so many at once.
    pub fn new(messages_per_second: u32, burst: u32) -> Self {
        Self {
            messages_per_second,
            burst,
        }
    }
}

impl Rates {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let topics = self.topics.iter().map(|(_, rate)| rate);
        for rate in self.per_client.iter().chain(topics) {
            let values = [
                ("messages_per_second", rate.messages_per_second),
                ("burst", rate.burst),
            ];
            if let Some((key, _)) = values.into_iter().find(|(_, value)| *value == 0) {
                let (value, least) = (0, 1);
                return Err(ConfigError::TooSmall { key, value, least });
            }
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.per_client.is_none() && self.topics.is_empty()
    }
}
