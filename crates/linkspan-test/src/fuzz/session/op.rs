//! What can happen to a session, as the fuzzer says it.

use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use proto::{Config, Role};

/// One thing that happens.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Op {
    /// A program does something.
    Act { side: Side, act: Act },
    /// A transport takes bytes from a side.
    Write { side: Side, bytes: Length },
    /// A transport gives bytes to a side.
    Read { side: Side, bytes: Length },
    /// Time passes.
    Wait { tenths: u8 },
}

/// Something that a program does with its session.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) enum Act {
    /// Asks.
    Open {
        body: Length,
        metadata: bool,
        tenths: Option<u8>,
        end: bool,
    },
    /// Answers a stream of the peer's.
    Respond {
        stream: Pick,
        answer: Answer,
        end: bool,
    },
    /// Sends an item.
    Send {
        stream: Pick,
        body: Length,
        end: bool,
    },
    /// Ends its direction.
    Finish { stream: Pick },
    /// Ends a stream by a failure.
    Fail { stream: Pick },
    /// Gives a stream up, or needs no more of it.
    Cancel { stream: Pick },
    /// Tells something, on a stream or on the connection.
    Tell { stream: Option<Pick>, body: Length },
    /// Handles what it has received but not read: so many chunks and events.
    Handle { count: u8 },
    /// Fails all that it was asked.
    FailAll,
    /// Takes no new streams.
    Goodbye,
}

/// A response to be.
#[derive(Debug, Clone, Copy, Default, Arbitrary)]
pub(super) struct Answer {
    pub(super) body: Length,
    pub(super) metadata: bool,
    /// It is the method's own error.
    pub(super) fails: bool,
}

/// One of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(super) enum Side {
    Client,
    Server,
}

/// One of the latest streams.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) struct Pick(u8);

/// A length in bytes: mostly short, sometimes longer than a frame.
#[derive(Debug, Clone, Copy, Default, Arbitrary)]
pub(super) struct Length(u16);

/// What a side takes and keeps, from the least that works upwards.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(super) struct Settings {
    frame: u8,
    streams: u8,
    stream_credit: u8,
    connection_credit: u8,
    send_buffer: u8,
    stream_buffer: u8,
    unchecked: bool,
}

impl Side {
    pub(super) fn role(self) -> Role {
        match self {
            Self::Client => Role::Client,
            Self::Server => Role::Server,
        }
    }
}

impl From<u8> for Pick {
    fn from(byte: u8) -> Self {
        Self(byte)
    }
}

impl Pick {
    /// The one that is meant, of those that end with the latest.
    pub(super) fn of<T: Copy>(self, all: &[T]) -> Option<T> {
        let back = usize::from(self.0).checked_rem(all.len().min(RECENT))?;
        all.iter().nth_back(back).copied()
    }
}

impl Length {
    pub(super) fn bytes(self) -> usize {
        let low = usize::from(self.0 & 0x3fff);
        match self.0 >> 14 {
            0 => low % 256,
            1 => low,
            2 => low * 4,
            _ => low * 8,
        }
    }
}

impl Settings {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        let limits = &mut config.limits;
        limits.max_frame_bytes = LEAST_BYTES + more(self.frame);
        limits.max_streams = 1 + u32::from(self.streams % 8);
        limits.stream_credit = u64::from(LEAST_BYTES + more(self.stream_credit));
        let least = limits.reserve_bytes() + u64::from(LEAST_BYTES);
        limits.connection_credit = least + u64::from(more(self.connection_credit)) * 4;
        config.send_buffer_bytes = 1 + usize::from(self.send_buffer) * 512;
        config.stream_buffer_bytes = 1 + usize::from(self.stream_buffer) * 512;
        config.unchecked = self.unchecked;
        config.heartbeat_interval = Duration::from_secs(2);
        if self.streams >= 192 {
            config.features.clear();
        }
        config
    }
}

/// Mostly so little more than the least that a few frames use it up, sometimes as much as programs
/// really have.
fn more(byte: u8) -> u32 {
    match byte.checked_sub(192) {
        None => u32::from(byte) * 64,
        Some(much) => u32::from(much) * 4096,
    }
}

pub(super) fn tenths(tenths: u8) -> Duration {
    Duration::from_millis(u64::from(tenths) * 100)
}

/// `length` bytes of a direction of a stream, after `offset` others: what comes out of order or
/// twice does not look like what was expected.
pub(super) fn body(offset: usize, length: usize) -> Bytes {
    let start = offset % PERIOD;
    PATTERN.slice(start..start + length)
}

static PATTERN: LazyLock<Bytes> = LazyLock::new(|| {
    let bytes = (0..MAX_BODY_BYTES + PERIOD).map(|place| (place % PERIOD).to_le_bytes()[0]);
    bytes.collect()
});

/// Prime, so that it has nothing in common with the lengths of frames.
const PERIOD: usize = 251;
pub(super) const MAX_BODY_BYTES: usize = 0x3fff * 8;
/// How many streams back a [`Pick`] reaches.
const RECENT: usize = 8;
/// The least frame and the least credit of a stream.
const LEAST_BYTES: u32 = 16 * 1024;
