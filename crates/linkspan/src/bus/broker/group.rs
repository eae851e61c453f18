//! Subscriptions that share publications: each goes to one of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::bus::broker::message::Message;
use crate::bus::broker::subscription::Subscription;

/// Subscriptions that share publications, by the turn.
#[derive(Debug, Default)]
pub(crate) struct Group {
    turn: AtomicUsize,
}

/// The groups that there are, by their names.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<HashMap<String, Weak<Group>>>);

impl Groups {
    /// The group of a name; it is there as long as somebody is in it.
    pub(super) fn find(&self, name: &str) -> Arc<Group> {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(name).and_then(Weak::upgrade) {
            return group;
        }
        groups.retain(|_, group| group.strong_count() > 0);
        let group = Arc::default();
        groups.insert(name.to_owned(), Arc::downgrade(&group));
        group
    }
}

/// Who wants publications of a topic.
#[derive(Debug, Default)]
pub(super) struct Receivers {
    /// Those who get all of them.
    pub(super) each: Vec<Arc<Subscription>>,
    /// Those who share them.
    pub(super) shared: Vec<Sharing>,
}

/// Members of one group.
#[derive(Debug)]
pub(super) struct Sharing {
    group: Arc<Group>,
    members: Vec<Arc<Subscription>>,
}

impl Receivers {
    pub(super) fn add(&mut self, subscription: Arc<Subscription>) {
        let Some(group) = &subscription.group else {
            return self.each.push(subscription);
        };
        let same = |sharing: &&mut Sharing| Arc::ptr_eq(&sharing.group, group);
        match self.shared.iter_mut().find(same) {
            Some(sharing) => sharing.members.push(subscription),
            None => self.shared.push(Sharing {
                group: Arc::clone(group),
                members: vec![subscription],
            }),
        }
    }
}

impl Sharing {
    /// The members who want a publication, the one whose turn it is first.
    pub(super) fn in_turn<'a>(
        &'a self,
        message: &'a Message,
        is_meant: &'a dyn Fn(&Subscription) -> bool,
    ) -> impl Iterator<Item = &'a Arc<Subscription>> + Clone {
        let turn = self.group.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn.checked_rem(self.members.len()).unwrap_or_default();
        let (before, after) = self.members.split_at(first);
        let admits =
            move |member: &&'a Arc<Subscription>| is_meant(member) && member.admits(message);
        after.iter().chain(before).filter(admits)
    }
}
