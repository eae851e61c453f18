//! Calls in the payloads of messages, as clients of BUS/RT have them; what only native clients say is
//! in the headers (docs/protocol.md, section 20.4).

use std::time::Duration;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::frame::busrt::{Rpc, RpcCode, Status as BusStatus};
use proto::message::{Failure, Metadata, Status, Text};
use tracing::error;

use crate::bus::Headers;
use crate::bus::client::message::Message;
use crate::codec::{Codec, Payload};
use crate::session::{CallError, Request, Response, codec_of};

/// A call by another client.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) timeout: Option<Duration>,
}

/// What a method gave.
#[derive(Debug)]
pub(super) struct Answer {
    status: Status,
    payload: Payload,
    /// Who sealed the payload, if it is an envelope.
    sealed_by: Option<String>,
}

impl Question {
    /// Reads a call that a message brings.
    pub(super) fn read(message: &Message, method: &[u8], params: Bytes) -> Result<Self, CallError> {
        let method = std::str::from_utf8(method).map_err(|_| unreadable("the method"))?;
        let headers = message.headers();
        let mut request = Request::with_payload(method, Payload::new(codec(&headers)?, params));
        let metadata = request.metadata.get_or_insert_default();
        for (name, value) in headers.iter().filter(|(name, _)| !OWN.contains(name)) {
            metadata.set_text(name, value);
        }
        // Whoever else it claims to be, the broker knows better.
        metadata.set_text(CALLER, message.sender());
        let micros = headers.value(DEADLINE).and_then(|text| text.parse().ok());
        let timeout = micros.map(Duration::from_micros);
        request.timeout = timeout;
        request.sealed = headers.value(SEALED).is_some();
        Ok(Self { request, timeout })
    }
}

/// What a request says beside its parameters, as headers.
pub(super) fn headers(request: &Request, timeout: Duration) -> Result<Headers, CallError> {
    let mut headers = Headers::new();
    let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
    add(&mut headers, DEADLINE, &micros.to_string())?;
    if request.sealed {
        add(&mut headers, SEALED, "")?;
    }
    if let Some(metadata) = &request.metadata {
        for name in metadata.names().filter(|name| *name != CALLER) {
            if let Some(text) = metadata.text(name) {
                add(&mut headers, name, text)?;
            }
        }
    }
    Ok(headers)
}

/// The whole of a response.
pub(super) async fn collect(response: Response) -> Result<Answer, CallError> {
    if response.body.is_streaming() {
        let message = "streams do not go over a bus";
        return Err(Failure::new(Category::Request, Code::INVALID_PARAMETERS, message).into());
    }
    let metadata = response.metadata.as_deref();
    let sealer = metadata.and_then(|metadata| metadata.text(Metadata::SEALED_SENDER));
    Ok(Answer {
        status: response.status,
        sealed_by: response
            .sealed
            .then(|| sealer.unwrap_or_default().to_owned()),
        payload: Payload::new(codec_of(metadata)?, response.body.collect().await?),
    })
}

/// An answer as headers and payload of a message.
pub(super) fn encode(id: u32, answer: Result<Answer, CallError>) -> (Headers, Bytes) {
    let mut headers = Headers::new();
    let rpc = match answer {
        Ok(Answer {
            status,
            payload,
            sealed_by,
        }) => {
            note(&mut headers, Metadata::CONTENT_TYPE, payload.codec.name());
            if let Some(sealer) = sealed_by {
                note(&mut headers, SEALED, "");
                note(&mut headers, Metadata::SEALED_SENDER, &sealer);
            }
            match status {
                Status::Ok => Rpc::Reply {
                    id,
                    result: payload.bytes,
                },
                _ => {
                    note(&mut headers, KIND, APPLICATION);
                    Rpc::Error {
                        id,
                        code: APPLICATION_CODE,
                        data: payload.bytes,
                    }
                }
            }
        }
        Err(error) => {
            let failure = error.into_failure();
            note(&mut headers, KIND, FAILURE);
            note(&mut headers, CATEGORY, failure.category.name());
            note(&mut headers, CODE, failure.code.name());
            Rpc::Error {
                id,
                code: rpc_code(&failure),
                data: failure.message.into(),
            }
        }
    };
    // Only a method could be wrong, and an answer has none.
    (headers, rpc.encode().unwrap_or_default())
}

/// An answer that was received.
pub(super) fn response(headers: &Headers, result: Bytes) -> Result<Response, CallError> {
    answer(headers, Status::Ok, result)
}

fn answer(headers: &Headers, status: Status, bytes: Bytes) -> Result<Response, CallError> {
    let mut response = Response::with_payload(status, Payload::new(codec(headers)?, bytes));
    response.sealed = headers.value(SEALED).is_some();
    if let Some(sealer) = headers.value(Metadata::SEALED_SENDER) {
        let metadata = response.metadata.get_or_insert_default();
        metadata.set_text(Metadata::SEALED_SENDER, sealer);
    }
    Ok(response)
}

/// An error that was received.
pub(super) fn error(headers: &Headers, code: RpcCode, data: Bytes) -> Result<Response, CallError> {
    if headers.value(KIND) == Some(APPLICATION) {
        return answer(headers, Status::Error, data);
    }
    let text = String::from_utf8_lossy(&data);
    let (category, known) = known(code);
    let known = match headers.value(CODE) {
        Some(name) => CODES.into_iter().find(|code| code.name() == name),
        None => None,
    }
    .unwrap_or(known);
    let category = match headers.value(CATEGORY) {
        Some(name) => (0..=10)
            .map(Category::from_number)
            .find(|category| category.name() == name)
            .unwrap_or(category),
        None => category,
    };
    let message = match (headers.value(KIND), text.is_empty()) {
        (Some(_), _) => text.into_owned(),
        (None, true) => format!("the callee answers: {}", meaning(code)),
        (None, false) => format!("the callee answers: {}: {text}", meaning(code)),
    };
    Err(Failure::new(category, known, message).into())
}

/// What a callee means by a code, for people.
fn meaning(code: RpcCode) -> String {
    let meant = match code {
        RpcCode::PARSE => "the parameters cannot be read",
        RpcCode::INVALID_REQUEST => "the request makes no sense",
        RpcCode::METHOD_NOT_FOUND => "there is no such method",
        RpcCode::INVALID_PARAMS => "the parameters are wrong",
        RpcCode::INTERNAL => "the handler failed",
        code => return format!("error {code}"),
    };
    format!("{meant} ({code})")
}

/// More calls are being answered than may be.
pub(super) fn busy() -> CallError {
    let message = "too many calls are being answered";
    let failure = Failure::new(Category::Limit, Code::BUSY, message);
    failure.retry_after(RETRY_AFTER).into()
}

/// The handler panicked; what it said is for this side's log alone.
pub(super) fn panicked() -> CallError {
    error!("the handler of a call panicked");
    Failure::new(Category::Handler, Code::PANICKED, "the handler panicked").into()
}

/// The code that clients of BUS/RT are given.
fn rpc_code(failure: &Failure) -> RpcCode {
    match &failure.code {
        code if *code == Code::METHOD_NOT_FOUND => RpcCode::METHOD_NOT_FOUND,
        code if *code == Code::INVALID_PARAMETERS => RpcCode::INVALID_PARAMS,
        code if *code == Code::UNSUPPORTED_CODEC => RpcCode::PARSE,
        code if *code == Code::BUSY => RpcCode::from_status(BusStatus::Busy),
        code if *code == Code::DENIED => RpcCode::from_status(BusStatus::AccessDenied),
        code if *code == Code::DEADLINE_EXCEEDED => RpcCode::from_status(BusStatus::Timeout),
        _ => RpcCode::INTERNAL,
    }
}

fn known(code: RpcCode) -> (Category, Code) {
    match code {
        RpcCode::METHOD_NOT_FOUND => (Category::Request, Code::METHOD_NOT_FOUND),
        RpcCode::INVALID_PARAMS | RpcCode::PARSE | RpcCode::INVALID_REQUEST => {
            (Category::Request, Code::INVALID_PARAMETERS)
        }
        code => match code.status() {
            Some(BusStatus::Busy) => (Category::Limit, Code::BUSY),
            Some(BusStatus::AccessDenied) => (Category::Authorization, Code::DENIED),
            Some(BusStatus::Timeout) => (Category::Deadline, Code::DEADLINE_EXCEEDED),
            _ => (Category::Handler, Code::INTERNAL),
        },
    }
}

fn codec(headers: &Headers) -> Result<Codec, CallError> {
    let name = headers.value(Metadata::CONTENT_TYPE);
    name.map_or(Ok(Codec::Msgpack), |name| {
        Codec::from_name(name).ok_or_else(|| {
            let message = format!("{name:?} is not an encoding that is known here");
            Failure::new(Category::Request, Code::UNSUPPORTED_CODEC, message).into()
        })
    })
}

fn add(headers: &mut Headers, name: &str, value: &str) -> Result<(), CallError> {
    let added = headers.add(name, value);
    added.map_err(|error| Failure::new(Category::Limit, Code::TOO_LARGE, error.to_string()).into())
}

/// Adds one of the few and short headers of an answer.
fn note(headers: &mut Headers, name: &str, value: &str) {
    headers.add(name, value).ok();
}

fn unreadable(what: &str) -> CallError {
    let message = format!("{what} is not UTF-8");
    Failure::new(Category::Request, Code::INVALID_PARAMETERS, message).into()
}

/// The name of a method as it goes into a call.
pub(super) fn method_bytes(method: &Text) -> Bytes {
    Bytes::copy_from_slice(method.as_bytes())
}

const CALLER: &str = "caller";
const DEADLINE: &str = "deadline-us";
const KIND: &str = "error";
const APPLICATION: &str = "application";
const FAILURE: &str = "failure";
const CATEGORY: &str = "category";
const CODE: &str = "code";
/// Parameters, result or error are a sealed envelope.
const SEALED: &str = "sealed";
/// Headers that say how a call is meant, and no more.
const OWN: [&str; 4] = [DEADLINE, CALLER, SEALED, Metadata::CONTENT_TYPE];
/// What clients of BUS/RT see of a method's own error.
const APPLICATION_CODE: RpcCode = RpcCode(1);
const RETRY_AFTER: Duration = Duration::from_millis(100);
/// Codes that an answer can have.
const CODES: [Code; 20] = [
    Code::BUSY,
    Code::REFUSED,
    Code::METHOD_NOT_FOUND,
    Code::INVALID_PARAMETERS,
    Code::UNSUPPORTED_CODEC,
    Code::TOO_LARGE,
    Code::PANICKED,
    Code::INTERNAL,
    Code::DEADLINE_EXCEEDED,
    Code::OUTCOME_UNKNOWN,
    Code::UNAVAILABLE,
    Code::CANCELLED,
    Code::REJECTED,
    Code::DENIED,
    Code::NOT_SEALED,
    Code::UNKNOWN_KEY,
    Code::TAMPERED,
    Code::MISADDRESSED,
    Code::REPLAYED,
    Code::CUT_OFF,
];
