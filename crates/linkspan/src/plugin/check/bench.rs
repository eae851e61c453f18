//! What clauses are tried out with: processes of the plugin, and what is known of it.

use std::sync::Arc;
use std::time::Duration;

use os::sandbox::{Descriptor, Exit};

use crate::auth::Principal;
use crate::plugin::Manifest;
use crate::plugin::check::methods::{self, Call, METHODS};
use crate::plugin::check::observed::Observed;
use crate::plugin::check::offer::Offer;
use crate::plugin::check::stop::{Stop, skipped};
use crate::plugin::check::subject::{Said, Subject};
use crate::plugin::check::talk::Talk;
use crate::plugin::check::{CheckError, Config};
use crate::plugin::host::Terms;
use crate::plugin::host::launch::Image;
use crate::rpc::{MethodInfo, Shape};
use crate::transport::Connected;

/// What clauses are tried out with.
#[derive(Debug)]
pub(super) struct Bench {
    image: Arc<Image>,
    manifest: Arc<Manifest>,
    config: Config,
    terms: Terms,
    observed: Arc<Observed>,
    /// The methods that the plugin lists, once it was asked.
    methods: Option<Vec<MethodInfo>>,
    /// What the last process wrote.
    said: Option<Arc<Said>>,
}

/// A process of the plugin, and the connection with it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) talk: Talk,
    pub(super) subject: Subject,
}

impl Bench {
    pub(super) fn new(image: Image, manifest: Manifest, config: Config) -> Self {
        let terms = Terms {
            sandbox: config.sandbox,
            ..Terms::default()
        };
        Self {
            image: Arc::new(image),
            manifest: Arc::new(manifest),
            config,
            terms,
            observed: Arc::default(),
            methods: None,
            said: None,
        }
    }

    pub(super) fn manifest(&self) -> Arc<Manifest> {
        Arc::clone(&self.manifest)
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    /// A time of the protocol's, on this machine.
    pub(super) fn limit(&self, time: Duration) -> Duration {
        time.saturating_add(self.config.slack)
    }

    /// Something that was never used before.
    pub(super) fn nonce(&self) -> Result<[u8; 32], Stop> {
        Ok(os::random_bytes().map_err(CheckError::Io)?)
    }

    /// The service that is named after the plugin.
    pub(super) fn service(&self) -> String {
        methods::service(&self.manifest.name)
    }

    /// The last lines that the last process wrote to standard error.
    pub(super) fn last_lines(&self) -> Vec<String> {
        let text = self.said.as_ref().map(|said| said.stderr());
        let text = text.unwrap_or_default();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let surplus = lines.len().saturating_sub(SHOWN_LINES);
        lines.into_iter().skip(surplus).collect()
    }

    /// Starts a process with a descriptor, or as it is started by hand.
    pub(super) async fn launch(&mut self, given: Option<Descriptor>) -> Result<Subject, Stop> {
        let (image, terms) = (Arc::clone(&self.image), self.terms.clone());
        let launching =
            tokio::task::spawn_blocking(move || image.launch_with(&terms, 0, given, Vec::new()));
        let launched = launching
            .await
            .map_err(|error| CheckError::Io(error.into()))?;
        let subject = Subject::new(launched.map_err(CheckError::Start)?, &self.observed)?;
        self.said = Some(Arc::clone(subject.said()));
        Ok(subject)
    }

    /// Starts a process, to which nothing has been said.
    pub(super) async fn start(&mut self) -> Result<Run, Stop> {
        let principal = Principal::named(format!("plugin:{}", self.manifest.name));
        let (ours, theirs) = Connected::pair(principal).map_err(CheckError::Io)?;
        let subject = self.launch(Some(theirs)).await?;
        let observed = Arc::clone(&self.observed);
        let talk = Talk::new(ours, self.config.timeout, observed);
        Ok(Run { talk, subject })
    }

    /// Starts a process, and opens a session as hosts do.
    pub(super) async fn open(&mut self) -> Result<Run, Stop> {
        let mut run = self.start().await?;
        let offer = Offer::ordinary(self.nonce()?);
        run.talk.open(&offer).await?;
        Ok(run)
    }

    /// The methods that the plugin lists.
    pub(super) async fn methods(&mut self) -> Result<Vec<MethodInfo>, Stop> {
        if let Some(methods) = &self.methods {
            return Ok(methods.clone());
        }
        let mut run = self.open().await?;
        let answer = run.talk.call(METHODS, b"").await?;
        let methods: Vec<MethodInfo> = answer.result("the list of its methods")?;
        Ok(self.methods.insert(methods).clone())
    }

    /// A call of a method that the manifest declares pure, if one is of such a shape.
    pub(super) async fn pure_call(
        &mut self,
        fits: fn(Shape) -> bool,
    ) -> Result<Option<Call>, Stop> {
        let listed = match self.methods().await {
            // That it lists them is a clause of its own.
            Err(Stop::Broken { .. }) => return Err(skipped("it does not list its methods")),
            listed => listed?,
        };
        Ok(methods::pure_call(&self.manifest, &listed, fits))
    }
}

impl Run {
    /// Closes the connection, and waits until all of the process has ended.
    pub(super) async fn hang_up(self, limit: Duration) -> Result<Exit, Stop> {
        let Self { talk, mut subject } = self;
        drop(talk);
        subject.ended(limit).await
    }
}

/// Of what a process wrote.
const SHOWN_LINES: usize = 5;
