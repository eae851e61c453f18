//! Our broker, as a person starts it.

use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, Result};

use crate::shell;

/// `linkspan bus serve` at a Unix socket, a port, and a WebSocket; it ends when this is dropped.
pub(super) struct Broker {
    child: Child,
    /// Where it listens, as the program busrt names it.
    places: Vec<String>,
    _directory: Directory,
}

impl Broker {
    pub(super) fn start() -> Result<Self> {
        let directory = Directory::make()?;
        let socket = directory.0.join("bus.sock");
        let program = shell::root().join("target/debug/linkspan");
        let mut serve = shell::program(&program.to_string_lossy());
        serve
            .args(["bus", "serve", &format!("unix:{}", socket.display())])
            .args(["tcp:127.0.0.1:0", "ws:127.0.0.1:0"])
            .env("XDG_RUNTIME_DIR", &directory.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = serve.spawn().context("cannot start linkspan")?;
        let output = child.stdout.take().context("it is piped")?;
        let mut broker = Self {
            child,
            places: Vec::new(),
            _directory: directory,
        };
        for line in BufReader::new(output).lines() {
            let line = line?;
            broker.places.extend(place_of(line.trim()));
            if broker.places.len() == ADDRESSES {
                break;
            }
        }
        Ok(broker)
    }

    pub(super) fn place(&self, index: usize) -> Result<&str> {
        let place = self.places.get(index);
        place
            .map(String::as_str)
            .context("the broker does not listen")
    }
}

/// An address as the program busrt writes it.
fn place_of(address: &str) -> Option<String> {
    let place = match address.split_once(':')? {
        ("unix" | "tcp", place) => place.to_owned(),
        ("ws", place) => format!("ws://{place}"),
        _ => return None,
    };
    Some(place)
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A directory for the broker's socket, and for nobody else.
struct Directory(PathBuf);

impl Directory {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("linkspan-busrt-{}", std::process::id()));
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Where it listens at once.
pub(super) const ADDRESSES: usize = 3;
