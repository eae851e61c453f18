//! The table of streams.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::frame::{Compression, to_u64};
use crate::message::{CancelReason, Failure, Response};
use crate::session::credit::{Allowance, Window};
use crate::session::push::FRAGMENT_BYTES;
use crate::session::{Closed, Fate};
use crate::stream_id::{Role, StreamId};

/// All streams that are open, and those that closed since the driver last looked.
#[derive(Debug)]
pub(crate) struct Streams<A> {
    map: HashMap<StreamId, Stream<A>, RandomState>,
    closed: Vec<StreamId>,
    /// Credit of the connection that streams held back until they closed.
    owed: u64,
    /// Open streams of the client and of the server.
    open: [u32; 2],
}

impl<A> Default for Streams<A> {
    fn default() -> Self {
        Self {
            map: HashMap::default(),
            closed: Vec::new(),
            owed: 0,
            open: [0; 2],
        }
    }
}

impl<A> Streams<A> {
    pub(crate) fn insert(&mut self, id: StreamId, stream: Stream<A>) {
        if let Some(count) = self.count(id) {
            *count = count.saturating_add(1);
        }
        self.map.insert(id, stream);
    }

    /// The stream, unless it is closed.
    pub(crate) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream<A>> {
        self.map.get_mut(&id).filter(|stream| stream.fate.is_none())
    }

    /// The stream, even if it has closed since the driver last looked.
    pub(crate) fn get_unreaped_mut(&mut self, id: StreamId) -> Option<&mut Stream<A>> {
        self.map.get_mut(&id)
    }

    /// Open streams that `role` opened.
    pub(crate) fn open(&self, role: Role) -> u32 {
        match role {
            Role::Client => self.open[0],
            Role::Server => self.open[1],
        }
    }

    pub(crate) fn iter_open(&self) -> impl Iterator<Item = (StreamId, &Stream<A>)> {
        self.map
            .iter()
            .filter(|(_, stream)| stream.fate.is_none())
            .map(|(id, s)| (*id, s))
    }

    /// Closes the stream if it is open; it stays until [`reap`](Self::reap).
    pub(crate) fn close(&mut self, id: StreamId, fate: Fate) {
        let Some(stream) = self.get_mut(id) else {
            return;
        };
        stream.fate = Some(fate);
        stream.send.queue = VecDeque::new();
        let owed = stream.recv.owed;
        self.owed = self.owed.saturating_add(owed);
        self.closed.push(id);
        if let Some(count) = self.count(id) {
            *count = count.saturating_sub(1);
        }
    }

    /// Closes the stream if both its directions have ended.
    pub(crate) fn close_if_ended(&mut self, id: StreamId) {
        if self
            .get_mut(id)
            .is_some_and(|stream| stream.send.ended && stream.recv.ended)
        {
            self.close(id, Fate::Finished);
        }
    }

    /// Takes a closed stream out of the table.
    pub(crate) fn reap(&mut self) -> Option<Closed<A>> {
        let id = self.closed.pop()?;
        let stream = self.map.remove(&id)?;
        let fate = stream.fate.unwrap_or(Fate::Finished);
        Some(Closed {
            stream: id,
            attachment: stream.attachment,
            fate,
        })
    }

    /// Credit of the connection that closed streams had held back.
    pub(crate) fn take_owed(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.owed)).filter(|owed| *owed > 0)
    }

    /// Gives memory back that many streams left behind.
    pub(crate) fn shrink(&mut self) {
        self.map.shrink_to_fit();
        self.closed.shrink_to_fit();
    }

    fn count(&mut self, id: StreamId) -> Option<&mut u32> {
        id.opener().map(|role| match role {
            Role::Client => &mut self.open[0],
            Role::Server => &mut self.open[1],
        })
    }
}

#[derive(Debug)]
pub(crate) struct Stream<A> {
    pub(crate) attachment: Option<A>,
    pub(crate) deadline: Option<Instant>,
    /// How much had been pushed into the outbox when the opening frame was in it.
    pub(crate) opened_at: u64,
    pub(crate) send: SendSide,
    pub(crate) recv: RecvSide,
    /// How it ended, once it did.
    fate: Option<Fate>,
}

impl<A> Stream<A> {
    pub(crate) fn new(deadline: Option<Instant>, send_credit: u64, recv_window: u64) -> Self {
        Self {
            attachment: None,
            deadline,
            opened_at: 0,
            send: SendSide {
                credit: Allowance::new(send_credit),
                queue: VecDeque::new(),
                queued_bytes: 0,
                next_chunk: 0,
                progress: Progress::Open,
                ended: false,
                scheduled: false,
            },
            recv: RecvSide {
                window: Window::new(recv_window, ENOUGH_BYTES),
                next_chunk: 0,
                answer: Answer::Awaited,
                ended: false,
                owed: 0,
            },
            fate: None,
        }
    }
}

/// The direction from here to the peer.
#[derive(Debug)]
pub(crate) struct SendSide {
    pub(crate) credit: Allowance,
    pub(crate) queue: VecDeque<Item>,
    pub(crate) queued_bytes: usize,
    pub(crate) next_chunk: u64,
    pub(crate) progress: Progress,
    /// The frame that ends the direction was pushed.
    pub(crate) ended: bool,
    /// It stands in the schedule.
    pub(crate) scheduled: bool,
}

impl SendSide {
    /// Memory of what waits, in bytes: an item without bytes takes some, too.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let items = self.queue.len().saturating_mul(ITEM_BYTES);
        self.queued_bytes.saturating_add(items)
    }
}

/// How far the application has come with a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More may be sent.
    Open,
    /// Nothing more is sent once the queue is empty.
    Finishing,
    /// The peer asked to stop.
    Stopped(CancelReason),
}

/// A piece of a body or an item, as the sender cut it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// By what they are compressed, if they are. Then they leave in one frame.
    pub compression: Option<Compression>,
    /// Whether the body or item goes on in the next piece.
    pub continued: bool,
}

impl Piece {
    /// Makes the last piece of an item.
    pub fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            compression: None,
            continued: false,
        }
    }

    /// Credit that it costs, received in one chunk (docs/protocol.md, section 6.1).
    pub fn cost_bytes(&self) -> u64 {
        to_u64(self.bytes.len().max(1))
    }
}

/// Something that waits for credit or its turn.
#[derive(Debug)]
pub(crate) enum Item {
    /// A response that does not fit into the credit yet, and whether its body goes on in a piece.
    Response(Response, bool),
    /// The rest of an item, or a piece of one.
    Piece(Piece),
    /// The end by a failure.
    Failure(Box<Failure>),
}

/// The direction from the peer to here.
#[derive(Debug)]
pub(crate) struct RecvSide {
    pub(crate) window: Window,
    pub(crate) next_chunk: u64,
    pub(crate) answer: Answer,
    /// The frame that ends the direction came.
    pub(crate) ended: bool,
    /// Credit of the connection that is held back until the stream closes.
    pub(crate) owed: u64,
}

/// How far the answer on a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The first response has not come.
    Awaited,
    /// It has.
    Begun,
    /// The method's error came after it.
    Failed,
}

/// Credit with which any response can be sent: its head and the first piece of its body.
const ENOUGH_BYTES: u64 = 2 * FRAGMENT_BYTES as u64;
/// What a waiting item takes besides its bytes.
pub(crate) const ITEM_BYTES: usize = size_of::<Item>();
