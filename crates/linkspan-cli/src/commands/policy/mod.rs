//! `linkspan policy`: who may do what, by the configuration.

mod check;
mod explain;

use clap::{Args, Subcommand};
use linkspan::auth::Principal;
use linkspan::auth::policy::{Access, Action, Decision};

use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// See who may do what, by roles and conditions of the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Options),
    Explain(explain::Options),
}

pub(crate) fn run(command: &Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Check(options) => check::run(options, loaded, output),
        Command::Explain(options) => explain::run(options, loaded, output),
    }
}

/// Who would do what.
#[derive(Debug, Args)]
struct Question {
    /// Who: uid:1000, cert:host-1, key:ci, jwt:ada, plugin:indexer, anonymous.
    principal: String,

    /// What: rpc.call, rpc.event, bus.publish, bus.subscribe, bus.send, bus.tap, `bus.dead_letters`,
    /// exchange.send, daemon.command, daemon.control, plugin.start, plugin.stop, plugin.logs.
    action: Action,

    /// To what: a method, a topic, a client, a server, a verb or a plugin, or a mask of them.
    resource: String,

    /// A role that the credentials would give; may be repeated.
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,

    /// An attribute that the credentials would give, as NAME=VALUE; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    attribute: Vec<(String, String)>,
}

impl Question {
    fn access(&self) -> Access<'_> {
        Access::new(self.action, &self.resource)
    }

    /// What a node with this configuration decides.
    fn decide(&self, loaded: &Loaded) -> Result<Decision> {
        let policy = {
            let config = &loaded.config;
            config.security.authorization.policy(&config.plugins)
        };
        let policy = policy.map_err(|error| Failure::new(Kind::Config, error))?;
        let mut principal = Principal::named(&self.principal).with_roles(&self.role);
        principal.attributes.extend(self.attribute.iter().cloned());
        Ok(policy.decide(&principal, &self.access()))
    }
}

fn attribute(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok((name.into(), value.into()))
}
