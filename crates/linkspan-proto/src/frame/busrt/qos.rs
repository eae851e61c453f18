//! What a client wants done with an operation besides.

/// Whether an operation is acked, and whether its effect is flushed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Qos {
    /// 0: no ack; delayed to go with others.
    #[default]
    No,
    /// 1: an ack when it is in the queues; delayed to go with others.
    Processed,
    /// 2: no ack; flushed at once. It does not overtake anything.
    Realtime,
    /// 3: an ack, and flushed at once.
    RealtimeProcessed,
}

impl Qos {
    /// All, by their number.
    pub const ALL: [Self; 4] = [
        Self::No,
        Self::Processed,
        Self::Realtime,
        Self::RealtimeProcessed,
    ];

    /// Its number, 0 to 3.
    pub fn number(self) -> u8 {
        u8::from(self.wants_ack()) | u8::from(self.is_realtime()) << 1
    }

    /// Whether the broker is to answer with an ack.
    pub fn wants_ack(self) -> bool {
        matches!(self, Self::Processed | Self::RealtimeProcessed)
    }

    /// Whether it is to be flushed at once.
    pub fn is_realtime(self) -> bool {
        matches!(self, Self::Realtime | Self::RealtimeProcessed)
    }

    /// That of the flags of an operation, where it has the two highest bits.
    pub(super) fn of_flags(flags: u8) -> Self {
        match flags >> SHIFT {
            0 => Self::No,
            1 => Self::Processed,
            2 => Self::Realtime,
            _ => Self::RealtimeProcessed,
        }
    }

    pub(super) fn to_flags(self) -> u8 {
        self.number() << SHIFT
    }
}

/// Bits of the flags that are the operation's code.
const SHIFT: u8 = 6;
