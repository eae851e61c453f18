//! Where the message of each topic waits, for queues that keep only the latest.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use proto::frame::busrt::DeliveryKind;

use crate::bus::broker::message::Message;

/// Places of publications in a queue, by their topics.
///
/// A place is a number that stays what it is when something leaves in front of it.
#[derive(Debug, Default)]
pub(super) struct Latest {
    places: HashMap<Box<str>, u64, RandomState>,
}

impl Latest {
    /// Where a publication of the same topic waits.
    pub(super) fn place(&self, message: &Message) -> Option<u64> {
        let is_publication = message.kind() == DeliveryKind::Publication;
        let place = is_publication.then(|| self.places.get(message.topic()))?;
        place.copied()
    }

    pub(super) fn note(&mut self, message: &Message, place: u64) {
        if message.kind() == DeliveryKind::Publication {
            self.places.insert(message.topic().into(), place);
        }
    }

    pub(super) fn forget(&mut self, message: &Message) {
        if message.kind() == DeliveryKind::Publication {
            self.places.remove(message.topic());
        }
        // What a burst needed is not kept.
        if self.places.is_empty() {
            self.places = HashMap::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use proto::frame::busrt::{Limits, Name};

    use crate::bus::QueueLimits;
    use crate::bus::broker::backlog::{Backlog, Item};
    use crate::bus::broker::memory::Memory;
    use crate::bus::broker::message::{Message, Shared};

    fn backlog(messages: usize) -> Backlog {
        let limits = QueueLimits {
            messages,
            bytes: usize::MAX,
        };
        Backlog::new(limits, Arc::new(Memory::new(usize::MAX)), true).with_latest()
    }

    fn publication(topic: u64, number: u64) -> Shared {
        let sender = Name::new("publisher", &Limits::default()).unwrap();
        let payload = Bytes::copy_from_slice(&number.to_le_bytes());
        let topic = format!("topic/{topic}");
        Arc::new(Message::publication(&sender, &topic, &payload))
    }

    /// As a queue does it: says how many were dropped.
    fn push(backlog: &mut Backlog, message: &Shared) {
        if !backlog.replace(message) && !backlog.try_add(message) {
            backlog.add_dropping(message);
        }
    }

    /// Publications in order, of each topic one; what [`Backlog`] has to come to.
    #[derive(Default)]
    struct Model(Vec<(u64, u64)>);

    impl Model {
        fn push(&mut self, topic: u64, number: u64, most: usize) {
            if let Some((_, latest)) = self.0.iter_mut().find(|(other, _)| *other == topic) {
                *latest = number;
                return;
            }
            if self.0.len() == most {
                self.0.remove(0);
            }
            self.0.push((topic, number));
        }
    }

    /// Numbers that look like any others.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn of_each_topic_the_latest_waits_at_the_place_of_the_first() {
        let (mut backlog, mut model) = (backlog(20), Model::default());
        let mut state = 7;
        for number in 0..50_000 {
            let topic = next(&mut state) % 40;
            match next(&mut state) % 8 {
                0 => backlog.add_ping(),
                1 => backlog.mark_end(),
                2 | 3 => match backlog.next() {
                    Some(Item::Message(message)) => {
                        let (topic, number) = model.0.remove(0);
                        let expected = publication(topic, number);
                        assert_eq!(message.topic(), expected.topic());
                        assert_eq!(message.payload(), expected.payload());
                    }
                    Some(_) => {}
                    None => assert!(model.0.is_empty()),
                },
                _ => {
                    push(&mut backlog, &publication(topic, number));
                    model.push(topic, number, 20);
                }
            }
        }
    }

    /// How long it takes to publish under so many topics, of which all wait.
    fn time(topics: u64) -> Duration {
        let mut backlog = backlog(10_000);
        let messages: Vec<_> = (0..topics).map(|topic| publication(topic, 0)).collect();
        messages.iter().for_each(|it| push(&mut backlog, it));
        let start = Instant::now();
        for number in 0..40_000 {
            let message = messages.get(number % messages.len());
            push(&mut backlog, message.unwrap());
        }
        start.elapsed()
    }

    #[test]
    fn many_topics_cost_no_more_than_few() {
        let (few, many) = (time(10), time(8000));
        assert!(
            many < 20 * few,
            "{few:?} with 10 topics, {many:?} with 8000"
        );
    }
}
