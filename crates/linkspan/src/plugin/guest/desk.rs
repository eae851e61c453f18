//! What a plugin answers and hears: its own methods and events by the crew, and what every plugin
//! answers at once.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;

use proto::message::Status;
use proto::topic::Mask;
use serde::Serialize;

use crate::codec::{Codec, Payload};
use crate::plugin::guest::calls::Crewed;
use crate::plugin::guest::crew::Crew;
use crate::plugin::guest::{Host, Plugin};
use crate::plugin::wire::{DESCRIBE, LIVE, READY};
use crate::rpc::Router;
use crate::session::{
    BoxFuture, CallError, Event, Handler, Method, Placement, Request, Response, SessionError,
};

/// Somebody who wants to hear of events.
#[derive(Clone)]
pub(super) struct Listener {
    pub(super) mask: Mask,
    pub(super) listens: Listens,
}

/// What is done about an event.
pub(super) type Listens = Arc<dyn Fn(Event) -> BoxFuture<()> + Send + Sync>;

/// All that a plugin serves.
pub(super) struct Desk {
    /// The plugin's own methods, by name.
    methods: HashMap<String, Arc<dyn Method>>,
    /// Finds what is not among these: the list of methods, and what does not exist.
    others: Router,
    listeners: Arc<[Listener]>,
    crew: Arc<Crew>,
    /// How long handlers of events keep threads.
    pace: Arc<Placement>,
}

impl Desk {
    pub(super) fn new(plugin: &Plugin, crew: &Arc<Crew>) -> Self {
        let (router, host) = (&plugin.router, &plugin.host);
        let crewed = |name: String| {
            let method = Crewed::new(Handler::method(router, &name), crew);
            (name, Arc::new(method) as Arc<dyn Method>)
        };
        let names = router.methods().into_iter().map(|method| method.name);
        let mut methods: HashMap<_, _> = names.map(crewed).collect();
        let every = every_plugin(plugin, host);
        for name in [DESCRIBE, LIVE, READY] {
            methods.insert(name.to_owned(), Handler::method(&every, name));
        }
        Self {
            methods,
            others: router.clone(),
            listeners: plugin.listeners.clone().into(),
            crew: Arc::clone(crew),
            pace: Arc::default(),
        }
    }
}

impl Handler for Desk {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        match self.methods.get(name) {
            Some(method) => Arc::clone(method),
            None => Handler::method(&self.others, name),
        }
    }

    fn event(&self, mut event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        let wanted = |listener: &&Listener| listener.mask.matches(&event.topic);
        let listeners: Vec<_> = self.listeners.iter().filter(wanted).cloned().collect();
        if listeners.is_empty() {
            return Ok(None);
        }
        event.inflate()?;
        let hearing = async move {
            for listener in listeners {
                (listener.listens)(event.clone()).await;
            }
        };
        let heard = self.crew.run(None, &self.pace, Box::pin(hearing));
        Ok(Some(Box::pin(heard)))
    }
}

/// The methods of every plugin.
fn every_plugin(plugin: &Plugin, host: &Host) -> Router {
    let describe = plugin.describe();
    let readiness = host.readiness();
    Router::new()
        .raw_method(DESCRIBE, move |request| ready(answer(&request, &describe)))
        .raw_method(LIVE, |request| ready(answer(&request, &())))
        .raw_method(READY, move |request| {
            ready(answer(&request, &*readiness.borrow()))
        })
}

/// Answers whatever the body, in the encoding of the request if that has fields.
fn answer<T: Serialize>(request: &Request, value: &T) -> Result<Response, CallError> {
    let codec = match request.codec() {
        Ok(Codec::Json) => Codec::Json,
        _ => Codec::Msgpack,
    };
    let body = codec.encode(value).map_err(CallError::Encode)?;
    Ok(Response::with_payload(
        Status::Ok,
        Payload::new(codec, body),
    ))
}
