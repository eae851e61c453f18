//! The last bytes that were written to stderr.

use std::collections::VecDeque;

/// The last bytes of a stream, however many came before.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    limit: usize,
    /// Whether there were more.
    is_cut: bool,
}

impl Tail {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            is_cut: false,
        }
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let skipped = piece.len().saturating_sub(self.limit);
        let kept = piece.get(skipped..).unwrap_or_default();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.is_cut |= skipped + excess > 0;
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// The last lines, the latest last.
    pub(super) fn lines(&self, most: usize) -> Vec<String> {
        let (one, other) = self.bytes.as_slices();
        let text = [one, other].concat();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<_> = text.lines().collect();
        // The first one may lack its beginning.
        if self.is_cut && lines.len() > 1 {
            lines.remove(0);
        }
        let first = lines.len().saturating_sub(most);
        let last = lines.into_iter().skip(first);
        last.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_however_many_there_were() {
        let mut tail = Tail::new(10);
        assert_eq!(tail.lines(5), Vec::<String>::new());
        tail.push(b"one\ntwo\n");
        assert_eq!(tail.lines(5), ["one", "two"]);
        tail.push(b"three\n");
        assert_eq!(tail.lines(5), ["three"]);
        tail.push(&[b'x'; 1000]);
        assert_eq!(tail.lines(5), ["x".repeat(10)]);
        tail.push(b"\na\nb\nc\nd\n");
        assert_eq!(tail.lines(3), ["b", "c", "d"]);
        assert_eq!(tail.bytes.len(), 10);
    }
}
