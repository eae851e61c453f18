//! Methods by name.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use proto::error::{Category, Code};
use proto::message::Failure;
use tower_service::Service;

use crate::codec::{Decode, Encode, Payload};
use crate::pace::Moderation;
use crate::rpc::handler::{Call, Handle, call_of};
use crate::rpc::layered::BoxService;
use crate::rpc::wire::{MethodInfo, REFLECTION};
use crate::rpc::{handler, usage};
use crate::session::{
    BoxFuture, CallError, Context, Event, Handler, Method, Placement, Request, Response,
    SessionError,
};

/// Finds the method for a request and the handler for an event.
///
/// It serves alone, too: as a `tower_service::Service<Request>` it answers within the process,
/// without any connection.
#[derive(Clone, Default)]
pub struct Router {
    methods: Arc<Names<Arc<Entry>>>,
    events: Arc<Names<EventHandler>>,
    /// What keeps its callers to their quotas by itself.
    own_quotas: Arc<Names<()>>,
    /// Finds methods that come and go.
    others: Option<Others>,
}

/// Things by name. Names are the program's own, so that nobody can choose colliding ones.
type Names<T> = HashMap<String, T, foldhash::fast::RandomState>;

/// Gives what is left to do, if anything is.
pub(super) type EventHandler = Arc<dyn Fn(Event) -> Option<BoxFuture<()>> + Send + Sync>;

type Others = Arc<dyn Fn(&str) -> Option<Arc<Entry>> + Send + Sync>;

/// A method with all that is known of it.
pub(crate) struct Entry {
    info: MethodInfo,
    placement: Placement,
    pub(super) call: Call,
}

impl Router {
    /// A router without methods; [`linkspan.methods`](Self::methods) answers already.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds everything that another router or a generated server has.
    ///
    /// Of two methods with one name the later one answers.
    #[must_use]
    pub fn service(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        let methods = other
            .methods
            .iter()
            .map(|(name, entry)| (name.clone(), Arc::clone(entry)));
        Arc::make_mut(&mut self.methods).extend(methods);
        let events = other
            .events
            .iter()
            .map(|(topic, handler)| (topic.clone(), Arc::clone(handler)));
        Arc::make_mut(&mut self.events).extend(events);
        let own_quotas = other.own_quotas.keys().map(|name| (name.clone(), ()));
        Arc::make_mut(&mut self.own_quotas).extend(own_quotas);
        self.others = other.others.or(self.others);
        self
    }

    /// Has a closure find the services of methods that the router does not have, as those of programs
    /// that come and go. It is asked at each call, and may not block; what it finds is not among the
    /// [methods](Self::methods).
    ///
    /// ```
    /// use linkspan::rpc::{BoxService, CallError, Context, Router};
    ///
    /// let today = Router::new().method("weather.today", async |(): (), _: Context| {
    ///     Ok::<_, CallError>("rain")
    /// });
    /// let router = Router::new().others(move |name| {
    ///     name.starts_with("weather.").then(|| BoxService::new(today.clone()))
    /// });
    /// ```
    #[must_use]
    pub fn others(
        mut self,
        find: impl Fn(&str) -> Option<BoxService> + Send + Sync + 'static,
    ) -> Self {
        self.others = Some(Arc::new(move |name| {
            let service = find(name)?;
            Some(Arc::new(Entry {
                info: MethodInfo::named(name),
                placement: Placement::default(),
                call: Box::new(move |request| service.answer(request)),
            }))
        }));
        self
    }

    /// Adds a method that a closure answers.
    ///
    /// Its name is enough; a [`MethodInfo`] tells those who list the methods more.
    #[must_use]
    pub fn method<P, T, E>(
        self,
        method: impl Into<MethodInfo>,
        handler: impl Handle<P, T, E>,
    ) -> Self
    where
        P: Decode + Send,
        T: Encode + Send,
        E: Encode + Send + 'static,
    {
        self.entry(method.into(), false, call_of(handler))
    }

    /// Adds a method that works on requests and responses themselves: on raw bodies and streams.
    #[must_use]
    pub fn raw_method<F, Answer>(self, method: impl Into<MethodInfo>, handler: F) -> Self
    where
        F: Fn(Request) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Response, CallError>> + Send + 'static,
    {
        let call: Call = Box::new(move |request| Box::pin(handler(request)));
        self.entry(method.into(), false, call)
    }

    /// Adds a handler for events of a topic. Events of one connection are handled one after the
    /// other, in their order. Those that cannot be read are dropped; ten in a second, whoever sent
    /// them, are warned of.
    #[must_use]
    pub fn on_event<T, F, Done>(self, topic: &str, handler: F) -> Self
    where
        T: Decode + Send,
        F: Fn(T, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let warnings = Moderation::per_second(WARNINGS_PER_SECOND);
        let call = move |mut event: Event| -> Option<BoxFuture<()>> {
            let body = event.codec().and_then(|codec| {
                let payload = Payload::new(codec, event.body.clone());
                T::decode(&payload).map_err(CallError::Decode)
            });
            match body {
                Ok(body) => Some(Box::pin(handler(body, event.context()))),
                Err(error) if warnings.allows() => {
                    tracing::warn!(topic = %event.topic, %error, "event cannot be read");
                    None
                }
                Err(_) => None,
            }
        };
        self.raw_event(topic, call)
    }

    /// Adds a handler for events of a topic that does at once what can be done at once, and gives
    /// the rest.
    pub(crate) fn raw_event(
        mut self,
        topic: &str,
        handler: impl Fn(Event) -> Option<BoxFuture<()>> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.events).insert(topic.to_owned(), Arc::new(handler));
        self
    }

    /// The same methods and events, of which these keep their callers to their quotas by themselves.
    #[cfg(feature = "bus")]
    pub(crate) fn with_own_quotas(mut self, names: &[&str]) -> Self {
        let own_quotas = names.iter().map(|name| ((*name).to_owned(), ()));
        Arc::make_mut(&mut self.own_quotas).extend(own_quotas);
        self
    }

    /// What is known of the methods, in the order of their names.
    ///
    /// A peer gets it by calling `linkspan.methods`.
    pub fn methods(&self) -> Vec<MethodInfo> {
        let mut methods: Vec<_> = self
            .methods
            .values()
            .map(|entry| entry.info.clone())
            .collect();
        methods.sort_by(|one, other| one.name.cmp(&other.name));
        methods
    }

    pub(crate) fn entry(mut self, info: MethodInfo, spawn: bool, call: Call) -> Self {
        let name = info.name.clone();
        let entry = Entry {
            info,
            placement: Placement::new(spawn),
            call,
        };
        Arc::make_mut(&mut self.methods).insert(name, Arc::new(entry));
        self
    }

    /// The same methods and events, each behind something.
    pub(super) fn behind(
        self,
        method: impl Fn(Arc<Entry>) -> Call + Send + Sync + 'static,
        event: impl Fn(EventHandler) -> EventHandler,
    ) -> Self {
        let behind = Arc::new(move |entry: Arc<Entry>| {
            Arc::new(Entry {
                info: entry.info.clone(),
                placement: Placement::new(entry.placement.is_moved()),
                call: method(entry),
            })
        });
        let methods = self.methods.iter();
        let methods = methods.map(|(name, entry)| (name.clone(), behind(Arc::clone(entry))));
        let methods = Arc::new(methods.collect());
        let events = self.events.iter();
        let events = events.map(|(topic, handler)| (topic.clone(), event(Arc::clone(handler))));
        Self {
            methods,
            events: Arc::new(events.collect()),
            own_quotas: self.own_quotas,
            others: self.others.map(|others| -> Others {
                Arc::new(move |name| others(name).map(|entry| behind(entry)))
            }),
        }
    }

    fn find(&self, name: &str) -> Arc<Entry> {
        match self.methods.get(name) {
            Some(entry) => Arc::clone(entry),
            None if name == REFLECTION => Arc::new(self.reflection()),
            None => {
                let other = self.others.as_ref().and_then(|others| others(name));
                other.unwrap_or_else(|| Arc::new(self.unknown(name)))
            }
        }
    }

    /// The method that lists the methods.
    fn reflection(&self) -> Entry {
        let methods = self.methods();
        let call: Call = Box::new(move |request| {
            let codec = request.codec().unwrap_or_default();
            Box::pin(ready(handler::answer_with(
                &Ok::<_, CallError>(&methods),
                codec,
            )))
        });
        Entry {
            info: MethodInfo::named(REFLECTION),
            placement: Placement::default(),
            call,
        }
    }

    /// The answer to calls of a method that does not exist.
    fn unknown(&self, name: &str) -> Entry {
        let failure = self.not_found(name);
        let call: Call = Box::new(move |_| Box::pin(ready(Err(failure.clone().into()))));
        Entry {
            info: MethodInfo::named(name),
            placement: Placement::default(),
            call,
        }
    }

    fn not_found(&self, name: &str) -> Failure {
        let nearest = nearest(name, self.methods.keys().map(String::as_str));
        let hint = match nearest.as_slice() {
            [] => format!("call {REFLECTION} for those that exist"),
            names => format!("the nearest are {}", names.join(", ")),
        };
        let message = format!("there is no method {name:?}; {hint}");
        Failure::new(Category::Request, Code::METHOD_NOT_FOUND, message)
    }
}

impl Handler for Router {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        self.find(name)
    }

    fn event(&self, mut event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        let Some(handler) = self.events.get(event.topic.as_str()) else {
            return Ok(None);
        };
        event.inflate()?;
        Ok(handler(event))
    }

    fn keeps_own_quotas(&self, name: &str) -> bool {
        self.own_quotas.contains_key(name)
    }
}

impl Method for Entry {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        if usage::is_wanted(&request) {
            return usage::measure(request, &self.call);
        }
        (self.call)(request)
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }
}

impl Service<Request> for Router {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let entry = self.find(&request.method);
        Method::call(&*entry, request)
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("methods", &self.methods.keys())
            .field("events", &self.events.keys())
            .finish()
    }
}

/// At most three names that are like `name`, the most similar first.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // Comparing costs more the longer the names are, and a peer chooses this one.
    if name.len() > LONGEST_COMPARED_BYTES {
        return Vec::new();
    }
    let score = |other: &str| strsim::jaro_winkler(name, other);
    let mut similar: Vec<_> = names.filter(|other| score(other) > 0.8).collect();
    similar.sort_by(|one, other| {
        score(other)
            .total_cmp(&score(one))
            .then_with(|| one.cmp(other))
    });
    similar.truncate(3);
    similar
}

const LONGEST_COMPARED_BYTES: usize = 128;
/// A peer chooses how many events cannot be read.
const WARNINGS_PER_SECOND: u32 = 10;
