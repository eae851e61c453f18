//! What becomes of messages that cannot be delivered, and what is done about them later.

use std::sync::Arc;

use proto::frame::busrt::{BROKER, DeliveryKind};

use crate::bus::Action;
use crate::bus::broker::core::Core;
use crate::bus::broker::dead_letters::{Chosen, Letter};
use crate::bus::broker::events;
use crate::bus::broker::group::Receivers;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Shared;
use crate::bus::broker::rules::Refusal;
use crate::bus::broker::subscription::{Subscriber, Subscription};
use crate::bus::wire::{DeadLetterPage, DeadReason, ListDeadLetters, ReplayProblem, Replayed};

impl Core {
    /// Keeps a message that could not be delivered, and tells those who want to know. Parts of calls
    /// are not kept: their callers know already, and nobody waits for them later.
    pub(super) fn bury(
        &self,
        reason: DeadReason,
        message: &Shared,
        receiver: Option<&str>,
        detail: Option<&Arc<str>>,
    ) {
        if message.is_request() || message.is_answer() {
            return;
        }
        let letter = self.dead_letters.add(reason, message, receiver, detail);
        if let Some(topic) = self.dead_letters.topic()
            && topic != message.topic()
        {
            self.announce(events::dead_letter(topic, &letter));
        }
    }

    /// A part of a list of letters.
    pub(crate) fn list_dead_letters(
        &self,
        chosen: &Chosen,
        wanted: &ListDeadLetters,
    ) -> DeadLetterPage {
        let mut left = wanted.limit.unwrap_or(PAGE_LETTERS).min(PAGE_LETTERS);
        let mut bytes = 0;
        let goes_on = |letter: &Letter| {
            let goes_on = left > 0 && bytes < PAGE_BYTES;
            left = left.saturating_sub(1);
            bytes += letter.message.topic().len() + letter.message.sender().len();
            bytes += letter.detail.as_ref().map_or(0, |detail| detail.len());
            goes_on
        };
        let (letters, more) = self.dead_letters.list(chosen, wanted.after, goes_on);
        let letters = letters.iter().map(|letter| letter.head()).collect();
        DeadLetterPage { letters, more }
    }

    /// Delivers the chosen letters, each to all who should get it or to nobody, in the names of their
    /// senders and without waiting; those that cannot be delivered stay.
    pub(crate) fn replay(&self, by: &Member, chosen: &Chosen) -> Replayed {
        let mut replayed = Replayed::default();
        for letter in self.dead_letters.take(chosen) {
            let Err(problem) = self.replay_one(by, &letter) else {
                replayed.delivered += 1;
                continue;
            };
            replayed.kept += 1;
            if replayed.problems.len() < MOST_PROBLEMS {
                let id = letter.id;
                replayed.problems.push(ReplayProblem { id, problem });
            }
            self.dead_letters.put_back(letter);
        }
        replayed
    }

    /// Forgets the chosen letters; says how many there were.
    pub(crate) fn drop_dead_letters(&self, chosen: &Chosen) -> u64 {
        let dropped = self.dead_letters.take(chosen).len();
        u64::try_from(dropped).unwrap_or(u64::MAX)
    }

    fn replay_one(&self, by: &Member, letter: &Letter) -> Result<(), String> {
        let message = &letter.message;
        let receiver = letter.receiver.as_deref();
        let is_publication = message.kind() == DeliveryKind::Publication;
        let action = match receiver {
            Some(name) if !is_publication => Action::Send(name),
            _ => Action::Publish(message.topic()),
        };
        if !self.permits(by, action) {
            return Err("you may not send it".to_owned());
        }
        if let Err(Refusal::Invalid(problem)) = self.rules.check(message) {
            return Err(problem.to_string());
        }
        let receivers = match is_publication {
            true => self.subscribers(message, receiver),
            false => self.inbox(receiver.unwrap_or_default()),
        };
        if receivers.is_empty() {
            return Err("there is nobody to get it".to_owned());
        }
        let full = receivers.iter().find(|it| !it.queue.has_room(message));
        if let Some(full) = full {
            return Err(format!("{:?} has no room for it", &*full.name));
        }
        self.taps.see(receiver.unwrap_or_default(), message);
        for subscription in &receivers {
            subscription.queue.push_or_drop(message);
            subscription.queue.flush();
        }
        Ok(())
    }

    /// Who wants a publication now, or which subscriptions of one client do.
    fn subscribers(&self, message: &Shared, receiver: Option<&str>) -> Vec<Arc<Subscription>> {
        let mut found = Vec::new();
        self.masks().trie.find(message.topic(), &mut found);
        let mut receivers = Receivers::default();
        for Subscriber(subscription) in found {
            receivers.add(subscription);
        }
        let is_meant = |it: &Subscription| receiver.is_none_or(|name| &*it.name == name);
        let each = receivers.each.iter();
        let each = each.filter(|it| is_meant(it) && it.admits(message));
        let mut wanted: Vec<_> = each.map(Arc::clone).collect();
        for sharing in &receivers.shared {
            let mut members = sharing.in_turn(message, &is_meant);
            let first = members.clone().next();
            let member = members.find(|it| it.queue.has_room(message)).or(first);
            wanted.extend(member.map(Arc::clone));
        }
        wanted
    }

    /// The inbox of a client, but for the broker's own, which may be what is asking.
    fn inbox(&self, name: &str) -> Vec<Arc<Subscription>> {
        let member = self.member(name).filter(|_| name != BROKER);
        let inbox = member.map(|member| Arc::clone(&member.inbox));
        inbox.into_iter().collect()
    }
}

/// Letters that are listed at once, and bytes of their texts.
const PAGE_LETTERS: u64 = 1000;
const PAGE_BYTES: usize = 256 * 1024;
const MOST_PROBLEMS: usize = 100;
