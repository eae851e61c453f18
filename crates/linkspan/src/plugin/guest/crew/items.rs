//! Items that a handler gives, polled by the crew as the handler was.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::plugin::guest::crew::{Away, Crew};
use crate::session::{CallError, Items, Placement};

/// Items whose stream is polled by the crew; what is there at once comes together.
pub(in crate::plugin::guest) struct Elsewhere {
    crew: Arc<Crew>,
    stream: Option<u64>,
    pace: Arc<Placement>,
    fetched: VecDeque<Item>,
    source: Source,
}

type Item = Result<Bytes, CallError>;

enum Source {
    Here(Items),
    Away(Away<Fetched>),
    Ended,
}

/// Some items, and where more come from unless they were the last.
struct Fetched {
    items: VecDeque<Item>,
    more: Option<Items>,
}

impl Elsewhere {
    pub(in crate::plugin::guest) fn new(
        crew: &Arc<Crew>,
        stream: Option<u64>,
        pace: &Arc<Placement>,
        items: Items,
    ) -> Self {
        Self {
            crew: Arc::clone(crew),
            stream,
            pace: Arc::clone(pace),
            fetched: VecDeque::new(),
            source: Source::Here(items),
        }
    }

    /// Has the crew fetch, unless it does already; nothing at the end.
    fn away(&mut self) -> Option<&mut Away<Fetched>> {
        self.source = match mem::replace(&mut self.source, Source::Ended) {
            Source::Here(items) => {
                let fetching = Box::pin(fetch(items));
                Source::Away(self.crew.run(self.stream, &self.pace, fetching))
            }
            source => source,
        };
        match &mut self.source {
            Source::Away(away) => Some(away),
            _ => None,
        }
    }
}

impl Stream for Elsewhere {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        loop {
            if let Some(item) = self.fetched.pop_front() {
                return Poll::Ready(Some(item));
            }
            let Some(away) = self.away() else {
                return Poll::Ready(None);
            };
            let Fetched { items, more } = ready!(Pin::new(away).poll(cx));
            self.fetched = items;
            self.source = more.map_or(Source::Ended, Source::Here);
        }
    }
}

/// Waits for an item, and takes what else is there already.
async fn fetch(mut items: Items) -> Fetched {
    let mut fetched = VecDeque::new();
    let mut bytes = 0_usize;
    let is_over = poll_fn(|cx| {
        while fetched.len() < MOST_ITEMS && bytes < ENOUGH_BYTES {
            match Pin::new(&mut items).poll_next(cx) {
                Poll::Ready(Some(item)) => {
                    bytes = bytes.saturating_add(item.as_ref().map_or(0, Bytes::len));
                    fetched.push_back(item);
                }
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Pending if fetched.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(false),
            }
        }
        Poll::Ready(false)
    });
    let is_over = is_over.await;
    Fetched {
        items: fetched,
        more: (!is_over).then_some(items),
    }
}

/// So many items are taken together at most, and no more once they have so many bytes.
const MOST_ITEMS: usize = 32;
const ENOUGH_BYTES: usize = 65_536;
