//! What a connection compresses, and what that saves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use proto::error::InflateError;
use proto::message::{Event, Request, Response};
use proto::session::{Agreement, Piece};

use crate::compression::{Compression, CompressionConfig, Effort, deflate, inflate};
use crate::counter::Counter;

/// Compresses the bodies of a connection, one frame at a time, and inflates its peer's.
///
/// Senders come here before they take the connection's lock. What was received is inflated when it is
/// read: what waits until then is as long as it was on the wire.
#[derive(Debug)]
pub(crate) struct Packing {
    /// By what bodies are compressed.
    compression: Compression,
    level: u8,
    threshold_bytes: usize,
    /// Longest body that the peer inflates, in one frame.
    most_bytes: usize,
    /// Longest piece of an item in one frame.
    piece_room: usize,
    /// Longest body that is inflated here.
    inflated_bytes: u32,
    /// What came of requests, responses and events; streams have their own.
    effort: Mutex<Effort>,
    counts: Counts,
    /// Whether a body of the peer's was not what it says.
    has_failed: AtomicBool,
}

/// What was counted since the connection began, in bytes of bodies.
#[derive(Debug, Default)]
struct Counts {
    sent: Both,
    received: Both,
    in_vain: Counter,
}

/// The same bodies as they are, and as they are compressed.
#[derive(Debug, Default)]
struct Both {
    plain: Counter,
    packed: Counter,
}

impl Packing {
    /// Nothing, if nothing was agreed on.
    pub(crate) fn new(config: &CompressionConfig, agreement: &Agreement) -> Option<Box<Self>> {
        let compression = *agreement.compression.first()?;
        // A peer that knows no pieces could not put what is cut together again.
        let threshold_bytes = match agreement.has_pieces() {
            true => config.threshold_bytes.max(1),
            false => usize::MAX,
        };
        let most_bytes = usize::try_from(agreement.peer_limits.inflated_bytes());
        Some(Box::new(Self {
            compression,
            level: config.zstd_level(),
            threshold_bytes,
            most_bytes: most_bytes.unwrap_or(usize::MAX),
            piece_room: agreement.piece_room(),
            inflated_bytes: agreement.limits().inflated_bytes(),
            effort: Mutex::default(),
            counts: Counts::default(),
            has_failed: AtomicBool::new(false),
        }))
    }

    /// Compresses the body of a request, or its first piece; gives the rest, if there is any.
    pub(crate) fn request(&self, request: &mut Request, agreement: &Agreement) -> Option<Bytes> {
        if !self.is_candidate(&request.body) {
            return None;
        }
        let room = agreement.request_room(request);
        let (compression, rest) = self.head(&mut request.body, room)?;
        request.compression = Some(compression);
        rest
    }

    /// The same of a response.
    pub(crate) fn response(&self, response: &mut Response, agreement: &Agreement) -> Option<Bytes> {
        if !self.is_candidate(&response.body) {
            return None;
        }
        let room = agreement.response_room(response);
        let (compression, rest) = self.head(&mut response.body, room)?;
        response.compression = Some(compression);
        rest
    }

    /// Compresses an event, which is in one piece.
    pub(crate) fn event(&self, event: &mut Event) {
        let is_sealed = event.sealed;
        if is_sealed || !self.is_candidate(&event.body) || event.body.len() > self.most_bytes {
            return;
        }
        if let Some((compression, _)) = self.head(&mut event.body, self.most_bytes) {
            event.compression = Some(compression);
        }
    }

    /// Cuts the next piece off an item, compressed if that is worth it. What is given up leaves as a
    /// whole; the protocol cuts it as credit comes.
    pub(crate) fn piece(&self, item: &mut Bytes, effort: &mut Effort) -> Piece {
        if !self.is_candidate(item) || !effort.tries() {
            return Piece::new(std::mem::take(item));
        }
        let plain = item.split_to(item.len().min(self.piece_room).min(self.most_bytes));
        let packed = self.deflate(&plain);
        effort.note(packed.is_some());
        let mut piece = Piece::new(plain);
        if let Some(packed) = packed {
            piece.bytes = packed;
            piece.compression = Some(self.compression);
        }
        piece.continued = !item.is_empty();
        piece
    }

    /// Inflates a body that was received.
    pub(crate) fn inflate(
        &self,
        compression: Compression,
        body: &[u8],
    ) -> Result<Bytes, InflateError> {
        let inflated = inflate(compression, body, self.inflated_bytes)?;
        self.counts.received.add(inflated.len(), body.len());
        Ok(inflated)
    }

    /// Takes note that a body of the peer's was not what it says; says whether that is news.
    pub(crate) fn is_first_failure(&self) -> bool {
        !self.has_failed.swap(true, Ordering::Relaxed)
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> CompressionStats {
        let counts = &self.counts;
        CompressionStats {
            compression: self.compression,
            sent_bytes: counts.sent.plain.total(),
            sent_compressed_bytes: counts.sent.packed.total(),
            received_bytes: counts.received.plain.total(),
            received_compressed_bytes: counts.received.packed.total(),
            in_vain: counts.in_vain.total(),
        }
    }

    fn is_candidate(&self, body: &Bytes) -> bool {
        body.len() >= self.threshold_bytes
    }

    /// Compresses a body of which `room` bytes fit into its first frame; gives the rest.
    fn head(&self, body: &mut Bytes, room: usize) -> Option<(Compression, Option<Bytes>)> {
        if !self.effort().tries() {
            return None;
        }
        let length = body.len().min(room).min(self.most_bytes);
        let packed = self.deflate(body.get(..length).unwrap_or_default());
        self.effort().note(packed.is_some());
        let rest = body.slice(length..);
        *body = packed?;
        Some((self.compression, (!rest.is_empty()).then_some(rest)))
    }

    fn deflate(&self, body: &[u8]) -> Option<Bytes> {
        let packed = deflate(self.compression, self.level, body);
        match &packed {
            Some(packed) => self.counts.sent.add(body.len(), packed.len()),
            None => self.counts.in_vain.increment(),
        }
        packed
    }

    fn effort(&self) -> std::sync::MutexGuard<'_, Effort> {
        self.effort.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Both {
    fn add(&self, plain: usize, packed: usize) {
        self.plain.add(plain);
        self.packed.add(packed);
    }
}

/// What compressing saves on a connection. Bodies that are not compressed are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompressionStats {
    /// By what this side compresses.
    pub compression: Compression,
    /// Bytes of bodies that were sent compressed, as they were before.
    pub sent_bytes: u64,
    /// The same as they went over the wire.
    pub sent_compressed_bytes: u64,
    /// Bytes of compressed bodies that were received and read, inflated.
    pub received_bytes: u64,
    /// The same as they came over the wire.
    pub received_compressed_bytes: u64,
    /// Pieces of bodies that were tried and did not shrink.
    pub in_vain: u64,
}
