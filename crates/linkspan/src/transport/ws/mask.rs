//! The disguise that bytes of clients wear.

/// A key of four bytes, and which of them is next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mask {
    key: [u8; 4],
}

impl Mask {
    pub(super) fn new(key: [u8; 4]) -> Self {
        Self { key }
    }

    /// Puts the disguise on the next bytes of a frame, or takes it off.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let pair = u32::from_ne_bytes(self.key);
        let wide = u64::from(pair) << 32 | u64::from(pair);
        let (chunks, rest) = bytes.as_chunks_mut::<8>();
        for chunk in chunks {
            *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.key.iter().cycle()) {
            *byte ^= key;
        }
        self.advance(rest.len());
    }

    /// Goes on as if so many bytes had been disguised.
    pub(super) fn advance(&mut self, count: usize) {
        self.key.rotate_left(count % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_wear_what_the_whole_wears() {
        let plain: Vec<u8> = (0..=255).collect();
        let key = [0x12, 0x34, 0x56, 0x78];
        let expected: Vec<u8> = plain
            .iter()
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect();
        for piece in [1, 3, 8, 13, 64, 256] {
            let mut mask = Mask::new(key);
            let mut bytes = plain.clone();
            for part in bytes.chunks_mut(piece) {
                mask.apply(part);
            }
            assert_eq!(bytes, expected, "in pieces of {piece}");
        }
    }
}
