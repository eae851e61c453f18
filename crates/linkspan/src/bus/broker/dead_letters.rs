//! Messages that could not be delivered: the newest of them, within limits.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use proto::error::TopicError;
use proto::frame::busrt::DeliveryKind;
use proto::topic::Mask;

use crate::bus::DeadLetters;
use crate::bus::broker::message::Shared;
use crate::bus::wire::{DeadLetter, DeadLetterFilter, DeadReason, Headers, WholeDeadLetter};

/// The dead letters that are kept, the oldest first.
#[derive(Debug)]
pub(crate) struct Graveyard {
    limits: DeadLetters,
    graves: Mutex<Graves>,
    /// Those that had to make room for others.
    forgotten: AtomicU64,
}

#[derive(Debug, Default)]
struct Graves {
    letters: VecDeque<Arc<Letter>>,
    bytes: usize,
    last_id: u64,
}

/// A message that could not be delivered.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(super) id: u64,
    pub(super) reason: DeadReason,
    pub(super) detail: Option<Arc<str>>,
    at_ms: u64,
    /// Which client did not get it; none if that were all.
    pub(super) receiver: Option<Box<str>>,
    pub(super) message: Shared,
}

/// Which letters are meant.
#[derive(Debug)]
pub(crate) struct Chosen {
    ids: HashSet<u64>,
    mask: Option<Mask>,
    reason: Option<DeadReason>,
}

impl Graveyard {
    pub(super) fn new(limits: DeadLetters) -> Self {
        Self {
            limits,
            graves: Mutex::default(),
            forgotten: AtomicU64::new(0),
        }
    }

    pub(super) fn topic(&self) -> Option<&str> {
        self.limits.topic.as_deref()
    }

    /// Keeps a letter, if any are kept.
    pub(super) fn add(
        &self,
        reason: DeadReason,
        message: &Shared,
        receiver: Option<&str>,
        detail: Option<&Arc<str>>,
    ) -> Arc<Letter> {
        let mut graves = self.lock();
        graves.last_id += 1;
        let letter = Arc::new(Letter {
            id: graves.last_id,
            reason,
            detail: detail.map(Arc::clone),
            at_ms: now_ms(),
            receiver: receiver.map(Into::into),
            message: Arc::clone(message),
        });
        let place = graves.letters.len();
        let forgotten = self.insert(&mut graves, place, Arc::clone(&letter));
        drop(graves);
        self.forget(&forgotten);
        letter
    }

    /// Keeps a letter again that was taken.
    pub(super) fn put_back(&self, letter: Arc<Letter>) {
        let mut graves = self.lock();
        let place = graves.letters.partition_point(|other| other.id < letter.id);
        let forgotten = self.insert(&mut graves, place, letter);
        drop(graves);
        self.forget(&forgotten);
    }

    /// Takes the chosen letters out, the oldest first.
    pub(crate) fn take(&self, chosen: &Chosen) -> Vec<Arc<Letter>> {
        let mut graves = self.lock();
        let letters = std::mem::take(&mut graves.letters);
        let (taken, kept) = letters.into_iter().partition(|it| chosen.includes(it));
        let taken: VecDeque<Arc<Letter>> = taken;
        graves.letters = kept;
        graves.bytes -= taken.iter().map(|letter| letter.cost()).sum::<usize>();
        taken.into()
    }

    /// The chosen letters with numbers above `after`, the oldest first, as far as `goes_on` wants them.
    pub(crate) fn list(
        &self,
        chosen: &Chosen,
        after: u64,
        mut goes_on: impl FnMut(&Letter) -> bool,
    ) -> (Vec<Arc<Letter>>, bool) {
        let graves = self.lock();
        let mut letters = graves
            .letters
            .iter()
            .filter(|letter| letter.id > after && chosen.includes(letter));
        let listed = letters.by_ref().take_while(|letter| goes_on(letter));
        let listed: Vec<_> = listed.map(Arc::clone).collect();
        let last = listed.last().map_or(after, |letter| letter.id);
        let mut rest = graves.letters.iter().rev();
        let more = rest.find(|letter| chosen.includes(letter));
        let has_more = more.is_some_and(|letter| letter.id > last);
        (listed, has_more)
    }

    pub(crate) fn letter(&self, id: u64) -> Option<Arc<Letter>> {
        let graves = self.lock();
        let found = graves.letters.binary_search_by_key(&id, |letter| letter.id);
        found
            .ok()
            .and_then(|place| graves.letters.get(place).map(Arc::clone))
    }

    /// How many there are, and what they hold, in bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let graves = self.lock();
        (graves.letters.len(), graves.bytes)
    }

    /// Letters that had to make room for others.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Puts a letter in its place; gives those for which there is no room then, the oldest first. They
    /// are for the caller to drop, where no lock is held.
    fn insert(&self, graves: &mut Graves, place: usize, letter: Arc<Letter>) -> Vec<Arc<Letter>> {
        graves.bytes += letter.cost();
        graves.letters.insert(place, letter);
        let mut forgotten = Vec::new();
        while graves.letters.len() > self.limits.messages || graves.bytes > self.limits.bytes {
            let Some(oldest) = graves.letters.pop_front() else {
                break;
            };
            graves.bytes -= oldest.cost();
            forgotten.push(oldest);
        }
        forgotten
    }

    fn forget(&self, letters: &[Arc<Letter>]) {
        let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        self.forgotten.fetch_add(count, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Graves> {
        self.graves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Letter {
    /// What it takes of the bytes that are kept.
    fn cost(&self) -> usize {
        let receiver = self.receiver.as_ref().map_or(0, |name| name.len());
        let detail = self.detail.as_ref().map_or(0, |detail| detail.len());
        size_of::<Self>() + self.message.cost() + detail + receiver
    }

    /// Its topic, if it is a publication.
    fn topic(&self) -> Option<&str> {
        let is_publication = self.message.kind() == DeliveryKind::Publication;
        is_publication.then(|| self.message.topic())
    }

    /// All but its body.
    pub(crate) fn head(&self) -> DeadLetter {
        let payload_bytes = self.message.payload_bytes().len();
        DeadLetter {
            id: self.id,
            reason: self.reason,
            detail: self.detail.as_deref().unwrap_or_default().to_owned(),
            at_ms: self.at_ms,
            sender: self.message.sender().to_owned(),
            topic: self.topic().map(str::to_owned),
            receiver: self.receiver.as_deref().map(str::to_owned),
            payload_bytes: u64::try_from(payload_bytes).unwrap_or(u64::MAX),
        }
    }

    pub(crate) fn whole(&self) -> WholeDeadLetter {
        let extras = self.message.extras();
        // They were looked at when they were received.
        let headers = Headers::decode(&extras.headers).unwrap_or_default();
        let headers = headers.iter();
        WholeDeadLetter {
            letter: self.head(),
            codec: extras.codec,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            payload: self.message.payload(),
        }
    }
}

impl Chosen {
    /// What a filter means.
    pub(crate) fn of(filter: DeadLetterFilter) -> Result<Self, TopicError> {
        Ok(Self {
            ids: filter.ids.into_iter().collect(),
            mask: filter.mask.map(|mask| mask.parse()).transpose()?,
            reason: filter.reason,
        })
    }

    fn includes(&self, letter: &Letter) -> bool {
        let is_under = |mask: &Mask| letter.topic().is_some_and(|topic| mask.matches(topic));
        let is_of = |reason: DeadReason| letter.reason == reason;
        (self.ids.is_empty() || self.ids.contains(&letter.id))
            && self.mask.as_ref().is_none_or(is_under)
            && self.reason.is_none_or(is_of)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
