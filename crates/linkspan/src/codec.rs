//! Encodings of bodies.

use std::cell::RefCell;
use std::fmt;
use std::mem;

use bytes::Bytes;
#[cfg(feature = "rpc")]
use proto::message::Metadata;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack with named fields, so that fields can be added: what typed bodies are.
    #[default]
    Msgpack,
    /// JSON, for people and programs that read nothing else.
    Json,
    /// Protobuf.
    Protobuf,
    /// Bytes that only the application understands.
    Raw,
}

impl Codec {
    /// Its name in handshakes and metadata.
    pub fn name(self) -> &'static str {
        match self {
            Self::Msgpack => "msgpack",
            Self::Json => "json",
            Self::Protobuf => "protobuf",
            Self::Raw => "raw",
        }
    }

    /// The codec with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Msgpack, Self::Json, Self::Protobuf, Self::Raw]
            .into_iter()
            .find(|codec| codec.name() == name)
    }

    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the value cannot be expressed, or the codec is not for such values.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, CodecError> {
        // Bodies are small and many; encoding them where there is room already saves growing a new
        // vector for each.
        thread_local! {
            static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => {
                scratch.clear();
                self.encode_to(value, &mut scratch)?;
                if scratch.len() > SCRATCH_BYTES {
                    return Ok(mem::take(&mut *scratch).into());
                }
                let encoded = Bytes::copy_from_slice(&scratch);
                scratch.shrink_to(SCRATCH_BYTES);
                Ok(encoded)
            }
            // A value whose own encoding encodes another one.
            Err(_) => {
                let mut encoded = Vec::new();
                self.encode_to(value, &mut encoded)?;
                Ok(encoded.into())
            }
        })
    }

    fn encode_to<T: Serialize + ?Sized>(
        self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        match self {
            Self::Msgpack => {
                rmp_serde::encode::write_named(out, value).map_err(CodecError::encoding)
            }
            Self::Json => serde_json::to_writer(out, value).map_err(CodecError::encoding),
            Self::Protobuf | Self::Raw => Err(CodecError::not_for_values(self)),
        }
    }

    /// Decodes a value; an error names the place in it.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the bytes are not such a value, or the codec is not for such values.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        match self {
            // Looking for the place of an error takes time; it is done when there is one.
            Self::Msgpack => rmp_serde::from_slice(bytes).or_else(|_| explain_msgpack(bytes)),
            Self::Json => {
                let mut decoder = serde_json::Deserializer::from_slice(bytes);
                serde_path_to_error::deserialize(&mut decoder).map_err(CodecError::decoding)
            }
            Self::Protobuf | Self::Raw => Err(CodecError::not_for_values(self)),
        }
    }
}

#[cfg(feature = "rpc")]
impl Codec {
    /// The codec that metadata names; without a name it is MessagePack.
    ///
    /// # Errors
    ///
    /// The name, if it is not a codec's.
    pub(crate) fn of(metadata: Option<&Metadata>) -> Result<Self, String> {
        let name = metadata.and_then(|metadata| metadata.text(Metadata::CONTENT_TYPE));
        name.map_or(Ok(Self::Msgpack), |name| {
            Self::from_name(name).ok_or_else(|| name.to_owned())
        })
    }

    /// Adds its name to metadata where it is not the one that is understood without.
    pub(crate) fn note_in(self, metadata: &mut Option<Box<Metadata>>) {
        if self != Self::Msgpack {
            metadata
                .get_or_insert_default()
                .set_text(Metadata::CONTENT_TYPE, self.name());
        }
    }
}

/// Decodes what cannot be decoded, for the sake of a good error.
fn explain_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    // MessagePack's own errors speak of markers; those of a JSON value speak of types.
    if let Ok(value) = rmp_serde::from_slice::<serde_json::Value>(bytes)
        && let Err(error) = serde_path_to_error::deserialize::<_, T>(value)
    {
        return Err(CodecError::decoding(error));
    }
    let mut decoder = rmp_serde::Deserializer::from_read_ref(bytes);
    serde_path_to_error::deserialize(&mut decoder).map_err(CodecError::decoding)
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value cannot be encoded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{}{problem}", path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default())]
#[non_exhaustive]
pub struct CodecError {
    /// The place in the value, as `filter.names[2]`.
    pub path: Option<String>,
    /// What is wrong there.
    pub problem: String,
}

impl CodecError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            path: None,
            problem: problem.into(),
        }
    }

    fn encoding(error: impl fmt::Display) -> Self {
        Self::new(format!("cannot be encoded: {error}"))
    }

    fn decoding<E: fmt::Display>(error: serde_path_to_error::Error<E>) -> Self {
        let path = Some(error.path().to_string()).filter(|path| path != ".");
        Self {
            path,
            problem: error.into_inner().to_string(),
        }
    }

    fn not_for_values(codec: Codec) -> Self {
        Self::new(format!(
            "{codec} bodies have no fields; use JSON or MessagePack"
        ))
    }
}

/// A body together with how it is encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Payload {
    /// How it is encoded.
    pub codec: Codec,
    /// The bytes.
    pub bytes: Bytes,
}

impl Payload {
    /// Makes a payload of encoded bytes.
    pub fn new(codec: Codec, bytes: Bytes) -> Self {
        Self { codec, bytes }
    }
}

/// Something that can be a body.
///
/// Every serde type is one; [`Raw`] and, with the feature `prost`, `Protobuf` are the others.
pub trait Encode {
    /// Encodes it, by `preferred` if it leaves the choice.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if it cannot be expressed.
    fn encode(&self, preferred: Codec) -> Result<Payload, CodecError>;
}

/// Something that a body can be read as.
pub trait Decode: Sized {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if the body is something else.
    fn decode(payload: &Payload) -> Result<Self, CodecError>;

    /// How a body is encoded of which nobody said so. Default: MessagePack.
    fn assumed() -> Codec {
        Codec::Msgpack
    }
}

impl<T: Serialize + ?Sized> Encode for T {
    fn encode(&self, preferred: Codec) -> Result<Payload, CodecError> {
        let codec = match preferred {
            Codec::Msgpack | Codec::Json => preferred,
            Codec::Protobuf | Codec::Raw => Codec::Msgpack,
        };
        Ok(Payload::new(codec, codec.encode(self)?))
    }
}

impl<T: DeserializeOwned> Decode for T {
    fn decode(payload: &Payload) -> Result<Self, CodecError> {
        // No body at all is nothing, in the encoding's own way.
        match payload.codec {
            Codec::Msgpack if payload.bytes.is_empty() => payload.codec.decode(&[MSGPACK_NIL]),
            Codec::Json if payload.bytes.is_empty() => payload.codec.decode(b"null"),
            codec => codec.decode(&payload.bytes),
        }
    }
}

/// Bytes that are a body as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Raw(pub Bytes);

impl Encode for Raw {
    fn encode(&self, _: Codec) -> Result<Payload, CodecError> {
        Ok(Payload::new(Codec::Raw, self.0.clone()))
    }
}

impl Decode for Raw {
    fn decode(payload: &Payload) -> Result<Self, CodecError> {
        Ok(Self(payload.bytes.clone()))
    }
}

/// A protobuf message as a body.
#[cfg(feature = "prost")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper")]
pub struct Protobuf<M>(pub M);

#[cfg(feature = "prost")]
impl<M: prost::Message> Encode for Protobuf<M> {
    fn encode(&self, _: Codec) -> Result<Payload, CodecError> {
        Ok(Payload::new(Codec::Protobuf, self.0.encode_to_vec().into()))
    }
}

#[cfg(feature = "prost")]
impl<M: prost::Message + Default> Decode for Protobuf<M> {
    fn decode(payload: &Payload) -> Result<Self, CodecError> {
        if payload.codec != Codec::Protobuf {
            return Err(CodecError::new(format!(
                "is {}, not protobuf",
                payload.codec
            )));
        }
        M::decode(payload.bytes.clone())
            .map(Self)
            .map_err(|error| CodecError::new(error.to_string()))
    }

    fn assumed() -> Codec {
        Codec::Protobuf
    }
}

const MSGPACK_NIL: u8 = 0xC0;
/// What a thread keeps for encoding after a large value.
const SCRATCH_BYTES: usize = 16 * 1024;
