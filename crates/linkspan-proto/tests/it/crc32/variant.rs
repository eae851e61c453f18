//! The two sums, and what they are called.

use linkspan_proto::frame::crc32::Variant;

#[test]
fn sums_are_those_of_the_standards() {
    assert_eq!(Variant::Ieee.crc(b"123456789"), 0xcbf4_3926);
    assert_eq!(Variant::Castagnoli.crc(b"123456789"), 0xe306_9283);
    assert_eq!(Variant::default(), Variant::Ieee);
}

#[test]
fn sums_are_those_of_the_polynomials_whatever_the_length_and_the_place() {
    let bytes: Vec<u8> = (0..40_000_u32)
        .map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()[3])
        .collect();
    for (variant, reflected) in [
        (Variant::Ieee, 0xedb8_8320),
        (Variant::Castagnoli, 0x82f6_3b78),
    ] {
        // The fast ways differ by length and alignment.
        for (start, length) in [(0, 1), (1, 7), (3, 64), (5, 257), (2, 1023), (7, 30_000)] {
            let part = &bytes[start..start + length];
            let expected = bit_by_bit(reflected, part);
            assert_eq!(variant.crc(part), expected, "{variant} of {length} bytes");
        }
    }
}

#[test]
fn variants_have_names() {
    for variant in Variant::ALL {
        assert_eq!(variant.to_string().parse(), Ok(variant));
        assert_eq!(variant.name().to_uppercase().parse(), Ok(variant));
    }
    assert_eq!("Castagnoli".parse(), Ok(Variant::Castagnoli));
    for wrong in ["", "crc32", "ieee ", "castagnoli\n"] {
        let error = wrong.parse::<Variant>().unwrap_err();
        assert_eq!(error.name, wrong);
        let text = format!("{wrong:?} is not a variant of CRC-32; there are ieee and castagnoli");
        assert_eq!(error.to_string(), text);
    }
}

/// The definition of a reflected CRC-32.
fn bit_by_bit(reflected: u32, bytes: &[u8]) -> u32 {
    let shift = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ reflected
        } else {
            crc >> 1
        }
    };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc));
    !bytes.iter().fold(u32::MAX, byte)
}
