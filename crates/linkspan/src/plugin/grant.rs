//! What a plugin may do beyond computing.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::auth::policy::{Access, Capability, CapabilityError};
use crate::{Address, HostPort};

/// Something that a manifest asks for, and that a host may grant.
///
/// | text | what it is |
/// |---|---|
/// | `bus.publish:house/#` | a right, in the words of [`Capability`] |
/// | `fs.read:/var/log` | reading a file, or all below a directory |
/// | `fs.write:/var/lib/indexer` | reading and writing there |
/// | `net.connect:example.org:443` | connecting to a host and a port |
/// | `host.processes` | seeing the processes of the machine |
///
/// ```
/// use linkspan::plugin::Grant;
///
/// let grant: Grant = "net.connect:example.org:443".parse().unwrap();
/// assert!(matches!(&grant, Grant::Connect(place) if place.port == 443));
/// assert!("fs.read:../etc".parse::<Grant>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// A right that a guard checks.
    Right(Capability),
    /// Reading a file, or all below a directory.
    Read(PathBuf),
    /// Reading and writing a file, or all below a directory.
    Write(PathBuf),
    /// Connecting over TCP.
    Connect(HostPort),
    /// Seeing the processes of the machine.
    Processes,
}

impl Grant {
    /// Whether whoever has the other one may do all of this, too.
    ///
    /// ```
    /// use linkspan::plugin::Grant;
    ///
    /// let grant = |text: &str| text.parse::<Grant>().unwrap();
    /// assert!(grant("bus.publish:logs/new").is_within(&grant("bus.publish:logs/#")));
    /// assert!(grant("fs.read:/var/log/app").is_within(&grant("fs.write:/var/log")));
    /// assert!(!grant("fs.write:/var/log").is_within(&grant("fs.read:/var/log")));
    /// ```
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Right(right), Self::Right(other)) => is_within(right, other),
            (Self::Read(path), Self::Read(other) | Self::Write(other))
            | (Self::Write(path), Self::Write(other)) => path.starts_with(other),
            (one, other) => one == other,
        }
    }

    /// What somebody may do who asks for some and is granted others: what is within both.
    pub fn common(asked: &[Self], granted: &[Self]) -> Vec<Self> {
        let within = |some: &[Self], others: &[Self]| -> Vec<Self> {
            let is_within = |one: &&Self| others.iter().any(|other| one.is_within(other));
            some.iter().filter(is_within).cloned().collect()
        };
        let mut common = within(asked, granted);
        for grant in within(granted, asked) {
            if !common.contains(&grant) {
                common.push(grant);
            }
        }
        common
    }
}

fn is_within(right: &Capability, other: &Capability) -> bool {
    let text = right.to_string();
    let (action, mask) = text.split_once(':').unwrap_or((&text, ANYTHING));
    let is_covered = |action| other.covers(&Access::new(action, mask));
    right == other || (mask != ANYTHING && action.parse().is_ok_and(is_covered))
}

/// A text is no grant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It is no right, and nothing else.
    #[error(
        "{0}; besides, there are fs.read:PATH, fs.write:PATH, net.connect:HOST:PORT and host.processes"
    )]
    Right(CapabilityError),
    /// It asks for everything.
    #[error("a plugin cannot ask for everything by `*`; name what it needs")]
    Everything,
    /// Its path does not say clearly what is meant.
    #[error("the path of {0:?} is not absolute, or has empty parts, `.` or `..`")]
    Path(String),
    /// Its host or port is missing or wrong.
    #[error("{0:?} does not name a host and a port above 0, as net.connect:example.org:443")]
    Host(String),
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (word, of) = text.split_once(':').unwrap_or((text, ""));
        match word {
            READ => Ok(Self::Read(path(text, of)?)),
            WRITE => Ok(Self::Write(path(text, of)?)),
            CONNECT => host(of)
                .map(Self::Connect)
                .ok_or_else(|| GrantError::Host(text.into())),
            PROCESSES if of.is_empty() => Ok(Self::Processes),
            _ => {
                let right: Capability = text.parse().map_err(GrantError::Right)?;
                match right == Capability::EVERYTHING {
                    true => Err(GrantError::Everything),
                    false => Ok(Self::Right(right)),
                }
            }
        }
    }
}

fn path(text: &str, path: &str) -> Result<PathBuf, GrantError> {
    let parts = path.strip_prefix('/').unwrap_or(path);
    let is_clear = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_root = path == "/";
    let is_absolute = path.starts_with('/') || Path::new(path).is_absolute();
    match is_absolute && !path.contains('\0') && (is_root || parts.split('/').all(is_clear)) {
        true => Ok(path.into()),
        false => Err(GrantError::Path(text.into())),
    }
}

fn host(text: &str) -> Option<HostPort> {
    match format!("tcp:{text}").parse() {
        Ok(Address::Tcp(mut place)) if place.port > 0 => {
            // Of all its spellings, one.
            if let Ok(ip) = place.host.parse::<Ipv6Addr>() {
                place.host = ip.to_string();
            }
            Some(place)
        }
        _ => None,
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(right) => right.fmt(f),
            Self::Read(path) => write!(f, "{READ}:{}", path.display()),
            Self::Write(path) => write!(f, "{WRITE}:{}", path.display()),
            Self::Connect(place) => write!(f, "{CONNECT}:{place}"),
            Self::Processes => f.write_str(PROCESSES),
        }
    }
}

const READ: &str = "fs.read";
const WRITE: &str = "fs.write";
const CONNECT: &str = "net.connect";
const PROCESSES: &str = "host.processes";
/// The mask that stands for whatever there is.
const ANYTHING: &str = "*";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_written_as_they_are_read() {
        for text in [
            "rpc.call:host.*",
            "bus.subscribe:news/#",
            "bus.publish:*",
            "fs.read:/",
            "fs.read:/var/log/a b",
            "fs.write:/var/lib/indexer",
            "net.connect:example.org:443",
            "net.connect:[::1]:80",
            "host.processes",
        ] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_unclear_is_refused_with_what_would_be_right() {
        for (text, words) in [
            ("*", "name what it needs"),
            ("fs.red:/a", "fs.read:PATH"),
            ("fs.read", "not absolute"),
            ("fs.read:a", "not absolute"),
            ("fs.read:/a/../b", "`..`"),
            ("fs.write:/a//b", "empty parts"),
            ("fs.write:/a/", "empty parts"),
            ("net.connect:example.org", "a host and a port"),
            ("net.connect:example.org:0", "a port above 0"),
            ("net.connect:example.org:99999", "a host and a port"),
            ("host.processes:all", "host.processes"),
            ("bus.publish:a\0b", "cannot be used"),
        ] {
            let error = text.parse::<Grant>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_asked_for_and_granted_is_within_both() {
        let grants = |texts: &[&str]| -> Vec<Grant> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        for (asked, granted, common) in [
            (
                &["bus.publish:a/#"][..],
                &["bus.publish:a/b"][..],
                &["bus.publish:a/b"][..],
            ),
            (
                &["bus.publish:a/b"],
                &["bus.publish:*"],
                &["bus.publish:a/b"],
            ),
            (&["bus.publish:*"], &["bus.publish:+"], &["bus.publish:+"]),
            (&["rpc.call:*"], &["rpc.call:host.?"], &["rpc.call:host.?"]),
            (
                &["rpc.call:host.*"],
                &["rpc.call:host.?"],
                &["rpc.call:host.?"],
            ),
            (&["bus.publish:a/#"], &["bus.subscribe:a/#"], &[]),
            (&["bus.publish:a/+"], &["bus.publish:+/b"], &[]),
            (&["fs.read:/var"], &["fs.write:/var/log"], &[]),
            (&["fs.write:/var/log"], &["fs.read:/var"], &[]),
            (
                &["fs.read:/var/log"],
                &["fs.read:/var"],
                &["fs.read:/var/log"],
            ),
            (
                &["fs.read:/"],
                &["fs.read:/a", "fs.read:/b"],
                &["fs.read:/a", "fs.read:/b"],
            ),
            (&["fs.read:/variable"], &["fs.read:/var"], &[]),
            (&["net.connect:a:1"], &["net.connect:a:2"], &[]),
            (
                &["host.processes"],
                &["host.processes"],
                &["host.processes"],
            ),
            (&["host.processes"], &[], &[]),
        ] {
            let found = Grant::common(&grants(asked), &grants(granted));
            assert_eq!(found, grants(common), "{asked:?} {granted:?}");
        }
    }
}
