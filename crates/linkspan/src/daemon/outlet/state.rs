//! What an outlet keeps behind its lock.

use std::io;
use std::task::Waker;

use bytes::{Buf, Bytes};
use proto::frame::Segments;

use crate::daemon::error::DelimitedEncodeError;
use crate::daemon::wire::{Encoder, FromDaemon, Limits, Stream};

pub(super) struct State {
    /// What was begun to be written; it is away while somebody writes.
    pub(super) pen: Option<Segments>,
    /// What follows it.
    pub(super) queue: Segments,
    pub(super) encoder: Encoder,
    pub(super) chunk_bytes: usize,
    /// Bytes that were ever given, and those of them that the system took.
    pub(super) given: u64,
    pub(super) taken: u64,
    /// Whether the peer takes nothing now.
    pub(super) is_blocked: bool,
    pub(super) end: Option<End>,
    /// Tasks that wait for room, or for the system to take what they gave.
    pub(super) waiting: Vec<Waker>,
}

/// Why nothing more goes out.
pub(super) enum End {
    Closed,
    Broken(Option<io::Error>),
    Unsendable(Option<DelimitedEncodeError>),
}

/// Why nothing more can be sent.
#[derive(Debug)]
pub(in crate::daemon) enum Fault {
    Closed,
    Broken(io::Error),
    Unsendable(DelimitedEncodeError),
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            pen: Some(Segments::new()),
            queue: Segments::new(),
            encoder: Encoder::new(Limits::default()),
            chunk_bytes: 0,
            given: 0,
            taken: 0,
            is_blocked: false,
            end: None,
            waiting: Vec::new(),
        }
    }

    /// The right to write, unless it is of no use.
    pub(super) fn take_pen(&mut self) -> Option<Segments> {
        match self.is_blocked || self.end.is_some() {
            true => None,
            false => self.pen.take(),
        }
    }

    pub(super) fn encode(&mut self, message: &FromDaemon) {
        let before = self.queue.remaining();
        if let Err(error) = message.encode(&self.encoder, &mut self.queue) {
            self.end.get_or_insert(End::Unsendable(Some(error)));
        }
        self.given += (self.queue.remaining() - before) as u64;
    }

    pub(super) fn encode_chunk(&mut self, stream: Stream, command: u32, data: &Bytes) {
        let before = self.queue.remaining();
        let result = self
            .encoder
            .encode_chunk(stream.kind(), command, data, &mut self.queue);
        if let Err(error) = result {
            self.end.get_or_insert(End::Unsendable(Some(error)));
        }
        self.given += (self.queue.remaining() - before) as u64;
    }

    /// A write took nothing.
    pub(super) fn stopped(&mut self, error: io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.is_blocked = true,
            _ => {
                self.end.get_or_insert(End::Broken(Some(error)));
            }
        }
    }

    /// Why nothing more can be sent, if so.
    pub(super) fn fault(&mut self) -> Option<Fault> {
        Some(match self.end.as_mut()? {
            End::Closed => Fault::Closed,
            End::Broken(error) => error.take().map_or(Fault::Closed, Fault::Broken),
            End::Unsendable(error) => error.take().map_or(Fault::Closed, Fault::Unsendable),
        })
    }

    pub(super) fn wait(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|other| other.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    pub(super) fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
