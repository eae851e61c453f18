//! What somebody has of a limited concurrency, until it is given back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::auth::quota::account::Account;

/// The place of something that is under way. It is free again when this is dropped.
#[derive(Debug, Default)]
#[must_use = "it is given back when it is dropped"]
pub(crate) struct Place(Option<Occupied>);

#[derive(Debug)]
struct Occupied {
    account: Arc<Account>,
    /// By which rules.
    rules: Vec<usize>,
}

/// Items that have a place, as long as they may go on.
pub(crate) struct Kept<S> {
    items: S,
    place: Place,
}

impl Place {
    /// One by no rule yet.
    pub(super) fn of(account: &Arc<Account>) -> Self {
        Self(Some(Occupied {
            account: Arc::clone(account),
            rules: Vec::new(),
        }))
    }

    /// Has it count by one more rule, where one was entered.
    pub(super) fn entered(&mut self, rule: usize) {
        if let Some(occupied) = &mut self.0 {
            occupied.rules.push(rule);
        }
    }

    /// Whether nothing is given back with it.
    pub(crate) fn is_free(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|occupied| occupied.rules.is_empty())
    }

    /// Keeps it until items have ended, or are dropped.
    pub(crate) fn keep<S>(self, items: S) -> Kept<S> {
        Kept { items, place: self }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let uses = self.rules.iter();
        let uses = uses.filter_map(|rule| self.account.uses.get(*rule));
        uses.for_each(|used| used.leave());
    }
}

impl<S, T, E> Stream for Kept<S>
where
    S: Stream<Item = Result<T, E>> + Unpin,
{
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(Pin::new(&mut self.items).poll_next(cx));
        if matches!(item, None | Some(Err(_))) {
            self.place = Place::default();
        }
        Poll::Ready(item)
    }
}
