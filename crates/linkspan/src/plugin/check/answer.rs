//! What came on a stream.

use bytes::Bytes;
use proto::error::Category;
use proto::frame::Flags;
use proto::message::{Chunk, Failure, Metadata, Response, Status};
use serde::de::DeserializeOwned;

use crate::codec::Codec;
use crate::plugin::check::stop::{Stop, broken};

/// What came on a stream so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// How the response began.
    pub(super) status: Option<Status>,
    pub(super) metadata: Option<Box<Metadata>>,
    /// Whether the method's error came after data.
    pub(super) has_failed_late: bool,
    /// Linkspan's own failure.
    pub(super) failure: Option<Failure>,
    pub(super) is_ended: bool,
    /// How many frames it has so far.
    pub(super) frames: u64,
    /// Each with whether a body or item ends with it.
    pieces: Vec<(Bytes, bool)>,
    bytes: usize,
}

impl Answer {
    pub(super) fn begin(&mut self, response: Response, flags: Flags) {
        match self.status {
            None => {
                self.status = Some(response.status);
                self.metadata = response.metadata;
            }
            // Where nothing can come any more, it means nothing.
            Some(_) => self.has_failed_late |= !self.is_ended,
        }
        self.add(response.body, flags);
    }

    pub(super) fn go_on(&mut self, chunk: Chunk, flags: Flags) {
        self.add(chunk.body, flags);
    }

    pub(super) fn end(&mut self) {
        self.frames = self.frames.saturating_add(1);
        self.is_ended = true;
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.frames = self.frames.saturating_add(1);
        self.failure = Some(failure);
        self.is_ended = true;
    }

    /// What does not belong to it any more is not kept: its direction has ended.
    fn add(&mut self, piece: Bytes, flags: Flags) {
        self.frames = self.frames.saturating_add(1);
        if self.is_ended {
            return;
        }
        self.is_ended = flags.contains(Flags::END);
        self.bytes = self.bytes.saturating_add(piece.len().max(1));
        if self.bytes <= MAX_KEPT_BYTES {
            self.pieces.push((piece, !flags.contains(Flags::CONTINUED)));
        }
    }

    /// All that came, as one.
    pub(super) fn whole(&self) -> Vec<u8> {
        let pieces: Vec<_> = self.pieces.iter().map(|(piece, _)| &**piece).collect();
        pieces.concat()
    }

    /// The body before the items.
    pub(super) fn body(&self) -> Vec<u8> {
        self.parts().into_iter().next().unwrap_or_default()
    }

    /// How many items came after the body.
    pub(super) fn item_count(&self) -> usize {
        self.parts().len().saturating_sub(1)
    }

    fn parts(&self) -> Vec<Vec<u8>> {
        let mut parts = vec![Vec::new()];
        let mut is_open = true;
        for (piece, completes) in &self.pieces {
            if !is_open {
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend_from_slice(piece);
            }
            is_open = !completes;
        }
        parts
    }

    /// The result, of a method that gives no items.
    pub(super) fn result<T: DeserializeOwned>(&self, expected: &str) -> Result<T, Stop> {
        if !self.is_result() {
            return Err(broken(expected, self.told()));
        }
        let codec = Codec::of(self.metadata.as_deref());
        let codec = codec.map_err(|name| broken(expected, format!("a body in {name:?}")))?;
        let decoded = codec.decode(&self.whole());
        decoded.map_err(|error| broken(expected, format!("a body that cannot be read: {error}")))
    }

    /// Whether the method gave its result.
    pub(super) fn is_result(&self) -> bool {
        self.failure.is_none() && self.status == Some(Status::Ok) && !self.has_failed_late
    }

    /// Goes on if it is this failure of Linkspan's.
    pub(super) fn fails_with(&self, category: Category, code: &str) -> Result<(), Stop> {
        let failure = self.failure.as_ref();
        let is_so = |failure: &Failure| failure.code.name() == code && failure.category == category;
        match failure.is_some_and(is_so) {
            true => Ok(()),
            false => {
                let expected = format!("error {code} of category {category}");
                Err(broken(expected, self.told()))
            }
        }
    }

    /// What it is, for people.
    pub(super) fn told(&self) -> String {
        match (&self.failure, self.status) {
            (Some(failure), _) => told(failure),
            (None, None) => "no answer".to_owned(),
            (None, Some(Status::Ok)) => format!("a result of {} bytes", self.bytes),
            (None, Some(_)) => "the method's own error".to_owned(),
        }
    }
}

/// A failure, for people.
pub(super) fn told(failure: &Failure) -> String {
    let (category, code) = (failure.category, &failure.code);
    format!("error {code} of category {category}: {}", failure.message)
}

/// More of an answer is counted, and not kept.
const MAX_KEPT_BYTES: usize = 16 << 20;
