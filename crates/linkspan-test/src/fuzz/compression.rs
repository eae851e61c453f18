//! Compressed bodies: they inflate to what they announce, or to an error.

use linkspan::compression::{Compression, InflateError, deflate, inflate};

/// Inflates the input by each algorithm; then compresses it, alters that where the input says, and
/// inflates it.
///
/// # Panics
///
/// If something inflates to another length than it announces, or what was compressed does not come back.
pub fn compression(input: &[u8]) {
    for compression in Compression::ALL {
        check_inflated(compression, input);
        let Some((choice, body)) = input.split_first_chunk::<4>() else {
            continue;
        };
        let [level, place @ .., bit] = *choice;
        let body = body.get(..LIMIT_BYTES).unwrap_or(body);
        // Levels above the middle take long for what they find out here.
        let Some(deflated) = deflate(compression, 1 + level % 9, body) else {
            continue;
        };
        assert!(deflated.len() < body.len(), "it did not shrink");
        let inflated = inflate(compression, &deflated, LIMIT);
        assert_eq!(inflated.as_deref(), Ok(body));
        let place = usize::from(u16::from_le_bytes(place)) % deflated.len();
        let mut altered = deflated.to_vec();
        if let Some(byte) = altered.get_mut(place) {
            *byte ^= 1 << (bit % 8);
        }
        check_inflated(compression, &altered);
        let cut = deflated.get(..place).unwrap_or_default();
        assert!(inflate(compression, cut, LIMIT).is_err(), "it was cut off");
    }
}

/// What inflates has the length that it announces; what announces too much does not.
fn check_inflated(compression: Compression, body: &[u8]) {
    let announced = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    match (inflate(compression, body, LIMIT), announced) {
        (Ok(inflated), Some(announced)) => {
            assert!(announced <= LIMIT, "it announces too much");
            assert_eq!(u32::try_from(inflated.len()), Ok(announced));
        }
        (Err(InflateError::Truncated { .. }), announced) => assert_eq!(announced, None),
        (Err(InflateError::TooLarge { bytes, .. }), announced) => {
            assert_eq!(announced, Some(bytes));
            assert!(bytes > LIMIT);
        }
        (Err(_), announced) => assert!(announced.is_some_and(|bytes| bytes <= LIMIT)),
        (Ok(_), None) => panic!("it announces nothing"),
    }
}

const LIMIT: u32 = 65_536;
const LIMIT_BYTES: usize = 65_536;
