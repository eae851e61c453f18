//! The service `plugins`: what a node's plugins do, and are told to do.

use std::sync::Arc;

use linkspan::auth::policy::{Access, Action};
use linkspan::plugin::PluginName;
use linkspan::plugin::host::{LogEntry, LogFollower};
use linkspan::rpc::{CallError, Context, StreamSender, Streaming};
use linkspan::{Category, Code, Failure};

use crate::node::plugins::trouble::Trouble;
use crate::node::plugins::{LogLine, PluginStatus, Plugins};

/// The plugins of a node.
#[linkspan::service(name = "plugins", deadline = "10m", schema)]
pub(crate) trait PluginControl {
    /// Those that run or are to run, with their processes, and why others do not run. It takes the right
    /// `plugin.logs` to be told what they last wrote.
    #[linkspan(idempotent)]
    async fn list(&self, context: Context) -> Result<Vec<PluginStatus>, CallError>;

    /// Starts a plugin, also one that the configuration does not name; answers when it is ready. Takes
    /// the right `plugin.start`.
    #[linkspan(idempotent)]
    async fn start(&self, context: Context, name: String) -> Result<PluginStatus, CallError>;

    /// Stops a plugin: calls that are under way may be finished. Takes the right `plugin.stop`.
    #[linkspan(idempotent)]
    async fn stop(&self, context: Context, name: String) -> Result<PluginStatus, CallError>;

    /// Stops a plugin, and starts it as its files are now. Takes both rights.
    async fn restart(&self, context: Context, name: String) -> Result<PluginStatus, CallError>;

    /// Has a plugin run as its files are now, without a gap; if that does not run, everything is as
    /// before. Takes both rights.
    async fn reload(&self, context: Context, name: String) -> Result<PluginStatus, CallError>;

    /// What a plugin said: the latest lines (100 if `recent` is not given), then what comes, unless
    /// `follow` is false. Takes the right `plugin.logs`.
    async fn logs(
        &self,
        context: Context,
        name: String,
        recent: Option<u32>,
        follow: Option<bool>,
    ) -> Result<Streaming<LogLine>, CallError>;
}

/// The plugins of the node that this process is.
#[derive(Debug)]
pub(in crate::node) struct PluginMethods(pub(in crate::node) Arc<Plugins>);

impl PluginControl for PluginMethods {
    async fn list(&self, context: Context) -> Result<Vec<PluginStatus>, CallError> {
        Ok(self.0.statuses_for(&context.principal()))
    }

    async fn start(&self, context: Context, name: String) -> Result<PluginStatus, CallError> {
        let name = self.permitted(&context, &[Action::PluginStart], &name)?;
        self.done(&name, self.0.start(&name).await)
    }

    async fn stop(&self, context: Context, name: String) -> Result<PluginStatus, CallError> {
        let name = self.permitted(&context, &[Action::PluginStop], &name)?;
        self.done(&name, self.0.stop(&name).await)
    }

    async fn restart(&self, context: Context, name: String) -> Result<PluginStatus, CallError> {
        let name = self.permitted(&context, &BOTH, &name)?;
        self.done(&name, self.0.restart(&name).await)
    }

    async fn reload(&self, context: Context, name: String) -> Result<PluginStatus, CallError> {
        let name = self.permitted(&context, &BOTH, &name)?;
        self.done(&name, self.0.reload(&name).await)
    }

    async fn logs(
        &self,
        context: Context,
        name: String,
        recent: Option<u32>,
        follow: Option<bool>,
    ) -> Result<Streaming<LogLine>, CallError> {
        let name = self.permitted(&context, &[Action::PluginLogs], &name)?;
        let plugin = self.0.loaded(&name).map_err(|trouble| failed(&trouble))?;
        let recent = usize::try_from(recent.unwrap_or(USUAL_LINES)).unwrap_or(usize::MAX);
        let (sender, lines) = Streaming::channel(LINES_WAITING);
        // Both end when nobody reads the stream any more.
        match follow.unwrap_or(true) {
            true => tokio::spawn(follow_log(plugin.logs().follow(recent), sender)),
            false => tokio::spawn(send_log(plugin.logs().recent(recent), sender)),
        };
        Ok(lines)
    }
}

impl PluginMethods {
    /// The one place where rights to plugins are asked for.
    fn permitted(
        &self,
        context: &Context,
        actions: &[Action],
        name: &str,
    ) -> Result<PluginName, CallError> {
        let principal = context.principal();
        let accesses = actions.iter().map(|action| Access::new(*action, name));
        for access in accesses {
            if !self.0.rights.decide(&principal, &access).permitted {
                let message = format!("{} may not {access}", principal.name);
                let denied = Failure::new(Category::Authorization, Code::DENIED, message);
                return Err(denied.into());
            }
        }
        name.parse()
            .map_err(|error: linkspan::plugin::PluginNameError| {
                let message = error.to_string();
                Failure::new(Category::Request, Code::INVALID_PARAMETERS, message).into()
            })
    }

    /// What is told when something was done.
    fn done(
        &self,
        name: &PluginName,
        result: Result<(), Trouble>,
    ) -> Result<PluginStatus, CallError> {
        result.map_err(|trouble| failed(&trouble))?;
        self.0
            .status(name)
            .ok_or_else(|| failed(&Trouble::NotLoaded(name.clone())))
    }
}

fn failed(trouble: &Trouble) -> CallError {
    trouble.to_failure().into()
}

async fn send_log(log: Vec<Arc<LogEntry>>, sender: StreamSender<LogLine>) {
    for entry in log {
        if sender.send(Ok((&*entry).into())).await.is_err() {
            return;
        }
    }
}

async fn follow_log(mut log: LogFollower, sender: StreamSender<LogLine>) {
    loop {
        let followed = tokio::select! {
            followed = log.next() => followed,
            () = sender.closed() => return,
        };
        let Some(followed) = followed else { return };
        if sender.send(Ok(followed.into())).await.is_err() {
            return;
        }
    }
}

const BOTH: [Action; 2] = [Action::PluginStop, Action::PluginStart];
const USUAL_LINES: u32 = 100;
/// Lines that wait for a slow reader; the log keeps others meanwhile.
const LINES_WAITING: usize = 64;
