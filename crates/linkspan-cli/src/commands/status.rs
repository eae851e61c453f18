//! `linkspan status`.

use std::time::Duration;

use clap::Args;
use linkspan::Address;
use linkspan::rpc::Context;

use crate::commands::block_on;
use crate::commands::connect::node;
use crate::commands::plugin::running;
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::{Answers, BusCounts, NodeInfo, NodeService, NodeStatus, SecurityCounts};
use crate::output::{Output, Table, bytes, count, since};

/// Show whether a node runs, and what it is doing.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The node, as unix:PATH or tcp:HOST:PORT; without it the one of the configuration.
    address: Option<Address>,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    block_on(async {
        let (client, node) = node(options.address, loaded).await?;
        let (info, status) = (node.info().await?, node.status(Context::new()).await?);
        if output.json {
            output.json_line(&serde_json::json!({ "node": info, "status": status }))?;
        } else {
            show(&info, &status, output)?;
        }
        client.close(CLOSE_LIMIT).await;
        Ok(())
    })
}

fn show(info: &NodeInfo, status: &NodeStatus, output: &Output) -> Result {
    let style = output.style();
    output.line(format_args!(
        "{} {}",
        style.good("●"),
        style.title(format_args!("{} {}", info.name, info.version))
    ))?;
    let mut facts = Table::of_facts();
    facts.fact("process", status.pid);
    facts.fact("up for", since(Duration::from_millis(status.uptime_ms)));
    facts.fact("memory", bytes(status.resident_bytes));
    facts.fact("machine", format_args!("{}, {}", info.host, info.system));
    output.line(facts)?;

    let heads = [
        "LISTENER",
        "ANSWERS",
        "BACKEND",
        "OPEN",
        "ACCEPTED",
        "BUSY",
        "UNTRUSTED",
        "FAILED",
        "ERRORS",
    ];
    let mut listeners = Table::new(heads, style);
    for listener in &status.listeners {
        listeners.row([
            listener.address.clone(),
            match listener.answers {
                Answers::Calls => "calls".to_owned(),
                Answers::Exchanges => "exchanges".to_owned(),
                Answers::Bus => "bus".to_owned(),
            },
            backend(listener.backend.as_ref()),
            listener.open.to_string(),
            count(listener.accepted),
            count(listener.refused_busy),
            count(listener.refused_untrusted),
            count(listener.failed_handshakes),
            count(listener.accept_errors),
        ]);
    }
    output.line(format_args!("\n{}", listeners.right(&[3, 4, 5, 6, 7, 8])))?;

    if let Some(bus) = &status.bus {
        output.line(format_args!("\n{}", bus_facts(bus)))?;
    }
    if let Some(security) = &status.security {
        output.line(format_args!("\n{}", security_facts(security)))?;
    }
    if !status.plugins.is_empty() {
        output.line(format_args!(
            "\n{}",
            running::table(&status.plugins, output)
        ))?;
        running::tell_troubles(&status.plugins, output)?;
    }
    show_connections(status, output)
}

/// What a broker has done.
pub(crate) fn bus_facts(bus: &BusCounts) -> Table {
    let of = |frames, size| format!("{} of {}", count(frames), bytes(size));
    let waiting = u64::try_from(bus.queued_bytes).unwrap_or(u64::MAX);
    let mut facts = Table::of_facts();
    facts.fact("bus clients", bus.clients);
    facts.fact("masks", bus.masks);
    facts.fact("received", of(bus.frames_received, bus.bytes_received));
    facts.fact("sent", of(bus.frames_sent, bus.bytes_sent));
    facts.fact("waiting", bytes(waiting));
    facts.fact("dropped", count(bus.dropped));
    let (denied, limited) = (count(bus.denied), count(bus.rate_limited));
    let invalid = count(bus.invalid);
    facts.fact(
        "refused",
        format_args!("{denied} not permitted, {limited} too fast, {invalid} against a schema"),
    );
    facts
}

/// Who came, and what they might not do.
fn security_facts(security: &SecurityCounts) -> Table {
    let SecurityCounts {
        authentication,
        rights,
        audit,
    } = security;
    let mut facts = Table::of_facts();
    let (accepted, attempts) = (count(authentication.accepted), authentication.attempts);
    facts.fact("let in", format_args!("{accepted} of {}", count(attempts)));
    let (denied, expired) = (count(authentication.denied), count(authentication.expired));
    let slowed = count(authentication.slowed);
    facts.fact(
        "not believed",
        format_args!("{denied}, {expired} expired, {slowed} slowed down"),
    );
    facts.fact("not permitted", count(rights.denied));
    let (too_fast, too_many) = (count(rights.too_fast), count(rights.too_many));
    facts.fact(
        "over limits",
        format_args!("{too_fast} too fast, {too_many} too many at once"),
    );
    let (lines, errors) = (count(audit.lines), count(audit.errors));
    facts.fact("audit log", format_args!("{lines} lines, {errors} lost"));
    facts
}

fn show_connections(status: &NodeStatus, output: &Output) -> Result {
    let heads = [
        "CONNECTION",
        "BACKEND",
        "FROM",
        "CLIENT",
        "REQUESTS",
        "NOW",
        "RECEIVED",
        "SENT",
    ];
    let mut connections = Table::new(heads, output.style());
    for connection in &status.connections {
        let pid = connection.pid.map(|pid| format!(" pid:{pid}"));
        let address = connection
            .address
            .as_ref()
            .map(|address| format!(" {address}"));
        let from = [Some(connection.principal.clone()), pid, address];
        connections.row([
            connection.transport.clone(),
            backend(connection.backend.as_ref()),
            from.into_iter().flatten().collect(),
            connection.client.clone(),
            count(connection.requests),
            connection.in_progress.to_string(),
            bytes(connection.received_bytes),
            bytes(connection.sent_bytes),
        ]);
    }
    output.line(format_args!("\n{}", connections.right(&[4, 5, 6, 7])))?;
    Ok(())
}

/// The backend of a local socket; others have none.
pub(crate) fn backend(name: Option<&String>) -> String {
    name.map_or("-", String::as_str).to_owned()
}

/// A node that does not answer must not hold us up.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(1);
