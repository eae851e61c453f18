//! A node with a broker, and commands about it.

use std::process::Command;

use serde_json::Value;

use crate::bus::peer::Peer;
use crate::support::{Lines, Node, Place, Ran};

/// A place with a node whose broker also takes clients of BUS/RT.
pub(crate) struct Bus {
    pub(crate) place: Place,
    pub(crate) node: Node,
}

impl Bus {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let place = Place::new();
        place.write("linkspan.yaml", "bus: { listen: [./bus.sock] }");
        let node = place.node::<&str>([]);
        Self { place, node }
    }

    /// A client of BUS/RT.
    #[track_caller]
    pub(crate) fn peer(&self, name: &str) -> Peer {
        let address = format!("unix:{}", self.place.path("bus.sock").display());
        Peer::join(&address, name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(["bus"]);
        command.args(arguments);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.place.run(["bus"].iter().chain(arguments))
    }

    /// A command that prints messages, once it has subscribed.
    #[track_caller]
    pub(crate) fn listen(&self, arguments: &[&str]) -> Lines {
        let mut command = self.command(arguments);
        command.arg("--json");
        let lines = Lines::start(command);
        lines.find("it has subscribed", |line| line["event"] == "subscribed");
        lines
    }
}

#[track_caller]
pub(crate) fn next(lines: &Lines) -> Value {
    lines.find("a message", |line| line["event"] == "message")
}
