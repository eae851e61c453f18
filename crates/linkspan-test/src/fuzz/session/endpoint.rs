//! One side: both halves of a session, a transport that takes and gives any number of bytes, and a
//! program that remembers what it did.

use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use proto::error::SessionError;
use proto::session::{Agreement, Incoming, Recv, Send, Transmit};
use proto::{Config, Decoder, Role, StreamId};

use crate::fuzz::session::talk::Talk;

/// One side of a session.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) role: Role,
    pub(super) agreement: Agreement,
    pub(super) send: Send<StreamId>,
    pub(super) recv: Recv,
    decoder: Decoder,
    input: BytesMut,
    /// What the transport has taken but not written.
    output: Transmit,
    /// Bytes on their way to this side.
    pub(super) wire: BytesMut,
    pub(super) talks: BTreeMap<StreamId, Talk>,
    /// The streams of `talks` that are open, in the order in which they came to be.
    pub(super) open: Vec<StreamId>,
    /// Chunks and events that wait to be read, with what they cost.
    pub(super) unread: VecDeque<(StreamId, u64)>,
    /// Whether the peer sends what it says it does.
    honest_peer: bool,
    buffer_bytes: u64,
    /// Frames that the program caused and no credit limits.
    pub(super) free_frames: u64,
}

impl Endpoint {
    pub(super) fn new(now: Instant, agreement: Agreement, config: &Config, honest: bool) -> Self {
        Self {
            role: agreement.role,
            send: agreement.send_bytes(now),
            recv: agreement.recv(),
            decoder: agreement.decoder(),
            input: BytesMut::new(),
            output: Transmit::bytes(),
            wire: BytesMut::new(),
            talks: BTreeMap::new(),
            open: Vec::new(),
            unread: VecDeque::new(),
            honest_peer: honest,
            buffer_bytes: config.send_buffer_bytes as u64,
            free_frames: 0,
            agreement,
        }
    }

    /// Lets the transport write up to `most` bytes; gives them.
    pub(super) fn write(&mut self, most: usize) -> Bytes {
        if self.output.is_empty() {
            self.send.poll_transmit(&mut self.output);
        }
        let Transmit::Segments(segments) = &mut self.output else {
            panic!("a transport of bytes was asked for");
        };
        let mut slices = [IoSlice::new(&[]); 4];
        let count = segments.chunks_vectored(&mut slices);
        let slices = slices.iter().take(count);
        let written: Vec<u8> = slices
            .flat_map(|slice| slice.iter().copied())
            .take(most)
            .collect();
        segments.advance(written.len());
        self.send.handle_written(written.len() as u64);
        while self.send.poll_writable().is_some() {}
        self.reap();
        written.into()
    }

    /// Lets the transport give up to `most` bytes of the wire; says whether it gave any.
    ///
    /// # Errors
    ///
    /// The rule that the peer broke.
    pub(super) fn read(&mut self, now: Instant, most: usize) -> Result<bool, SessionError> {
        if self.send.is_clogged() {
            return Ok(false);
        }
        let read = self.wire.split_to(most.min(self.wire.len()));
        self.input.extend_from_slice(&read);
        while let Some(frame) = self.decoder.decode(&mut self.input)? {
            let incoming = self.recv.handle_frame(now, frame)?;
            self.send.apply(now, &incoming)?;
            self.note(incoming);
            self.reap();
        }
        Ok(!read.is_empty())
    }

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// The peer has to be given up.
    pub(super) fn handle_time(&mut self, now: Instant) -> Result<(), SessionError> {
        let open = self.open.len() as u64;
        self.send.handle_timeout(now)?;
        self.reap();
        // Each expired stream leaves a frame behind, and the question for a sign of life is one.
        self.free_frames += open - self.open.len() as u64 + 1;
        Ok(())
    }

    /// Gives credit back for the oldest chunks and events.
    pub(super) fn handle_unread(&mut self, count: usize) {
        for _ in 0..count {
            let Some((stream, bytes)) = self.unread.pop_front() else {
                return;
            };
            if let Some(talk) = self.talks.get_mut(&stream) {
                talk.unread -= bytes;
            }
            self.send.consume(stream, bytes);
        }
    }

    /// The connection is gone.
    pub(super) fn lose(&mut self) {
        self.send.close();
        self.reap();
        assert_eq!(self.open, [], "a stream outlives its connection");
    }

    /// Takes note of streams that closed: each once, and none that is not known.
    pub(super) fn reap(&mut self) {
        while let Some(closed) = self.send.reap() {
            assert_eq!(
                closed.attachment,
                Some(closed.stream),
                "another stream's attachment"
            );
            let talk = self.talks.get_mut(&closed.stream);
            let talk = talk.expect("only known streams close");
            assert_eq!(
                talk.fate.replace(closed.fate),
                None,
                "a stream closes twice"
            );
            self.open.retain(|stream| *stream != closed.stream);
        }
    }

    /// Notes a stream that was opened, here or by the peer.
    pub(super) fn begin(&mut self, stream: StreamId) -> &mut Talk {
        self.send.attach(stream, stream);
        self.open.push(stream);
        let talk = Talk {
            may_send: stream.opener() == Some(self.role),
            ..Talk::default()
        };
        assert!(
            self.talks.insert(stream, talk).is_none(),
            "stream {stream} opens twice"
        );
        self.talks.entry(stream).or_default()
    }

    /// The stream, if it is open.
    pub(super) fn talk(&mut self, stream: StreamId) -> Option<&mut Talk> {
        self.talks
            .get_mut(&stream)
            .filter(|talk| talk.fate.is_none())
    }

    fn note(&mut self, incoming: Incoming) {
        let honest = self.honest_peer;
        match incoming {
            Incoming::Request {
                stream,
                request,
                flags,
                ..
            } => {
                let talk = self.begin(stream);
                if honest {
                    talk.received.note_received(&request.body, flags);
                }
            }
            Incoming::Response {
                stream,
                response,
                flags,
                ..
            } => {
                if let Some(talk) = self.talk(stream).filter(|_| honest) {
                    talk.received.note_received(&response.body, flags);
                }
            }
            Incoming::Chunk {
                stream,
                chunk,
                flags,
                bytes,
            } => {
                if let Some(talk) = self.talk(stream).filter(|_| honest) {
                    talk.received.note_received(&chunk.body, flags);
                }
                self.note_unread(stream, bytes);
            }
            Incoming::Event { stream, bytes, .. } => self.note_unread(stream, bytes),
            Incoming::End { stream } => {
                if let Some(talk) = self.talk(stream) {
                    talk.received.ended = true;
                }
            }
            Incoming::Failed { stream, .. } | Incoming::Cancelled { stream, .. } => {
                if let Some(talk) = self.talk(stream) {
                    talk.cut = true;
                }
            }
            _ => {}
        }
    }

    /// What comes for a closed stream is read at once, as nobody else will.
    fn note_unread(&mut self, stream: StreamId, bytes: u64) {
        match self.talk(stream) {
            Some(talk) => talk.unread += bytes,
            None if stream != StreamId::CONNECTION => return self.send.consume(stream, bytes),
            None => {}
        }
        self.unread.push_back((stream, bytes));
    }

    /// Checks that limits hold now.
    pub(super) fn check(&self) {
        let limits = self.agreement.limits();
        let stats = self.send.stats();
        let handled = |stream: &&StreamId| stream.opener() != Some(self.role);
        let handled = self.open.iter().filter(handled).count();
        assert_eq!(stats.streams_handled as usize, handled);
        assert_eq!(stats.streams_open as usize, self.open.len() - handled);
        assert!(stats.streams_handled <= limits.max_streams);
        assert!(stats.streams_open <= self.agreement.peer_limits.max_streams);

        for (stream, talk) in &self.talks {
            assert!(
                talk.unread <= limits.stream_credit,
                "stream {stream} holds too much"
            );
        }
        let unread: u64 = self.unread.iter().map(|(_, bytes)| bytes).sum();
        let reserve = if self.honest_peer {
            limits.reserve_bytes()
        } else {
            0
        };
        assert!(
            unread + reserve <= limits.connection_credit,
            "the connection holds too much"
        );
        self.check_pending();
    }

    /// What waits for the transport: what may be gathered, what credit allows, and small frames.
    fn check_pending(&self) {
        let peer = self.agreement.peer_limits;
        let credit = peer.connection_credit.max(GATHERED_BYTES) + self.buffer_bytes;
        let most = credit + (self.free_frames + SMALL_FRAMES) * SMALL_FRAME_BYTES;
        let pending = self.send.pending_bytes();
        assert!(pending <= most, "{pending} bytes wait, {most} are allowed");
    }
}

/// What a session gathers for one write.
const GATHERED_BYTES: u64 = 256 * 1024;
/// Answers to heartbeats and the like that one read of the peer's bytes can cause.
const SMALL_FRAMES: u64 = 2048;
const SMALL_FRAME_BYTES: u64 = 512;
