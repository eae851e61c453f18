//! `linkspan plugin call NAME|DIR METHOD [JSON]`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use linkspan::plugin::host::{
    Cause, HostConfig, LogFollower, Plugin, PluginHost, RunError, Switchboard,
};
use linkspan::plugin::{PluginName, RestartPolicy, Verified};
use linkspan::rpc::{Request, Router};
use tokio::task::spawn_blocking;

use crate::commands::asked::Asked;
use crate::commands::block_on;
use crate::commands::items::Fault;
use crate::commands::plugin::at::At;
use crate::commands::plugin::logs::{more, words};
use crate::commands::plugin::{existing, is_folder, is_path, with_pins};
use crate::commands::status::CLOSE_LIMIT;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::node::LogLine;
use crate::output::Output;
use crate::signals::{Signals, Wish};

/// Call a method of a plugin that a node runs, or of one in a folder.
///
/// Without a node, the plugin in the folder is started for this call, under the terms of the
/// configuration, and ended after it. It need not be pinned. What it says, and what it publishes, goes
/// to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The plugin's name, or its folder. A folder of that name in this directory is meant first; with
    /// --address, only what has a / in it is a folder.
    #[arg(value_name = "NAME|DIR")]
    plugin: String,

    /// The method as the plugin declares it, or with its service, as greeter.greet.
    method: String,

    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    at: At,
}

pub(super) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let fault = Fault::default();
    let is_here = match options.at.is_named() {
        true => is_path(&options.plugin),
        false => is_folder(&options.plugin),
    };
    let result = match is_here {
        true => block_on(here(options, loaded, output, &fault)),
        false => block_on(at_node(options, loaded, output, &fault)),
    };
    fault.take().map_or(result, Err)
}

/// Calls a plugin of the node.
async fn at_node(options: &Options, loaded: &Loaded, output: &Output, fault: &Fault) -> Result {
    let name: PluginName = options.plugin.parse().map_err(|error| {
        Failure::new(Kind::Usage, anyhow::Error::from(error))
            .hint("a folder has a / in it, as ./greeter")
    })?;
    let method = full_name(&name, &options.method);
    let request = options.asked.request(&method, fault)?;
    let (client, _) = options.at.connect(loaded).await?;
    let result = match client.call(request).await {
        Ok(response) => options.asked.print(&method, response, output).await,
        Err(error) => Err(error.into()),
    };
    client.close(CLOSE_LIMIT).await;
    result
}

/// Calls a plugin that runs for this call alone.
async fn here(options: &Options, loaded: &Loaded, output: &Output, fault: &Fault) -> Result {
    let mut signals = Signals::listen()?;
    let folder = existing(Path::new(&options.plugin))?;
    let (host, plugin) = load(folder, loaded, *output).await?;
    let method = full_name(plugin.name(), &options.method);
    let request = options.asked.request(&method, fault)?;
    let mut log = plugin.logs().follow(0);
    let result = tokio::select! {
        result = ask(&plugin, request, &method, options, output) => result,
        () = tell(&mut log, output) => Ok(()),
        reason = stop(&mut signals) => {
            let message = format!("stopped by {reason} before the answer was there");
            Err(Failure::message(Kind::Other, message))
        }
    };
    host.stop().await;
    // What it said at last.
    tell(&mut log, output).await;
    result
}

async fn load(folder: PathBuf, loaded: &Loaded, output: Output) -> Result<(PluginHost, Plugin)> {
    let settings = &loaded.config.plugins;
    let library = with_pins(settings.library(), true);
    let of_host = library.clone();
    let verified = spawn_blocking(move || Verified::open(&folder, &library)).await;
    let verified = verified.map_err(anyhow::Error::from)??;
    let manifest = verified.manifest();
    let mut terms = settings.terms(&manifest.name).terms(manifest);
    terms.instances = Some(1);
    // One attempt: whoever calls by hand is to see at once what is wrong.
    let mut restart = terms.restart_for(manifest);
    restart.policy = RestartPolicy::Never;
    terms.restart = Some(restart);
    terms.cgroup = os::sandbox::delegated_cgroup();
    let mut config = HostConfig::default();
    config.plugins = of_host;
    config.session = loaded.config.server().session;
    let around = Switchboard::new(Router::new()).on_publish(move |_, event| {
        let bytes = event.payload.bytes.len();
        output.notice(format_args!(
            "publishes {bytes} bytes under {}",
            event.topic
        ));
    });
    config.surroundings = Arc::new(around);
    let host = PluginHost::new(config);
    let loaded = host.load_verified(verified, terms);
    let plugin = loaded.map_err(|error| Failure::new(Kind::Refused, error))?;
    Ok((host, plugin))
}

async fn ask(
    plugin: &Plugin,
    request: Request,
    method: &str,
    options: &Options,
    output: &Output,
) -> Result {
    plugin.start().await.map_err(at_once)?;
    let response = plugin.call(request).await?;
    options.asked.print(method, response, output).await
}

/// Why the one attempt failed.
fn at_once(error: RunError) -> RunError {
    let RunError::GivenUp { last, .. } = &error else {
        return error;
    };
    match &last.cause {
        Cause::NotRun(first) => first.clone(),
        _ => error,
    }
}

/// Tells what a plugin says, as long as it does.
async fn tell(log: &mut LogFollower, output: &Output) {
    while let Some(followed) = log.next().await {
        let line = LogLine::from(followed);
        if output.json {
            output.notice(serde_json::json!({ "log": line }));
            continue;
        }
        let said = words(&line);
        output.notice(format_args!("{:<5} {}: {said}", line.level, line.source));
        for below in more(&line) {
            output.notice(below);
        }
    }
}

async fn stop(signals: &mut Signals) -> &'static str {
    loop {
        if let Wish::Stop(reason) = signals.next().await {
            return reason;
        }
    }
}

/// A method with the name of its plugin before it.
fn full_name(plugin: &PluginName, method: &str) -> String {
    match method.contains('.') {
        true => method.to_owned(),
        false => format!("{}.{method}", plugin.as_str().replace('-', "_")),
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let remedy = error.remedy();
        let failure = Self::new(Kind::Other, error);
        match remedy {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        }
    }
}

const EXAMPLES: &str = r#"Examples:
  linkspan plugin call ./greeter greet '{"name": "Ada"}'
  linkspan plugin call indexer find '{"words": "error"}' --first 10
  linkspan plugin call indexer add --items lines.jsonl"#;
