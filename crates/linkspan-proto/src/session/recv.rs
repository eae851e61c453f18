//! The receiving half: order, direction and place of frames (docs/protocol.md, section 5).

use std::time::Instant;

use crate::error::{InflateError, SessionError};
use crate::frame::{ANNOUNCED_BYTES, Compression, Flags, Frame, Kind};
use crate::message::{Message, Request};
use crate::session::{Agreement, Incoming};
use crate::stream_id::{Role, StreamId};

/// Checks what can be checked without knowing the streams, and says what a frame means.
#[derive(Debug)]
pub struct Recv {
    role: Role,
    /// Flags that were agreed on.
    flags: Flags,
    /// Longest body that a compressed one may inflate to.
    inflated_bytes: u32,
    /// Number of the last frame.
    last_id: u64,
    /// The last stream that the peer opened.
    last_opened: StreamId,
    /// Streams of the peer's above this one are not accepted any more.
    accept_until: Option<StreamId>,
}

impl Recv {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self {
            role: agreement.role,
            flags: agreement.flags(),
            inflated_bytes: agreement.limits().inflated_bytes(),
            last_id: agreement.received,
            last_opened: StreamId::CONNECTION,
            accept_until: None,
        }
    }

    /// Says what a frame means.
    ///
    /// # Errors
    ///
    /// The rule of the protocol that the peer broke; the session is over.
    pub fn handle_frame(&mut self, now: Instant, frame: Frame) -> Result<Incoming, SessionError> {
        let expected = self.last_id.saturating_add(1);
        if frame.id != expected {
            return Err(SessionError::Order {
                expected,
                found: frame.id,
            });
        }
        self.last_id = frame.id;
        self.check_place(&frame)?;
        let surplus = frame.flags.without(self.flags);
        if !surplus.is_empty() {
            return Err(SessionError::NotAgreed { flags: surplus });
        }
        if let Some(compression) = Compression::of(frame.flags) {
            self.check_compressed(&frame, compression)?;
        }
        let bytes = frame.cost_bytes();
        let Frame {
            id,
            stream,
            flags,
            mut message,
            ..
        } = frame;
        message.set_wrapping(flags);
        Ok(match message {
            Message::Request(_) if self.is_refused(stream) => Incoming::Ignored { bytes },
            Message::Request(request) => {
                let deadline = deadline(now, &request);
                Incoming::Request {
                    stream,
                    id,
                    request,
                    deadline,
                    flags,
                    bytes,
                }
            }
            Message::Response(response) => Incoming::Response {
                stream,
                response,
                flags,
                bytes,
            },
            Message::Chunk(chunk) => Incoming::Chunk {
                stream,
                chunk,
                flags,
                bytes,
            },
            Message::End => Incoming::End { stream },
            Message::Error(failure) if stream == StreamId::CONNECTION => {
                return Err(SessionError::Peer(failure));
            }
            Message::Error(failure) => Incoming::Failed { stream, failure },
            Message::Cancel(cancel) => Incoming::Cancelled {
                stream,
                reason: cancel.reason,
            },
            Message::Event(event) => Incoming::Event {
                stream,
                id,
                event,
                bytes,
            },
            Message::Goodbye(goodbye) => Incoming::Goodbye(goodbye),
            Message::Credit(credit) => Incoming::Credit {
                stream,
                bytes: credit.bytes,
            },
            Message::Heartbeat(heartbeat) => Incoming::Heartbeat(heartbeat),
            Message::Handshake(_) | Message::Unknown(_) => Incoming::Ignored { bytes: 0 },
        })
    }

    /// Accepts no stream above the last one that the peer opened, and gives that one: the number
    /// for [`Send::goodbye`](crate::session::Send::goodbye).
    pub fn stop_accepting(&mut self) -> StreamId {
        *self.accept_until.get_or_insert(self.last_opened)
    }

    fn is_refused(&self, stream: StreamId) -> bool {
        self.accept_until.is_some_and(|last| stream > last)
    }

    /// Whether the frame makes sense on its stream, as far as that is known here.
    fn check_place(&mut self, frame: &Frame) -> Result<(), SessionError> {
        let stream = frame.stream;
        // Unknown kinds are ignored wherever they stand.
        let Some(kind) = Kind::from_byte(frame.message.kind()) else {
            return Ok(());
        };
        let peer_opened = stream.opener() == Some(self.role.peer());
        let fits = match kind {
            Kind::Request => return self.check_opening(stream),
            Kind::Response => stream.opener() == Some(self.role),
            Kind::Chunk | Kind::Cancel | Kind::End => stream != StreamId::CONNECTION,
            Kind::Heartbeat | Kind::Goodbye => stream == StreamId::CONNECTION,
            Kind::Error | Kind::Credit | Kind::Event => true,
            Kind::Handshake => false,
        };
        if !fits {
            return Err(SessionError::Misplaced { kind, stream });
        }
        if peer_opened && stream > self.last_opened {
            return Err(SessionError::NeverOpened { kind, stream });
        }
        Ok(())
    }

    /// Whether a compressed body says how long it is, and is not too long: nobody has to look at it
    /// further to know that.
    fn check_compressed(
        &self,
        frame: &Frame,
        compression: Compression,
    ) -> Result<(), SessionError> {
        let stream = frame.stream;
        let both = frame.flags.only(Flags::COMPRESSED);
        if let (Flags::COMPRESSED, Some(kind)) = (both, Kind::from_byte(frame.message.kind())) {
            let flags = both;
            return Err(SessionError::Wrapping {
                kind,
                stream,
                flags,
            });
        }
        let body = frame.message.body();
        let source = match body.first_chunk::<ANNOUNCED_BYTES>() {
            None => InflateError::Truncated {
                compression,
                bytes: body.len(),
            },
            Some(announced) => {
                let (bytes, limit) = (u32::from_le_bytes(*announced), self.inflated_bytes);
                if bytes <= limit {
                    return Ok(());
                }
                InflateError::TooLarge {
                    compression,
                    bytes,
                    limit,
                }
            }
        };
        Err(SessionError::Inflate { stream, source })
    }

    fn check_opening(&mut self, stream: StreamId) -> Result<(), SessionError> {
        let last = self.last_opened;
        if stream.opener() != Some(self.role.peer()) || stream <= last {
            return Err(SessionError::Opening { stream, last });
        }
        self.last_opened = stream;
        Ok(())
    }
}

/// When the caller stops waiting, by this side's clock; a time too far to count is no limit.
fn deadline(now: Instant, request: &Request) -> Option<Instant> {
    request.timeout.and_then(|left| now.checked_add(left))
}
