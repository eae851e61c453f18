//! Text to addresses.

use std::convert::Infallible;
use std::net::Ipv6Addr;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

use crate::address::{Address, HostPath, HostPort};

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(name) = text.strip_prefix(PIPE_PREFIX) {
            return pipe(text, name);
        }
        if is_path(text) {
            return path(text, text).map(Self::Unix);
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(AddressError::new(
                text,
                "it has no scheme",
                "unix:PATH or tcp:HOST:PORT",
            ));
        };
        let place = rest.strip_prefix("//").unwrap_or(rest);
        let host = || host_port(text, place);
        match scheme.to_ascii_lowercase().as_str() {
            "mem" => name(text, rest, "mem:NAME").map(Self::Memory),
            "unix" => path(text, rest.strip_prefix("//").unwrap_or(rest)).map(Self::Unix),
            "unix+tls" => path(text, rest).map(Self::UnixTls),
            "pipe" => pipe(text, rest.strip_prefix(PIPE_PREFIX).unwrap_or(rest)),
            "ipc" => older_ipc(text, rest),
            "tcp" => host().map(Self::Tcp),
            "tls" => host().map(Self::Tls),
            "ws" => host_path(text, place).map(Self::Ws),
            "wss" => host_path(text, place).map(Self::Wss),
            _ => Err(AddressError::new(
                text,
                format!("{scheme:?} is not a scheme"),
                "one of mem:, unix:, unix+tls:, pipe:, tcp:, tls:, ws:, wss:",
            )),
        }
    }
}

/// A text is not an address; it says what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an address: {problem}; expected {expected}")]
#[non_exhaustive]
pub struct AddressError {
    /// The text.
    pub text: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub expected: String,
}

impl AddressError {
    fn new(text: &str, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

impl From<Infallible> for AddressError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Whether a text without scheme is meant as a path.
fn is_path(text: &str) -> bool {
    let begins = ["/", "./", "../", "~/"]
        .iter()
        .any(|start| text.starts_with(start));
    begins || (!text.contains(':') && (text.contains('/') || text.ends_with(".sock")))
}

/// `ipc://PATH` and `ipc://\\.\pipe\NAME`.
fn older_ipc(text: &str, rest: &str) -> Result<Address, AddressError> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(AddressError::new(
            text,
            "ipc: needs two slashes",
            "ipc://PATH or unix:PATH",
        ));
    };
    match rest.strip_prefix(PIPE_PREFIX) {
        Some(name) => pipe(text, name),
        None => path(text, rest).map(Address::Unix),
    }
}

fn path(text: &str, path: &str) -> Result<std::path::PathBuf, AddressError> {
    let problem = if path.is_empty() {
        "the path is empty"
    } else if path.contains('\0') {
        "the path contains a zero byte"
    } else if path.ends_with('/') || Path::new(path).file_name().is_none() {
        "the path names a directory"
    } else {
        return Ok(path.into());
    };
    Err(AddressError::new(
        text,
        problem,
        "the path of a socket, as in unix:/run/app.sock",
    ))
}

fn pipe(text: &str, pipe: &str) -> Result<Address, AddressError> {
    name(text, pipe, "pipe:NAME").map(Address::Pipe)
}

fn name(text: &str, name: &str, form: &str) -> Result<String, AddressError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let problem = if name.is_empty() {
        "the name is empty".to_owned()
    } else if let Some(wrong) = name.chars().find(|c| !allowed(*c)) {
        format!("the name contains {wrong:?}")
    } else if name.len() > MAX_NAME_BYTES {
        format!(
            "the name of {} bytes exceeds the limit of {MAX_NAME_BYTES} bytes",
            name.len()
        )
    } else {
        return Ok(name.into());
    };
    let expected = format!("{form} with a name of letters, digits, '.', '_' and '-'");
    Err(AddressError::new(text, problem, expected))
}

fn host_port(text: &str, rest: &str) -> Result<HostPort, AddressError> {
    let scheme = text.split(':').next().unwrap_or_default();
    let error = |problem: &str| {
        AddressError::new(
            text,
            problem,
            format!("{scheme}:HOST:PORT, an IPv6 address in brackets"),
        )
    };
    let Some((host, port)) = rest.rsplit_once(':') else {
        return Err(error("the port is missing"));
    };
    let host = match host.strip_prefix('[') {
        Some(inner) => {
            let inner = inner
                .strip_suffix(']')
                .ok_or_else(|| error("a bracket is not closed"))?;
            inner
                .parse::<Ipv6Addr>()
                .map_err(|_| error("what is in brackets is not an IPv6 address"))?;
            inner
        }
        None if host.contains(':') => return Err(error("an IPv6 address is not in brackets")),
        None => host,
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    if host.is_empty() {
        return Err(error("the host is empty"));
    }
    if !host.chars().all(allowed) {
        return Err(error("the host contains a character that no host name has"));
    }
    let port = port
        .parse()
        .map_err(|_| error("the port is not a number from 0 to 65535"))?;
    Ok(HostPort::new(host, port))
}

fn host_path(text: &str, place: &str) -> Result<HostPath, AddressError> {
    let (host, path) = match place.find('/') {
        Some(slash) => place.split_at(slash),
        None => (place, "/"),
    };
    let host = host_port(text, host)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(c);
    let problem = if let Some(wrong) = path.chars().find(|c| !allowed(*c)) {
        format!("the path contains {wrong:?}")
    } else if path.len() > MAX_PATH_BYTES {
        format!(
            "the path of {} bytes exceeds the limit of {MAX_PATH_BYTES} bytes",
            path.len()
        )
    } else {
        let path = path.to_owned();
        return Ok(HostPath { host, path });
    };
    let expected = "a path of letters, digits and what URLs have besides, without a query";
    Err(AddressError::new(text, problem, expected))
}

const PIPE_PREFIX: &str = r"\\.\pipe\";
const MAX_NAME_BYTES: usize = 200;
const MAX_PATH_BYTES: usize = 1000;
