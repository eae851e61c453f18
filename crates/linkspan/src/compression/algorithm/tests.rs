use super::*;

fn text(bytes: usize) -> Vec<u8> {
    b"what is said again and again "
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}

/// Bytes that nothing makes shorter.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn built_in() -> impl Iterator<Item = Compression> {
    BUILT_IN.iter().map(|it| it.compression)
}

#[test]
fn what_shrinks_comes_back_as_it_was() {
    for compression in built_in() {
        for bytes in [64, 1000, 65_535, 65_536] {
            let body = text(bytes);
            let deflated = deflate(compression, 3, &body).unwrap();
            assert!(deflated.len() < bytes, "{compression}");
            assert_eq!(announced_bytes(&deflated), u32::try_from(bytes).unwrap());
            assert_eq!(inflate(compression, &deflated, 65_536).unwrap(), body);
        }
        for bytes in [0, 1, 30, 65_536] {
            assert_eq!(deflate(compression, 3, &noise(bytes)), None);
        }
    }
}

#[test]
fn every_level_of_zstandard_works() {
    let body = text(40_000);
    for compression in built_in() {
        for level in 1..=22 {
            let deflated = deflate(compression, level, &body).unwrap();
            assert_eq!(inflate(compression, &deflated, 65_536).unwrap(), body);
        }
    }
}

#[test]
fn nothing_is_inflated_that_announces_too_much() {
    for compression in Compression::ALL {
        let body = [&65_537_u32.to_le_bytes()[..], b"whatever"].concat();
        let error = inflate(compression, &body, 65_536).unwrap_err();
        let expected = InflateError::TooLarge {
            compression,
            bytes: 65_537,
            limit: 65_536,
        };
        assert_eq!(error, expected);
        let told = format!(
            "a body compressed by {compression} announces 65537 bytes, \
             which exceeds the limit of 65536 bytes"
        );
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn what_is_longer_or_shorter_than_announced_is_refused() {
    for compression in built_in() {
        let mut deflated = deflate(compression, 3, &text(60_000)).unwrap().to_vec();
        for announced in [0, 1, 59_999, 60_001, 65_536_u32] {
            deflated[..4].copy_from_slice(&announced.to_le_bytes());
            let error = inflate(compression, &deflated, 65_536).unwrap_err();
            let expected = InflateError::Malformed {
                compression,
                announced,
            };
            assert_eq!(error, expected);
        }
    }
}

#[test]
fn what_is_cut_off_or_garbage_is_refused() {
    for compression in built_in() {
        let deflated = deflate(compression, 3, &text(3000)).unwrap();
        for length in 0..deflated.len() {
            let cut = inflate(compression, &deflated[..length], 65_536);
            assert!(cut.is_err(), "{compression}: {length} bytes");
        }
        let garbage = [&3000_u32.to_le_bytes()[..], &noise(500)].concat();
        assert!(inflate(compression, &garbage, 65_536).is_err());
    }
}

/// The last bytes of a frame that docs/protocol.md shows, but its sums.
fn golden(name: &str, bytes: usize) -> Vec<u8> {
    let document = include_str!("../../../../../docs/protocol.md");
    let (_, rest) = document.split_once(&format!("```golden {name}\n")).unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    let digits = block
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    let frame: Vec<_> = digits
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    let body = frame.len() - 8 - bytes..frame.len() - 8;
    frame[body].to_vec()
}

#[test]
fn what_the_specification_shows_is_inflated() {
    for compression in built_in() {
        let body = match compression {
            Compression::Lz4 => golden("event-lz4", 23),
            _ => golden("response-zstd", 28),
        };
        let inflated = inflate(compression, &body, 65_536).unwrap();
        assert_eq!(inflated, "Ada and ".repeat(16));
    }
}
