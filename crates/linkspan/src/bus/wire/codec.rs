//! Encodings as numbers.

use crate::codec::Codec;

/// Beside the number of an encoding: the payload is a sealed envelope.
pub(crate) const SEALED: u8 = 0x80;

/// The number of an encoding.
pub(crate) fn codec_number(codec: Codec) -> u8 {
    match codec {
        Codec::Msgpack => 1,
        Codec::Json => 2,
        Codec::Protobuf => 3,
        Codec::Raw => 4,
    }
}

/// The encoding of a number; none if the sender did not say, as those of BUS/RT.
pub(crate) fn codec_of(number: u8) -> Option<Codec> {
    [Codec::Msgpack, Codec::Json, Codec::Protobuf, Codec::Raw]
        .into_iter()
        .find(|codec| codec_number(*codec) == number)
}
