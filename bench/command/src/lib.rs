//! What streams consist of: bytes that say where they belong.

/// The bytes of a stream that stand at `position`, as many as `wanted` or [`PIECE_BYTES`], whichever
/// is less.
pub fn piece(position: u64, wanted: u64) -> &'static [u8] {
    let begin = usize::try_from(position % PERIOD as u64).unwrap_or_default();
    let length = usize::try_from(wanted).map_or(PIECE_BYTES, |wanted| wanted.min(PIECE_BYTES));
    PATTERN.get(begin..begin + length).unwrap_or_default()
}

/// All pieces of a stream of `bytes`, in order.
pub fn pieces(bytes: u64) -> impl Iterator<Item = &'static [u8]> {
    let starts = (0..bytes).step_by(PIECE_BYTES);
    starts.map(move |position| piece(position, bytes - position))
}

/// Bytes of the largest piece.
pub const PIECE_BYTES: usize = 64 * 1024;

/// What a greeting says.
pub const GREETING: &str = "hello\n";

/// A prime above the size of a piece: a piece that is lost, doubled or in the wrong place differs from
/// what should stand there.
const PERIOD: usize = 65_537;

/// In the program's file, so that no process allocates it, and all share its pages.
static PATTERN: [u8; PERIOD + PIECE_BYTES] = pattern();

/// The high byte of numbers that a multiplication scatters, again and again.
#[expect(clippy::indexing_slicing, reason = "the loop's condition is the bound")]
const fn pattern() -> [u8; PERIOD + PIECE_BYTES] {
    let mut bytes = [0; PERIOD + PIECE_BYTES];
    let mut index = 0;
    while index < bytes.len() {
        let scattered = ((index % PERIOD) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [high, ..] = scattered.to_be_bytes();
        bytes[index] = high;
        index += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_a_whole() {
        let bytes = 3 * PIECE_BYTES + 7;
        let stream: Vec<u8> = pieces(bytes as u64).flatten().copied().collect();
        assert_eq!(stream.len(), bytes);
        assert_eq!(stream[PERIOD..], stream[..bytes - PERIOD]);
    }

    #[test]
    fn no_piece_passes_for_its_neighbour() {
        let first = piece(0, u64::MAX);
        for place in 1..100 {
            assert_ne!(
                piece(place * PIECE_BYTES as u64, u64::MAX),
                first,
                "{place}"
            );
        }
    }
}
