//! `linkspan plugin start|stop|restart|reload NAME`.

use clap::Args;
use linkspan::plugin::PluginName;
use linkspan::rpc::Context;

use crate::commands::block_on;
use crate::commands::plugin::at::At;
use crate::commands::plugin::running;
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::PluginControl;
use crate::output::Output;

/// Which plugin of which node.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's name.
    name: PluginName,

    #[command(flatten)]
    at: At,
}

/// What a node is to do with a plugin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Start,
    Stop,
    Restart,
    Reload,
}

pub(super) fn run(verb: Verb, options: &Options, loaded: &Loaded, output: &Output) -> Result {
    block_on(async {
        let (_client, plugins) = options.at.connect(loaded).await?;
        let (own, name) = (Context::new(), options.name.to_string());
        let status = match verb {
            Verb::Start => plugins.start(own, name).await?,
            Verb::Stop => plugins.stop(own, name).await?,
            Verb::Restart => plugins.restart(own, name).await?,
            Verb::Reload => plugins.reload(own, name).await?,
        };
        match output.json {
            true => Ok(output.json_line(&status)?),
            false => running::tell(&status, output),
        }
    })
}
