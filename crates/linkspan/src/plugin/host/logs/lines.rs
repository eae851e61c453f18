//! Lines out of bytes that come in pieces.

/// Cuts bytes into lines. It keeps no more than the longest line, however long one is.
#[derive(Debug)]
pub(super) struct Lines {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// How many bytes of that line were not kept.
    cut: u64,
    max_line_bytes: usize,
}

impl Lines {
    pub(super) fn new(max_line_bytes: usize) -> Self {
        Self {
            begun: Vec::new(),
            cut: 0,
            max_line_bytes,
        }
    }

    /// Takes a piece, and gives each line that ends in it, with the number of bytes that were cut off.
    pub(super) fn take(&mut self, piece: &[u8], mut line: impl FnMut(&[u8], u64)) {
        let mut pieces = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = pieces.next() {
            let is_end = pieces.peek().is_some();
            // Most lines are whole, and are not copied.
            if is_end && self.begun.is_empty() && self.cut == 0 {
                let kept = part.get(..self.max_line_bytes).unwrap_or(part);
                line(without_return(kept), excess(part, kept));
                continue;
            }
            self.keep(part);
            if is_end {
                self.end(&mut line);
            }
        }
    }

    /// Gives what is left when nothing more comes.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&[u8], u64)) {
        if !self.begun.is_empty() {
            self.end(&mut line);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = self.max_line_bytes - self.begun.len();
        let kept = part.get(..room).unwrap_or(part);
        self.begun.extend_from_slice(kept);
        self.cut = self.cut.saturating_add(excess(part, kept));
    }

    fn end(&mut self, line: &mut impl FnMut(&[u8], u64)) {
        line(without_return(&self.begun), self.cut);
        self.begun.clear();
        self.begun.shrink_to(KEPT_BYTES);
        self.cut = 0;
    }
}

fn excess(part: &[u8], kept: &[u8]) -> u64 {
    u64::try_from(part.len() - kept.len()).unwrap_or(u64::MAX)
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Room that stays for the next line.
const KEPT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]], max: usize) -> Vec<(String, u64)> {
        let mut lines = Lines::new(max);
        let mut found = Vec::new();
        let mut add = |line: &[u8], cut| found.push((String::from_utf8_lossy(line).into(), cut));
        for piece in pieces {
            lines.take(piece, &mut add);
            assert!(lines.begun.capacity() <= 2 * max.max(KEPT_BYTES));
        }
        lines.finish(&mut add);
        found
    }

    #[test]
    fn lines_are_found_across_pieces() {
        let found = lines(&[b"one\ntw", b"o\r\n", b"\n", b"three"], 100);
        let expected = [("one", 0), ("two", 0), ("", 0), ("three", 0)];
        assert_eq!(found, expected.map(|(line, cut)| (line.to_owned(), cut)));
    }

    #[test]
    fn long_lines_are_cut_and_the_next_begins_anew() {
        let found = lines(&[b"abcdefgh\nabc", b"def", b"gh\nab\n"], 4);
        let expected = [("abcd", 4), ("abcd", 4), ("ab", 0)];
        assert_eq!(found, expected.map(|(line, cut)| (line.to_owned(), cut)));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            text in "[ab\n]{0,60}",
            places in prop::collection::vec(0..60_usize, 0..6),
            max in 1..10_usize,
        ) {
            let mut places: Vec<_> = places.into_iter().map(|at| at.min(text.len())).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let pieces: Vec<_> = places.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(lines(&pieces, max), lines(&[text.as_bytes()], max));
        }
    }
}
