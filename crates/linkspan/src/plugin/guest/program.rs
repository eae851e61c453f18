//! A plugin, as its program declares it.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use proto::topic::{Limits, Mask};

use crate::codec::{Decode, Encode, Payload};
use crate::plugin::guest::desk::{Listener, Listens};
use crate::plugin::guest::host::Host;
use crate::plugin::guest::{explain, process};
use crate::plugin::wire::{DESCRIPTOR_VARIABLE, EXIT_USAGE, RESERVED_PREFIX};
use crate::plugin::{Describe, LogLevel, Sdk};
use crate::rpc::{Handle, MethodInfo, Router};
use crate::session::{BoxFuture, CallError, Context, Event};

/// A program that its host starts, and calls.
///
/// # Examples
///
/// ```no_run
/// use linkspan::plugin::guest::Plugin;
/// use linkspan::rpc::{CallError, Context};
///
/// let plugin = Plugin::new("doubler", "1.0.0").doc("Doubles numbers.");
/// let host = plugin.host();
/// plugin
///     .method("double", async |number: i64, _: Context| Ok::<_, CallError>(2 * number))
///     .on_event("numbers/+", move |topic: String, number: i64, _: Context| {
///         let host = host.clone();
///         async move {
///             let doubled = topic.replace("numbers", "doubled");
///             host.publish(&doubled, &(2 * number)).await.ok();
///         }
///     })
///     .run();
/// ```
#[must_use = "it does nothing until it is run"]
pub struct Plugin {
    pub(super) name: String,
    pub(super) version: String,
    doc: String,
    pub(super) host: Host,
    pub(super) router: Router,
    pub(super) listeners: Vec<Listener>,
    pub(super) threads: usize,
    pub(super) log_level: LogLevel,
    pub(super) on_start: Option<Start>,
    pub(super) on_stop: Option<Stop>,
    /// What is wrong with it.
    pub(super) problems: Vec<String>,
}

/// What runs first, and says if it cannot.
pub(super) type Start = BoxFuture<Result<(), Box<dyn Error + Send + Sync>>>;

/// What runs last.
pub(super) type Stop = Box<dyn FnOnce() + Send>;

impl Plugin {
    /// A plugin without methods. The name is the one in its manifest.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            doc: String::new(),
            host: Host::new(),
            router: Router::new(),
            listeners: Vec::new(),
            threads: 32,
            log_level: LogLevel::Info,
            on_start: None,
            on_stop: None,
            problems: Vec::new(),
        }
    }

    /// Says what it is for.
    pub fn doc(mut self, doc: &str) -> Self {
        doc.clone_into(&mut self.doc);
        self
    }

    /// Adds the methods of a generated server or a router. Methods are called by what comes before the
    /// point and after it, as `greeter.greet`.
    pub fn service(mut self, service: impl Into<Router>) -> Self {
        self.router = self.router.service(service);
        self
    }

    /// Adds a method that a closure answers. A name without a point gets the plugin's before it, with
    /// `_` for `-`.
    pub fn method<P, T, E>(
        mut self,
        method: impl Into<MethodInfo>,
        handler: impl Handle<P, T, E>,
    ) -> Self
    where
        P: Decode + Send,
        T: Encode + Send,
        E: Encode + Send + 'static,
    {
        let mut method = method.into();
        if !method.name.contains('.') {
            method.name = format!("{}.{}", self.name.replace('-', "_"), method.name);
        }
        self.router = self.router.method(method, handler);
        self
    }

    /// Adds a handler for events of topics that a mask stands for: `+` for one level, `#` for all that
    /// follow. It is given the topic and what was published.
    ///
    /// Events are handled one after the other, in their order; where several masks stand for a topic,
    /// in the order in which they were added.
    pub fn on_event<T, F, Done>(mut self, mask: &str, handler: F) -> Self
    where
        T: Decode + Send,
        F: Fn(String, T, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        match Mask::new(mask.to_owned(), &Limits::default()) {
            Err(error) => self.problems.push(format!("the mask {mask:?}: {error}")),
            Ok(mask) => self.listeners.push(Listener {
                mask,
                listens: listens(handler),
            }),
        }
        self
    }

    /// Has something run first; the plugin is ready when that is done, unless it says otherwise by
    /// [`Host::set_ready`]. If it fails, the plugin ends with the exit code 70.
    pub fn on_start<F, E>(mut self, start: F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.on_start = Some(Box::pin(async move { start.await.map_err(Into::into) }));
        self
    }

    /// Has something run last, when nothing is under way any more; it has some tenths of a second.
    pub fn on_stop(mut self, stop: impl FnOnce() + Send + 'static) -> Self {
        self.on_stop = Some(Box::new(stop));
        self
    }

    /// Sets how many handlers may keep threads at once; further ones wait. Default: 32.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets from which level on events of `tracing` go to the host. Default: info.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// The host, for what handlers are made of. Until the plugin runs, nobody is there.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Serves the host that started this process until it is gone; to be called first thing in `main`,
    /// and its result returned.
    ///
    /// The exit code is 0 after a goodbye and when the host was gone, 64 if no host has started this
    /// process, which then says what it is, 70 if it cannot start its work, and 76 after an error on
    /// the connection.
    pub fn run(self) -> ExitCode {
        let inherited = os::Inherited::from_environment(DESCRIPTOR_VARIABLE);
        match inherited {
            Ok(Some(inherited)) => process::serve(self, inherited),
            Ok(None) => {
                explain::say(&explain::by_hand(&self));
                ExitCode::from(EXIT_USAGE)
            }
            Err(error) => {
                let problem = explain::chain(&error);
                let name = &self.name;
                explain::say(&format!("{name}: {DESCRIPTOR_VARIABLE}: {problem}"));
                ExitCode::from(EXIT_USAGE)
            }
        }
    }

    /// What it says that it is.
    pub(super) fn describe(&self) -> Describe {
        let mut describe = Describe::new(&self.name, &self.version, self.router.methods());
        let masks = self.listeners.iter().map(|listener| &listener.mask);
        describe.events = masks.map(|mask| mask.as_str().to_owned()).collect();
        describe.doc.clone_from(&self.doc);
        describe.sdk = Sdk {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            language: "rust".to_owned(),
            ..Sdk::default()
        };
        describe
    }

    /// What keeps it from running.
    pub(super) fn problem(&self) -> Option<String> {
        let methods = self.router.methods().into_iter();
        let mut reserved = methods.filter(|method| method.name.starts_with(RESERVED_PREFIX));
        let reserved = reserved.next().map(|method| {
            let name = method.name;
            format!("the method {name}: names that begin with {RESERVED_PREFIX} are Linkspan's own")
        });
        self.problems.first().cloned().or(reserved)
    }
}

/// A closure as something that listens; what it cannot read it does not hear.
fn listens<T, F, Done>(handler: F) -> Listens
where
    T: Decode + Send,
    F: Fn(String, T, Context) -> Done + Send + Sync + 'static,
    Done: Future<Output = ()> + Send + 'static,
{
    let handler = Arc::new(handler);
    Arc::new(move |mut event: Event| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let body = event.codec().and_then(|codec| {
                let payload = Payload::new(codec, event.body.clone());
                T::decode(&payload).map_err(CallError::Decode)
            });
            match body {
                Ok(body) => handler(event.topic.to_string(), body, event.context()).await,
                Err(error) => {
                    tracing::warn!(topic = %event.topic, %error, "event cannot be read");
                }
            }
        })
    })
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("router", &self.router)
            .finish_non_exhaustive()
    }
}
