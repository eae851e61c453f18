//! Printing of what a method gave, and of its own errors.

use linkspan::codec::{Codec, Payload};
use linkspan::rpc::CallError;
use serde_json::Value;

use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Prints the answer of a call.
pub(crate) fn print_value(payload: &Payload, output: &Output) -> Result {
    match value(payload)? {
        None => Ok(output.raw(&payload.bytes)?),
        Some(value) if output.json => Ok(output.json_line(&value)?),
        Some(value) => Ok(output.pretty(&value)?),
    }
}

/// Prints an item of a stream, as one line.
pub(crate) fn print_item(payload: &Payload, output: &Output) -> Result {
    match value(payload)? {
        None => Ok(output.raw(&payload.bytes)?),
        Some(value) if output.json => Ok(output.json_line(&value)?),
        Some(value) => Ok(output.compact(&value)?),
    }
}

/// What a call failed with; the method's own error is shown as it is.
pub(crate) fn failure(error: CallError) -> Failure {
    match error {
        CallError::Application(payload) => application_error(&payload),
        error => error.into(),
    }
}

/// The method's own error.
pub(crate) fn application_error(payload: &Payload) -> Failure {
    let text = match value(payload) {
        Ok(Some(Value::String(text))) => text,
        Ok(Some(value)) => value.to_string(),
        Ok(None) | Err(_) => format!("{} bytes of {}", payload.bytes.len(), payload.codec),
    };
    Failure::message(Kind::Application, text)
}

/// The value, of encodings that have values.
fn value(payload: &Payload) -> Result<Option<Value>> {
    match payload.codec {
        Codec::Json | Codec::Msgpack if payload.bytes.is_empty() => Ok(Some(Value::Null)),
        Codec::Json | Codec::Msgpack => Ok(Some(
            payload
                .codec
                .decode(&payload.bytes)
                .map_err(CallError::Decode)?,
        )),
        _ => Ok(None),
    }
}
