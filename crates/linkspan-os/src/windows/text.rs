//! Text as the system takes it.

use std::ffi::{OsStr, OsString};
use std::os::windows::ffi::{OsStrExt, OsStringExt};

/// UTF-16 with a zero at the end.
pub(crate) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// The system's text that these bytes are: UTF-8 in which half of a pair of UTF-16 may stand alone.
///
/// What [`as_encoded_bytes`](std::ffi::OsStr::as_encoded_bytes) gave, in whatever process, comes back
/// as it was. Bytes that are no text become replacement characters.
pub fn os_string(bytes: &[u8]) -> OsString {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = rest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        units.extend(valid.encode_utf16());
        rest = rest.get(valid.len()..).unwrap_or_default();
        rest = match rest {
            // A surrogate, as three bytes.
            [0xED, high @ 0xA0..=0xBF, low @ 0x80..=0xBF, rest @ ..] => {
                units.push(0xD000 | u16::from(high & 0x3F) << 6 | u16::from(low & 0x3F));
                rest
            }
            [_, rest @ ..] => {
                units.push(REPLACEMENT);
                rest
            }
            [] => rest,
        };
    }
    OsString::from_wide(&units)
}

const REPLACEMENT: u16 = 0xFFFD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_system_comes_back() {
        for units in [
            &[0x61, 0xE4, 0xD83D, 0xDE00][..],
            &[0xD83D],
            &[0x61, 0xDE00, 0x62],
            &[],
        ] {
            let text = OsString::from_wide(units);
            assert_eq!(os_string(text.as_encoded_bytes()), text, "{units:x?}");
        }
        assert_eq!(os_string(b"a\xFFb"), OsString::from("a\u{FFFD}b"));
    }
}
