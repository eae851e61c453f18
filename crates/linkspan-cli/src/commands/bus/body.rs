//! What is sent, as it is typed.

use std::io::Read;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use linkspan::bus::Post;
use linkspan::codec::{Codec, CodecError, Encode, Payload};
use serde_json::{Map, Value};

use crate::failure::{Failure, Kind, Result};

/// What a message says.
#[derive(Debug, Args)]
pub(super) struct Body {
    /// What it says; `-`, or nothing at all, stands for what standard input holds.
    payload: Option<String>,

    /// How it is written here, and goes out.
    #[arg(long = "as", value_name = "FORMAT", value_enum, default_value_t = Format::Raw)]
    format: Format,

    /// A named value beside it, which native clients see; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
}

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The bytes as they are.
    Raw,
    /// JSON, sent as it is.
    Json,
    /// JSON, sent as MessagePack.
    Msgpack,
    /// Bytes in hexadecimal digits.
    Hex,
}

/// A payload that is encoded already.
#[derive(Debug, Clone)]
pub(super) struct Encoded(pub(super) Payload);

impl Encode for Encoded {
    fn encode(&self, _: Codec) -> std::result::Result<Payload, CodecError> {
        Ok(self.0.clone())
    }
}

impl Body {
    /// The one payload.
    pub(super) fn read(&self) -> Result<Encoded> {
        self.format.encode(&self.bytes()?)
    }

    /// Whether it comes from standard input.
    pub(super) fn is_piped(&self) -> bool {
        matches!(self.payload.as_deref(), None | Some("-"))
    }

    /// A payload of these bytes, as it was typed how they are written.
    pub(super) fn encode(&self, bytes: &[u8]) -> Result<Encoded> {
        self.format.encode(bytes)
    }

    /// A message with the headers that were typed.
    pub(super) fn with_headers(&self, mut post: Post) -> Result<Post> {
        for (name, value) in &self.header {
            post = post
                .header(name, value)
                .map_err(|error| Failure::new(Kind::Usage, error))?;
        }
        Ok(post)
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        match self.payload.as_deref() {
            None | Some("-") => stdin(),
            Some(text) => Ok(text.as_bytes().to_vec()),
        }
    }
}

impl Format {
    fn encode(self, bytes: &[u8]) -> Result<Encoded> {
        let wrong = |what: &str, problem: &dyn std::fmt::Display| {
            Failure::message(Kind::Usage, format!("the message is not {what}: {problem}"))
        };
        let payload = match self {
            Self::Raw => Payload::new(Codec::Raw, Bytes::copy_from_slice(bytes)),
            Self::Json => {
                serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
                    .map_err(|error| wrong("JSON", &error))?;
                Payload::new(Codec::Json, Bytes::copy_from_slice(bytes))
            }
            Self::Msgpack => {
                let value: Value =
                    serde_json::from_slice(bytes).map_err(|error| wrong("JSON", &error))?;
                return msgpack(&value);
            }
            Self::Hex => {
                let decoded = unhex(bytes)
                    .ok_or_else(|| wrong("hexadecimal digits", &"two for each byte"))?;
                Payload::new(Codec::Raw, decoded.into())
            }
        };
        Ok(Encoded(payload))
    }
}

/// The parameters of a call, as MessagePack: `name=value` pairs as a map, or one JSON value, or
/// MessagePack itself from standard input for `-`.
pub(super) fn parameters(words: &[String]) -> Result<Encoded> {
    match words {
        [] => Ok(Encoded(Payload::new(Codec::Msgpack, Bytes::new()))),
        [dash] if dash == "-" => Ok(Encoded(Payload::new(Codec::Msgpack, stdin()?.into()))),
        [json] if serde_json::from_str::<Value>(json).is_ok() => {
            msgpack(&serde_json::from_str(json).unwrap_or_default())
        }
        pairs => {
            let pairs = pairs.iter().map(|pair| named(pair));
            msgpack(&Value::Object(pairs.collect::<Result<Map<_, _>>>()?))
        }
    }
}

/// `name=value`; a value that is no JSON is a text.
fn named(pair: &str) -> Result<(String, Value)> {
    let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) else {
        let message = format!("{pair:?} is neither name=value nor JSON");
        return Err(Failure::message(Kind::Usage, message)
            .hint(r#"quote JSON for the shell, as '{"name": "Ada"}'; pairs are name=Ada age=36"#));
    };
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok((name.to_owned(), value))
}

fn msgpack(value: &Value) -> Result<Encoded> {
    let bytes = Codec::Msgpack.encode(value);
    let bytes = bytes.map_err(|error| Failure::new(Kind::Usage, error))?;
    Ok(Encoded(Payload::new(Codec::Msgpack, bytes)))
}

fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Bytes of hexadecimal digits, with or without spaces.
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text
        .iter()
        .filter(|letter| !letter.is_ascii_whitespace())
        .map(|letter| {
            char::from(*letter)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits: Vec<u8> = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn header(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_bytes() {
        assert_eq!(unhex(b"00 ff\n7F"), Some(vec![0, 255, 127]));
        assert_eq!(unhex(b""), Some(Vec::new()));
        assert_eq!(unhex(b"0"), None);
        assert_eq!(unhex(b"0g"), None);
    }

    #[test]
    fn parameters_are_pairs_or_a_value() {
        let value = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let encoded = parameters(&words).ok()?;
            Codec::Msgpack.decode::<Value>(&encoded.0.bytes).ok()
        };
        let expected = serde_json::json!({ "name": "Ada", "age": 36, "tags": ["a"], "empty": "" });
        assert_eq!(
            value(&["name=Ada", "age=36", "tags=[\"a\"]", "empty="]),
            Some(expected)
        );
        assert_eq!(value(&["[1, 2]"]), Some(serde_json::json!([1, 2])));
        assert_eq!(value(&["Ada"]), None);
        assert_eq!(value(&["a=1", "{}"]), None);
    }
}
