//! The client `.broker`: what anybody may ask the broker itself.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use proto::frame::busrt::{DeliveryKind, Name, Rpc, RpcCode, Status};
use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use crate::bus::broker::core::Core;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Message;
use crate::bus::broker::queue::{Item, Outlet, Queue};
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
    let reply = match answer(core, &method, &params) {
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
        && let Some(asker) = core.member(message.sender())
    {
        let reply = Message::direct(&Name::broker(), &payload);
        let reply = reply.realtime(message.is_realtime());
        asker.inbox.queue.push_or_drop(&Arc::new(reply));
        asker.inbox.queue.flush();
    }
}

fn answer(core: &Core, method: &[u8], params: &Bytes) -> Result<Bytes, Refusal> {
    let Ok(method) = std::str::from_utf8(method) else {
        return Err(Refusal::of(RpcCode::from_status(Status::Data)));
    };
    match method {
        "benchmark.test" => Ok(params.clone()),
        "client.list" => {
            let wanted = Wanted::decode(params)?;
            encode(&ClientList::of(core, &wanted)?)
        }
        "test" | "info" | "stats" if !params.is_empty() => {
            Err(Refusal::of(RpcCode::INVALID_PARAMS))
        }
        "test" => encode(&Test { ok: true }),
        "info" => encode(&Info::default()),
        "stats" => encode(&Stats::of(core)),
        _ => Err(Refusal::of(RpcCode::METHOD_NOT_FOUND)),
    }
}

fn encode(answer: &impl Serialize) -> Result<Bytes, Refusal> {
    let encoded = rmp_serde::to_vec_named(answer);
    encoded
        .map(Bytes::from)
        .map_err(|error| Refusal::because(RpcCode::INTERNAL, &error))
}

#[derive(Serialize)]
struct Test {
    ok: bool,
}

#[derive(Serialize)]
struct Info {
    author: &'static str,
    version: &'static str,
}

impl Default for Info {
    fn default() -> Self {
        Self {
            author: "Linkspan",
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

#[derive(Serialize)]
struct Stats {
    uptime: u64,
    r_frames: u64,
    r_bytes: u64,
    w_frames: u64,
    w_bytes: u64,
}

impl Stats {
    fn of(core: &Core) -> Self {
        let (received, sent) = core.traffic();
        Self {
            uptime: (clock::now() - core.started).as_secs(),
            r_frames: received.frames(),
            r_bytes: received.bytes(),
            w_frames: sent.frames(),
            w_bytes: sent.bytes(),
        }
    }
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    filter: Option<String>,
}

impl Wanted {
    fn decode(params: &[u8]) -> Result<Self, Refusal> {
        if params.is_empty() {
            return Ok(Self::default());
        }
        rmp_serde::from_slice(params).map_err(|error| Refusal::because(RpcCode::PARSE, &error))
    }
}

#[derive(Serialize)]
struct ClientList {
    clients: Vec<Client>,
}

#[derive(Serialize)]
struct Client {
    name: String,
    kind: &'static str,
    source: Option<String>,
    port: Option<String>,
    r_frames: u64,
    r_bytes: u64,
    w_frames: u64,
    w_bytes: u64,
    queue: usize,
    instances: usize,
}

impl ClientList {
    /// The primary clients whose names are wanted, by their names.
    fn of(core: &Core, wanted: &Wanted) -> Result<Self, Refusal> {
        let filter = wanted.filter.as_deref().map(Regex::new).transpose();
        let filter = filter.map_err(|error| Refusal::because(RpcCode::PARSE, &error))?;
        let members = core.members();
        let instances = instances(&members);
        let is_wanted = |member: &&Arc<Member>| {
            let name = &*member.name;
            !member.name.is_secondary()
                && filter.as_ref().is_none_or(|filter| filter.is_match(name))
        };
        let wanted = members.iter().filter(is_wanted);
        let mut clients: Vec<_> = wanted
            .map(|member| Client::of(member, &instances))
            .collect();
        clients.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { clients })
    }
}

impl Client {
    fn of(member: &Member, instances: &HashMap<&str, usize>) -> Self {
        let name = &*member.name;
        let (received, sent) = (&member.received, &member.inbox.queue.sent);
        Self {
            name: name.to_owned(),
            kind: member.origin.kind.name(),
            source: member.origin.source.clone(),
            port: member.origin.port.clone(),
            r_frames: received.frames(),
            r_bytes: received.bytes(),
            w_frames: sent.frames(),
            w_bytes: sent.bytes(),
            queue: member.inbox.queue.len(),
            instances: instances.get(name).copied().unwrap_or(1),
        }
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

/// Messages that are taken at once.
const TAKEN_BYTES: usize = 64 * 1024;
