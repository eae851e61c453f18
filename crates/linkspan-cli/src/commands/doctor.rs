//! `linkspan doctor`.

use std::path::{Path, PathBuf};

use clap::Args;
use linkspan::Address;
use os::{Directory, SocketState};
use serde::Serialize;

use crate::commands::block_on;
use crate::commands::connect::client;
use crate::commands::status::CLOSE_LIMIT;
use crate::config::{Loaded, VERSION, load};
use crate::failure::{Failure, Kind, Result};
use crate::node::{NodeClient, NodeService};
use crate::output::{Output, plain};

/// Look for what keeps a node from working, and say how to repair it.
///
/// It changes nothing. The exit code is 1 if something has to be repaired.
#[derive(Debug, Args)]
pub(crate) struct Options {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    state: State,
    what: String,
    /// A command that repairs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Warning,
    Bad,
}

pub(crate) fn run(_: &Options, file: Option<&Path>, output: &Output) -> Result {
    let findings = look(file);
    if output.json {
        output.json_line(&findings)?;
    } else {
        show(&findings, output)?;
    }
    match findings
        .iter()
        .filter(|finding| finding.state == State::Bad)
        .count()
    {
        0 => Ok(()),
        1 => Err(Failure::message(
            Kind::Other,
            "one thing has to be repaired",
        )),
        bad => Err(Failure::message(
            Kind::Other,
            format!("{bad} things have to be repaired"),
        )),
    }
}

fn look(file: Option<&Path>) -> Vec<Finding> {
    let loaded = match load(file) {
        Ok(loaded) => loaded,
        Err(error) => return vec![bad(error.to_string(), None)],
    };
    let mut findings = vec![match loaded.file() {
        Some(file) => good(format!("configuration {} is right", file.display())),
        None => good("no configuration file, defaults are used"),
    }];
    findings.push(descriptors());
    match loaded.config.address() {
        Err(error) => findings.push(bad(error.to_string(), None)),
        Ok(Address::Unix(path)) => {
            findings.push(directory(&path, &loaded));
            findings.extend(socket(&path, &loaded));
        }
        Ok(address) => findings.push(node(&address, &loaded)),
    }
    findings
}

fn descriptors() -> Finding {
    match os::descriptor_limit() {
        Some(limit) if limit < FEW_DESCRIPTORS => warning(
            format!("a process may have {limit} descriptors; each connection takes one"),
            Some(format!("ulimit -n {FEW_DESCRIPTORS}")),
        ),
        Some(limit) => good(format!("a process may have {limit} descriptors")),
        None => good("the number of descriptors is not limited"),
    }
}

/// The directory of the socket.
fn directory(socket: &Path, loaded: &Loaded) -> Finding {
    let parent = match socket.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    if !parent.exists() {
        return good(format!(
            "{} will be made by `linkspan up`",
            parent.display()
        ));
    }
    let mode = loaded.config.transport.unix_socket.directory_permissions.0;
    match Directory::open(&parent, mode) {
        Ok(_) => good(format!("nobody else can write to {}", parent.display())),
        Err(error) => {
            let repair = match &error {
                os::DirectoryError::Writable { .. } => {
                    Some(format!("chmod go-w {}", quoted(&parent)))
                }
                _ => None,
            };
            bad(Failure::new(Kind::Other, error).chain().join(": "), repair)
        }
    }
}

/// What stands at the socket's path.
fn socket(path: &Path, loaded: &Loaded) -> Vec<Finding> {
    let shown = path.display();
    let state = match os::socket_state(path) {
        Ok(state) => state,
        Err(error) => return vec![bad(format!("{shown} cannot be looked at: {error}"), None)],
    };
    vec![match state {
        SocketState::Missing => warning(
            format!("no node runs at unix:{shown}"),
            Some("linkspan up".to_owned()),
        ),
        SocketState::Stale => warning(
            format!("{shown} was left by a node that died; the next one replaces it"),
            Some("linkspan up".to_owned()),
        ),
        SocketState::NotASocket => bad(
            format!("{shown} is not a socket; it is never replaced"),
            Some(format!(
                "mv {} {}",
                quoted(path),
                quoted(&path.with_extension("moved"))
            )),
        ),
        SocketState::Live { .. } => node(&Address::Unix(path.to_owned()), loaded),
        _ => bad(format!("{shown} belongs to somebody else"), None),
    }]
}

/// Whether the node at an address answers.
fn node(address: &Address, loaded: &Loaded) -> Finding {
    let mut found = None;
    let asked = block_on(async {
        let client = client(address, loaded).await?;
        found = Some(NodeClient::new(client.clone()).info().await?);
        client.close(CLOSE_LIMIT).await;
        Ok(())
    });
    match (asked, found) {
        (Ok(()), Some(info)) if info.version == VERSION => good(format!(
            "the node at {address} answers (process {})",
            info.pid
        )),
        (Ok(()), Some(info)) => warning(
            format!(
                "the node at {address} is version {}, this is {VERSION}",
                info.version
            ),
            Some(format!("kill {} && linkspan up", info.pid)),
        ),
        (Err(failure), _) if failure.kind() == Kind::Unreachable => warning(
            format!("no node answers at {address}"),
            Some("linkspan up".to_owned()),
        ),
        (Err(failure), _) => bad(failure.chain().join(": "), None),
        (Ok(()), None) => bad(format!("the node at {address} gave no answer"), None),
    }
}

fn show(findings: &[Finding], output: &Output) -> Result {
    let style = output.style();
    for Finding {
        state,
        what,
        repair,
    } in findings
    {
        let what = plain(what);
        match state {
            State::Good => output.line(format_args!("{}  {what}", style.good("ok  ")))?,
            State::Warning => output.line(format_args!("{}  {what}", style.warning("note")))?,
            State::Bad => output.line(format_args!("{}  {what}", style.error("bad ")))?,
        }
        if let Some(repair) = repair {
            output.line(format_args!("      {}", style.name(repair)))?;
        }
    }
    Ok(())
}

fn good(what: impl Into<String>) -> Finding {
    Finding {
        state: State::Good,
        what: what.into(),
        repair: None,
    }
}

fn warning(what: String, repair: Option<String>) -> Finding {
    Finding {
        state: State::Warning,
        what,
        repair,
    }
}

fn bad(what: String, repair: Option<String>) -> Finding {
    Finding {
        state: State::Bad,
        what,
        repair,
    }
}

/// A path for the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Fewer are soon used up.
const FEW_DESCRIPTORS: u64 = 1024;
