//! What received frames do to the streams (docs/protocol.md, section 5.3).

use std::time::Instant;

use crate::error::SessionError;
use crate::frame::{Compression, Flags, Kind};
use crate::message::{CancelReason, Chunk, Heartbeat, Response, Status};
use crate::session::push::FRAGMENT_BYTES;
use crate::session::streams::{Answer, Progress, Stream};
use crate::session::{Fate, Incoming, Send};
use crate::stream_id::StreamId;

impl<A> Send<A> {
    /// Takes note of a frame that was received.
    ///
    /// Streams that close by it keep their attachments until [`reap`](Self::reap).
    ///
    /// # Errors
    ///
    /// The rule of the protocol that the peer broke; the session is over.
    pub fn apply(&mut self, now: Instant, incoming: &Incoming) -> Result<(), SessionError> {
        self.keepalive.on_heard(now);
        self.stats.frames_received = self.stats.frames_received.saturating_add(1);
        match incoming {
            Incoming::Request {
                stream,
                deadline,
                flags,
                bytes,
                ..
            } => self.on_request(*stream, *deadline, *flags, *bytes),
            Incoming::Response {
                stream,
                response,
                flags,
                bytes,
            } => self.on_response(*stream, response, *flags, *bytes),
            Incoming::Chunk {
                stream,
                chunk,
                flags,
                bytes,
            } => self.on_chunk(*stream, chunk, *flags, *bytes),
            Incoming::End { stream } => self.on_end(*stream),
            Incoming::Failed { stream, .. } => self.on_failed(*stream),
            Incoming::Cancelled { stream, reason } => self.on_cancelled(*stream, *reason),
            Incoming::Event { stream, bytes, .. } => self.on_event(*stream, *bytes),
            Incoming::Goodbye(goodbye) => {
                self.on_goodbye(goodbye.last_stream);
                Ok(())
            }
            Incoming::Credit { stream, bytes } => self.on_credit(*stream, *bytes),
            Incoming::Heartbeat(Heartbeat::Ask) => {
                self.push_heartbeat(Heartbeat::Answer);
                Ok(())
            }
            Incoming::Heartbeat(Heartbeat::Answer) => Ok(()),
            Incoming::Ignored { bytes } => {
                self.receive(*bytes)?;
                self.consume(StreamId::CONNECTION, *bytes);
                Ok(())
            }
        }
    }

    fn on_request(
        &mut self,
        id: StreamId,
        deadline: Option<Instant>,
        flags: Flags,
        bytes: u64,
    ) -> Result<(), SessionError> {
        self.receive(bytes)?;
        let limit = self.limits.max_streams;
        if self.streams.open(self.role.peer()) >= limit {
            return Err(SessionError::TooManyStreams { limit });
        }
        let mut stream = Stream::new(
            deadline,
            self.peer_limits.stream_credit,
            self.limits.stream_credit,
        );
        receive_on(&mut stream, id, bytes)?;
        stream.recv.ended = flags.contains(Flags::END);
        // The handler has it; how many it can have is bounded by the number of streams, and how
        // much by the connection's credit.
        stream.recv.owed = bytes.saturating_sub(OPENING_BYTES);
        let prompt = bytes.saturating_sub(stream.recv.owed);
        self.streams.insert(id, stream);
        self.note_deadline(deadline);
        self.stats.streams_accepted = self.stats.streams_accepted.saturating_add(1);
        self.consume(StreamId::CONNECTION, prompt);
        self.consume_on_stream(id, bytes);
        Ok(())
    }

    fn on_response(
        &mut self,
        id: StreamId,
        response: &Response,
        flags: Flags,
        bytes: u64,
    ) -> Result<(), SessionError> {
        self.receive(bytes)?;
        if let Some(stream) = self.known(id, Kind::Response)? {
            let fails = response.status == Status::Error;
            let is_begun = stream.recv.answer != Answer::Awaited;
            if is_begun && !fails {
                return Err(SessionError::Misplaced {
                    kind: Kind::Response,
                    stream: id,
                });
            }
            stream.recv.answer = match is_begun {
                true => Answer::Failed,
                false => Answer::Begun,
            };
            check_plain(stream, id, Kind::Response, response.compression)?;
            stream.recv.ended = flags.contains(Flags::END);
            receive_on(stream, id, bytes)?;
        }
        self.consume(id, bytes);
        self.streams.close_if_ended(id);
        Ok(())
    }

    fn on_chunk(
        &mut self,
        id: StreamId,
        chunk: &Chunk,
        flags: Flags,
        bytes: u64,
    ) -> Result<(), SessionError> {
        self.receive(bytes)?;
        let opened_here = id.opener() == Some(self.role);
        let Some(stream) = self.known(id, Kind::Chunk)? else {
            return Ok(());
        };
        if opened_here && stream.recv.answer == Answer::Awaited {
            return Err(SessionError::Misplaced {
                kind: Kind::Chunk,
                stream: id,
            });
        }
        let expected = stream.recv.next_chunk;
        if chunk.number != expected {
            return Err(SessionError::ChunkOrder {
                stream: id,
                expected,
                found: chunk.number,
            });
        }
        check_plain(stream, id, Kind::Chunk, chunk.compression)?;
        stream.recv.next_chunk = expected.saturating_add(1);
        stream.recv.ended = flags.contains(Flags::END);
        receive_on(stream, id, bytes)?;
        self.streams.close_if_ended(id);
        Ok(())
    }

    fn on_end(&mut self, id: StreamId) -> Result<(), SessionError> {
        let opened_here = id.opener() == Some(self.role);
        if let Some(stream) = self.known(id, Kind::End)? {
            if opened_here && stream.recv.answer == Answer::Awaited {
                return Err(SessionError::Misplaced {
                    kind: Kind::End,
                    stream: id,
                });
            }
            stream.recv.ended = true;
        }
        self.streams.close_if_ended(id);
        Ok(())
    }

    fn on_failed(&mut self, id: StreamId) -> Result<(), SessionError> {
        self.check_opened(id, Kind::Error)?;
        let opened_here = id.opener() == Some(self.role);
        self.streams.close(
            id,
            if opened_here {
                Fate::Finished
            } else {
                Fate::Cancelled
            },
        );
        Ok(())
    }

    fn on_cancelled(&mut self, id: StreamId, reason: CancelReason) -> Result<(), SessionError> {
        self.check_opened(id, Kind::Cancel)?;
        if id.opener() != Some(self.role) {
            self.streams.close(id, Fate::Cancelled);
            return Ok(());
        }
        let Some(stream) = self.streams.get_mut(id) else {
            return Ok(());
        };
        stream.send.progress = Progress::Stopped(reason);
        stream.send.queue.clear();
        stream.send.queued_bytes = 0;
        // Its direction still has to end, so that both sides agree that it did.
        if !stream.send.ended {
            self.push_end(id);
        }
        Ok(())
    }

    fn on_event(&mut self, id: StreamId, bytes: u64) -> Result<(), SessionError> {
        self.receive(bytes)?;
        if id != StreamId::CONNECTION
            && let Some(stream) = self.known(id, Kind::Event)?
        {
            receive_on(stream, id, bytes)?;
        }
        Ok(())
    }

    fn on_goodbye(&mut self, last: StreamId) {
        self.goodbye_received = Some(last);
        let beyond = |id: StreamId| id.opener() == Some(self.role) && id > last;
        let refused: Vec<_> = self
            .streams
            .iter_open()
            .map(|(id, _)| id)
            .filter(|id| beyond(*id))
            .collect();
        for id in refused {
            self.streams.close(id, Fate::NotAccepted);
        }
    }

    fn on_credit(&mut self, id: StreamId, bytes: u64) -> Result<(), SessionError> {
        let overflow = || SessionError::CreditOverflow { stream: id };
        if id == StreamId::CONNECTION {
            return self.allowance.add(bytes).ok_or_else(overflow);
        }
        self.check_opened(id, Kind::Credit)?;
        if let Some(stream) = self.streams.get_mut(id) {
            stream.send.credit.add(bytes).ok_or_else(overflow)?;
            self.schedule(id);
        }
        Ok(())
    }

    /// Counts bytes against the connection's credit.
    fn receive(&mut self, bytes: u64) -> Result<(), SessionError> {
        self.window
            .receive(bytes)
            .map_err(|credit| SessionError::CreditExceeded {
                stream: StreamId::CONNECTION,
                bytes,
                credit,
            })
    }

    /// The stream on which data may still come; none if it is closed.
    fn known(&mut self, id: StreamId, kind: Kind) -> Result<Option<&mut Stream<A>>, SessionError> {
        self.check_opened(id, kind)?;
        match self.streams.get_mut(id) {
            Some(stream) if stream.recv.ended => Err(SessionError::AfterEnd { kind, stream: id }),
            stream => Ok(stream),
        }
    }

    /// Whether the stream was ever opened, if it is this side's; the peer's are
    /// [`Recv`](crate::session::Recv)'s matter.
    fn check_opened(&self, id: StreamId, kind: Kind) -> Result<(), SessionError> {
        let opened_here = id.opener() == Some(self.role);
        if opened_here && self.next_stream.is_some_and(|next| id >= next) {
            return Err(SessionError::NeverOpened { kind, stream: id });
        }
        Ok(())
    }
}

/// Bytes of an opening frame whose credit goes back at once: a piece of a body, and its head.
const OPENING_BYTES: u64 = 2 * FRAGMENT_BYTES as u64;

/// Whether a part of the method's error after data is as it has to be: nothing of it is compressed.
fn check_plain<A>(
    stream: &Stream<A>,
    id: StreamId,
    kind: Kind,
    compression: Option<Compression>,
) -> Result<(), SessionError> {
    match compression.filter(|_| stream.recv.answer == Answer::Failed) {
        None => Ok(()),
        compression => Err(SessionError::Wrapping {
            kind,
            stream: id,
            flags: Compression::flags(compression),
        }),
    }
}

/// Counts bytes against a stream's credit.
fn receive_on<A>(stream: &mut Stream<A>, id: StreamId, bytes: u64) -> Result<(), SessionError> {
    let window = &mut stream.recv.window;
    window
        .receive(bytes)
        .map_err(|credit| SessionError::CreditExceeded {
            stream: id,
            bytes,
            credit,
        })
}
