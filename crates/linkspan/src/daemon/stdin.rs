//! Input of commands, no faster than their handlers read it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use crate::daemon::error::ConnectionError;
use crate::daemon::outlet::Outlet;
use crate::daemon::wire::{Credit, FromDaemon, Stream};

/// Input of a command, as bytes.
///
/// The client reads its own input only when the handler does: one that never asks neither waits for
/// a terminal nor takes what belongs to the next program. If the client is gone before the end of
/// its input, reading fails with [`ConnectionAborted`](io::ErrorKind::ConnectionAborted).
pub struct Stdin {
    inlet: Arc<Inlet>,
    /// What is left of the chunk that is being read.
    present: Bytes,
}

impl Stdin {
    pub(super) fn new(inlet: Arc<Inlet>) -> Self {
        Self {
            inlet,
            present: Bytes::new(),
        }
    }

    /// Waits for input; gives some of it, as it came, or nothing at the end.
    ///
    /// # Errors
    ///
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) if the client is gone.
    ///
    /// # Cancel safety
    ///
    /// No input is lost when the future is dropped.
    pub async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        match self.present.is_empty() {
            true => self.inlet.poll_chunk(cx),
            false => Poll::Ready(Ok(Some(mem::take(&mut self.present)))),
        }
    }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(mut chunk) = ready!(self.poll_chunk(cx))? {
            let count = chunk.len().min(buffer.remaining());
            buffer.put_slice(&chunk.split_to(count));
            self.present = chunk;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin")
            .field("command", &self.inlet.command)
            .finish_non_exhaustive()
    }
}

/// What came of a command's input and was not read yet.
#[derive(Debug)]
pub(super) struct Inlet {
    outlet: Arc<Outlet>,
    command: u32,
    /// Bytes that the client may be ahead.
    window: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Bytes>,
    /// Small chunks, merged: each alone would keep the buffer that it was read into.
    small: BytesMut,
    /// Bytes that the client may still send.
    credit: u64,
    /// Bytes that were read since the latest credit.
    consumed: u64,
    is_asked: bool,
    end: Option<End>,
    reader: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client has sent all.
    Complete,
    /// The command or the connection has ended before.
    Lost,
}

impl Inlet {
    pub(super) fn new(outlet: Arc<Outlet>, command: u32, window: u32, has_stdin: bool) -> Self {
        let state = State {
            end: (!has_stdin).then_some(End::Complete),
            ..State::default()
        };
        Self {
            outlet,
            command,
            window: window.into(),
            state: Mutex::new(state),
        }
    }

    /// Takes input that came; no bytes are its end.
    pub(super) fn receive(&self, data: Bytes) -> Result<(), ConnectionError> {
        let mut state = self.lock();
        if state.end == Some(End::Complete) && !data.is_empty() {
            return Err(ConnectionError::AfterEnd);
        }
        let bytes = data.len();
        let credit = state.credit;
        state.credit = credit
            .checked_sub(bytes as u64)
            .ok_or(ConnectionError::Excess { bytes, credit })?;
        state.put(data);
        wake(state);
        Ok(())
    }

    /// Nothing more will come.
    pub(super) fn lose(&self) {
        let mut state = self.lock();
        state.end.get_or_insert(End::Lost);
        wake(state);
    }

    fn poll_chunk(&self, cx: &Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let mut state = self.lock();
        let chunk = state.take();
        if let Some(chunk) = &chunk {
            state.consumed += chunk.len() as u64;
        }
        let credit = state.due(self.window);
        let result = match (chunk, state.end) {
            (Some(chunk), _) => Poll::Ready(Ok(Some(chunk))),
            (None, Some(End::Complete)) => Poll::Ready(Ok(None)),
            (None, Some(End::Lost)) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            (None, None) => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        };
        drop(state);
        if let Some(bytes) = credit {
            let credit = Credit::new(self.command, Stream::Stdin, bytes);
            self.outlet.send([FromDaemon::Credit(credit)]);
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, data: Bytes) {
        match data.len() {
            0 => self.end = self.end.or(Some(End::Complete)),
            1..SMALL_BYTES => {
                if self.small.len() + data.len() > MERGED_BYTES {
                    self.chunks.push_back(self.small.split().freeze());
                }
                self.small.extend_from_slice(&data);
            }
            _ => {
                if !self.small.is_empty() {
                    self.chunks.push_back(self.small.split().freeze());
                }
                self.chunks.push_back(data);
            }
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let merged = |small: &mut BytesMut| Some(small.split().freeze()).filter(Buf::has_remaining);
        self.chunks.pop_front().or_else(|| merged(&mut self.small))
    }

    /// What the client may send more now.
    fn due(&mut self, window: u64) -> Option<u64> {
        if self.end.is_some() {
            return None;
        }
        let bytes = match self.is_asked {
            false => window,
            true => self.consumed,
        };
        if self.is_asked && bytes < window / CREDIT_PARTS {
            return None;
        }
        self.is_asked = true;
        self.consumed = 0;
        self.credit += bytes;
        Some(bytes)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// The window is renewed by so many parts.
const CREDIT_PARTS: u64 = 4;
/// Chunks below this are merged.
const SMALL_BYTES: usize = 4 * 1024;
/// What they are merged to.
const MERGED_BYTES: usize = 16 * 1024;
