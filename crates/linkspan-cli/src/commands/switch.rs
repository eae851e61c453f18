//! `linkspan transport switch`.

use clap::Args;
use linkspan::Address;
use linkspan::rpc::Context;

use crate::commands::block_on;
use crate::commands::connect::node;
use crate::commands::status::CLOSE_LIMIT;
use crate::config::{BackendChoice, Loaded};
use crate::failure::{Failure, Kind, Result};
use crate::node::{NodeService, Switched};
use crate::output::Output;

/// Have another backend accept at a running node's local sockets.
///
/// Connections that are open stay open, with the backend that they have. The configuration file is
/// not changed: once the node reads it again (SIGHUP) or is started again, what `ipc.transport` says
/// holds. Only the node's own user may switch.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The backend: tokio, interprocess or legacy.
    backend: BackendChoice,

    /// The node, as unix:PATH; without it the one of the configuration.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Address>,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    block_on(async {
        let (client, node) = node(options.address, loaded).await?;
        let switched = node.switch_backend(Context::new(), options.backend).await?;
        client.close(CLOSE_LIMIT).await;
        show(&switched, options.backend, output)
    })
}

fn show(switched: &[Switched], backend: BackendChoice, output: &Output) -> Result {
    if switched.iter().all(|listener| listener.to.is_none()) {
        let message = "no listener of this node is a local socket: only those have backends";
        return Err(Failure::message(Kind::Refused, message));
    }
    if output.json {
        return Ok(output.json_line(&serde_json::json!({ "switched": switched }))?);
    }
    let style = output.style();
    for Switched { address, from, to } in switched {
        let address = style.name(address);
        match (from, to) {
            (Some(from), Some(to)) if from == to => {
                output.line(format_args!("{address}  {} already", style.good(to)))?;
            }
            (Some(from), Some(to)) => {
                let (from, to) = (style.dim(from), style.good(to));
                output.line(format_args!("{address}  {from} -> {to}"))?;
            }
            _ => output.line(format_args!("{address}  has no choice of backends"))?,
        }
    }
    output.notice(format_args!(
        "open connections keep their backend; the node's next reload or start puts back what its \
         configuration says: to keep {backend}, write `ipc: {{ transport: {backend} }}`"
    ));
    Ok(())
}
