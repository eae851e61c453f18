//! Bytes as no encoder of ours makes them, and as no transport keeps them together.

use std::iter;

use proto::frame::{HEADER_BYTES, MAGIC, TRAILER_BYTES};

/// Cuts `bytes` as a transport might: into reads whose lengths repeat, 0 standing for all the rest.
pub(super) fn reads(mut bytes: &[u8], lengths: [u8; 2]) -> impl Iterator<Item = &[u8]> {
    let mut lengths = lengths.into_iter().cycle();
    iter::from_fn(move || {
        let length = match lengths.next().map_or(0, usize::from) {
            0 => bytes.len(),
            length => length.min(bytes.len()),
        };
        let (read, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        (!read.is_empty()).then_some(read)
    })
}

/// The fields of a header, whether or not they make sense together.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawHeader {
    pub(super) kind: u8,
    pub(super) flags: u16,
    pub(super) id: u64,
    pub(super) stream: u64,
    pub(super) number: u64,
}

impl RawHeader {
    /// A frame of version 1 with right checksums.
    pub(super) fn frame(self, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("inputs are short");
        let mut frame = MAGIC.to_vec();
        frame.extend([1, self.kind]);
        frame.extend(self.flags.to_le_bytes());
        for field in [self.id, self.stream, self.number] {
            frame.extend(field.to_le_bytes());
        }
        frame.extend(length.to_le_bytes());
        frame.extend(payload);
        frame.extend([0; TRAILER_BYTES]);
        repair(&mut frame);
        frame
    }
}

/// Makes the checksums of all frames right, so that mutations get past them.
pub(super) fn repair(mut rest: &mut [u8]) {
    while let Some((header, after)) = rest.split_first_chunk_mut::<HEADER_BYTES>() {
        let [.., a, b, c, d] = *header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let Some((payload, after)) = after.split_at_mut_checked(length) else {
            return;
        };
        let Some((trailer, after)) = after.split_first_chunk_mut::<TRAILER_BYTES>() else {
            return;
        };
        let sums = [crc32fast::hash(header), crc32fast::hash(payload)];
        let sums = sums.iter().flat_map(|sum| sum.to_le_bytes());
        trailer
            .iter_mut()
            .zip(sums)
            .for_each(|(to, from)| *to = from);
        rest = after;
    }
}
