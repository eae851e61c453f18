//! The client `.broker`: what anybody may ask the broker itself.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use proto::frame::busrt::{DeliveryKind, Name, Rpc, RpcCode, Status};
use regex_lite::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bus::Action;
use crate::bus::broker::core::Core;
use crate::bus::broker::dead_letters::Chosen;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Message;
use crate::bus::broker::queue::{Item, Outlet, Queue};
use crate::bus::wire::{
    ClientInfo, ClientList, DeadLetterFilter, DroppedDeadLetters, Filter, Info, ListDeadLetters,
    ShowDeadLetter, Test, Traffic,
};
use crate::clock;

/// Answers what is sent to `.broker`.
#[derive(Debug)]
pub(crate) struct Service {
    core: Weak<Core>,
    /// Held while answers are made, so that everybody gets theirs in order.
    turn: Mutex<()>,
}

/// Why a question gets no answer.
struct Refusal {
    code: RpcCode,
    text: String,
}

impl Service {
    pub(crate) fn new(core: Weak<Core>) -> Self {
        let turn = Mutex::default();
        Self { core, turn }
    }
}

impl Outlet for Service {
    fn flush(&self, queue: &Queue) {
        let Some(core) = self.core.upgrade() else {
            return;
        };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut items = Vec::new();
        loop {
            queue.take(&mut items, TAKEN_BYTES);
            if items.is_empty() {
                return;
            }
            items.drain(..).for_each(|item| handle(&core, &item));
        }
    }

    fn overflowed(&self) {}
}

/// Answers a request; what is none is nobody's business.
fn handle(core: &Core, item: &Item) {
    let Item::Message(message) = item else {
        return;
    };
    if message.kind() != DeliveryKind::Message {
        return;
    }
    let Ok(Rpc::Request { id, method, params }) = Rpc::decode(message.payload()) else {
        return;
    };
    let asker = core.member(message.sender());
    let reply = match answer(core, asker.as_deref(), &method, &params) {
        Ok(result) => Rpc::Reply { id, result },
        Err(Refusal { code, text }) => Rpc::Error {
            id,
            code,
            data: text.into(),
        },
    };
    // Zero wants no answer.
    if id != 0
        && let Ok(payload) = reply.encode()
        && let Some(asker) = asker
    {
        let reply = Message::direct(&Name::broker(), &payload);
        let reply = reply.realtime(message.is_realtime());
        let reply = Arc::new(reply);
        core.taps.see(&asker.name, &reply);
        asker.inbox.queue.push_or_drop(&reply);
        asker.inbox.queue.flush();
    }
}

fn answer(
    core: &Core,
    asker: Option<&Member>,
    method: &[u8],
    params: &Bytes,
) -> Result<Bytes, Refusal> {
    let Ok(method) = std::str::from_utf8(method) else {
        return Err(Refusal::of(RpcCode::from_status(Status::Data)));
    };
    match method {
        "benchmark.test" => Ok(params.clone()),
        "client.list" => encode(&list(core, params)?),
        "test" | "info" | "stats" if !params.is_empty() => {
            Err(Refusal::of(RpcCode::INVALID_PARAMS))
        }
        "test" => encode(&Test { ok: true }),
        "info" => encode(&INFO),
        "stats" => encode(&traffic(core)),
        method if method.starts_with("dlq.") => {
            let asker = asker.filter(|asker| core.permits(asker, Action::DeadLetters));
            let asker =
                asker.ok_or_else(|| Refusal::of(RpcCode::from_status(Status::AccessDenied)))?;
            about_dead_letters(core, asker, method, params)
        }
        _ => Err(Refusal::of(RpcCode::METHOD_NOT_FOUND)),
    }
}

fn encode(answer: &impl Serialize) -> Result<Bytes, Refusal> {
    let encoded = rmp_serde::to_vec_named(answer);
    encoded
        .map(Bytes::from)
        .map_err(|error| Refusal::because(RpcCode::INTERNAL, &error))
}

/// What went through the broker.
fn traffic(core: &Core) -> Traffic {
    let stats = core.stats();
    Traffic {
        uptime: (clock::now() - core.started).as_secs(),
        r_frames: stats.frames_received,
        r_bytes: stats.bytes_received,
        w_frames: stats.frames_sent,
        w_bytes: stats.bytes_sent,
        dropped: stats.dropped,
        gaps: stats.gaps,
        denied: stats.denied,
        rate_limited: stats.rate_limited,
        invalid: stats.invalid,
        dead_letters: stats.dead_letters,
        dead_letter_bytes: stats.dead_letter_bytes,
        dead_letters_forgotten: stats.dead_letters_forgotten,
        masks: stats.masks,
        queue: stats.queued,
        queue_bytes: stats.queued_bytes,
        memory_limit: stats.memory_limit,
        taps: stats.taps,
        tap_dropped: stats.tap_dropped,
    }
}

fn about_dead_letters(
    core: &Core,
    asker: &Member,
    method: &str,
    params: &[u8],
) -> Result<Bytes, Refusal> {
    let chosen = |filter: DeadLetterFilter| {
        Chosen::of(filter).map_err(|error| Refusal::because(RpcCode::INVALID_PARAMS, &error))
    };
    match method {
        "dlq.list" => {
            let wanted: ListDeadLetters = decode(params)?;
            encode(&core.list_dead_letters(&chosen(wanted.filter.clone())?, &wanted))
        }
        "dlq.show" => {
            let ShowDeadLetter { id } = decode(params)?;
            let letter = core.dead_letters.letter(id);
            let none =
                || Refusal::because(RpcCode::INVALID_PARAMS, &"there is no such dead letter");
            encode(&letter.ok_or_else(none)?.whole())
        }
        "dlq.replay" => encode(&core.replay(asker, &chosen(decode(params)?)?)),
        "dlq.drop" => {
            let dropped = core.drop_dead_letters(&chosen(decode(params)?)?);
            encode(&DroppedDeadLetters { dropped })
        }
        _ => Err(Refusal::of(RpcCode::METHOD_NOT_FOUND)),
    }
}

/// Reads parameters; none at all are an empty map.
fn decode<T: DeserializeOwned>(params: &[u8]) -> Result<T, Refusal> {
    let params = if params.is_empty() {
        &[EMPTY_MAP]
    } else {
        params
    };
    rmp_serde::from_slice(params).map_err(|error| Refusal::because(RpcCode::PARSE, &error))
}

/// The primary clients whose names are wanted, by their names.
fn list(core: &Core, params: &[u8]) -> Result<ClientList, Refusal> {
    let unreadable = |error: &dyn Display| Refusal::because(RpcCode::PARSE, error);
    let wanted = match params {
        [] => Filter::default(),
        params => rmp_serde::from_slice(params).map_err(|error| unreadable(&error))?,
    };
    let filter = wanted.filter.as_deref().map(Regex::new).transpose();
    let filter = filter.map_err(|error| unreadable(&error))?;
    let is_wanted = |name: &str| filter.as_ref().is_none_or(|filter| filter.is_match(name));
    Ok(clients(core, is_wanted))
}

/// Primary clients by their names.
pub(crate) fn clients(core: &Core, is_wanted: impl Fn(&str) -> bool) -> ClientList {
    let members = core.members();
    let instances = instances(&members);
    let wanted = members
        .iter()
        .filter(|member| !member.name.is_secondary() && is_wanted(&member.name));
    let mut clients: Vec<_> = wanted.map(|member| client(member, &instances)).collect();
    clients.sort_by(|one, other| one.name.cmp(&other.name));
    ClientList { clients }
}

fn client(member: &Member, instances: &HashMap<&str, usize>) -> ClientInfo {
    let name = &*member.name;
    let sums = member.sums();
    let (queue, queue_bytes) = member.waiting();
    ClientInfo {
        name: name.to_owned(),
        kind: member.origin.kind.name().to_owned(),
        source: member.origin.source.clone(),
        port: member.origin.port.clone(),
        frames_received: sums.frames_received,
        bytes_received: sums.bytes_received,
        frames_sent: sums.frames_sent,
        bytes_sent: sums.bytes_sent,
        queue,
        instances: instances.get(name).copied().unwrap_or(1),
        queue_bytes,
        dropped: sums.dropped,
        gaps: sums.gaps,
        denied: member.denied.total(),
        refused: member.refused.total(),
    }
}

/// How many clients each primary is, itself included.
fn instances(members: &[Arc<Member>]) -> HashMap<&str, usize> {
    let mut instances = HashMap::new();
    for member in members {
        *instances.entry(member.name.primary()).or_default() += 1;
    }
    instances
}

impl Refusal {
    fn of(code: RpcCode) -> Self {
        Self::because(code, &"")
    }

    fn because(code: RpcCode, reason: &dyn Display) -> Self {
        let text = reason.to_string();
        Self { code, text }
    }
}

const INFO: Info = Info {
    author: "Linkspan",
    version: env!("CARGO_PKG_VERSION"),
};
/// MessagePack's.
const EMPTY_MAP: u8 = 0x80;
/// Messages that are taken at once.
const TAKEN_BYTES: usize = 64 * 1024;
