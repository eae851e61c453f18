//! The node whose plugins are meant.

use clap::Args;
use linkspan::Address;
use linkspan::rpc::{Client, Context};

use crate::commands::connect::node;
use crate::config::Loaded;
use crate::failure::{Kind, Result};
use crate::node::{PluginControl, PluginControlClient, PluginStatus};
use crate::output::Output;

/// Which node.
#[derive(Debug, Clone, Args)]
pub(crate) struct At {
    /// The node, as unix:PATH or tcp:HOST:PORT; without it the one of the configuration.
    #[arg(long, short, value_name = "ADDRESS")]
    address: Option<Address>,
}

impl At {
    /// Whether the command line says which.
    pub(super) const fn is_named(&self) -> bool {
        self.address.is_some()
    }

    /// Connects to the node.
    pub(super) async fn connect(&self, loaded: &Loaded) -> Result<(Client, PluginControlClient)> {
        let (client, _) = node(self.address.clone(), loaded).await?;
        Ok((client.clone(), PluginControlClient::new(client)))
    }

    /// What the node says of its plugins; none if no node runs, or it does not say.
    pub(super) async fn statuses(
        &self,
        loaded: &Loaded,
        output: &Output,
    ) -> Result<Option<Vec<PluginStatus>>> {
        let told = async {
            let (_client, plugins) = self.connect(loaded).await?;
            Ok(plugins.list(Context::new()).await?)
        };
        match told.await {
            Ok(statuses) => Ok(Some(statuses)),
            Err(failure) if self.address.is_some() => Err(failure),
            Err(failure) if failure.kind() == Kind::Unreachable => Ok(None),
            Err(failure) => {
                let reason = failure.chain().join(": ");
                output.notice(format_args!("the node does not say what runs: {reason}"));
                Ok(None)
            }
        }
    }
}
