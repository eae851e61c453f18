//! Plugins that run in a node.
//!
//! | what | where |
//! |---|---|
//! | what a plugin can do, and what it is told | [`doing`] |
//! | starting and stopping by hand, and who may | [`control`] |
//! | what the configuration says, and says anew | [`settings`] |
//! | one plugin in its folder, without a node | [`folder`] |

mod control;
mod doing;
mod folder;
mod settings;

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

use crate::support::{Lines, Node, Place, Ran, until};

/// A place with plugins in Python.
pub(super) struct Scene {
    pub(super) place: Place,
}

impl Scene {
    /// With these settings of plugins, and these plugins.
    #[track_caller]
    pub(super) fn new(settings: &str, names: &[&str]) -> Self {
        let scene = Self {
            place: Place::new(),
        };
        scene.configure(settings);
        for name in names {
            scene.add(name);
        }
        scene
    }

    /// Writes the configuration.
    pub(super) fn configure(&self, settings: &str) {
        let directory = self.place.path("plugins");
        let text = format!(
            "plugins:\n  plugin_directories: [{}]\n  unpinned: true\n  sandbox: {{ enabled: false }}\n{settings}",
            directory.display()
        );
        self.place.write("linkspan.yaml", &text);
    }

    /// Adds the plugin of the tests under a name.
    #[track_caller]
    pub(super) fn add(&self, name: &str) {
        fs::create_dir_all(self.place.path("plugins")).unwrap();
        let folder = format!("plugins/{name}");
        self.place
            .run(["plugin", "new", "--lang", "python", &folder])
            .ok();
        self.write(name, "plugin.toml", &MANIFEST.replace("NAME", name));
        self.write(name, "main.py", &PROGRAM.replace("NAME", name));
    }

    /// Writes a file of a plugin.
    pub(super) fn write(&self, name: &str, file: &str, text: &str) {
        fs::write(self.folder(name).join(file), text).unwrap();
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.place.path("plugins").join(name)
    }

    /// A node that has started what it is to start.
    #[track_caller]
    pub(super) fn node(&self) -> Node {
        let node = self.place.node::<&str>([]);
        self.settled();
        node
    }

    /// Waits until the node is not changing its plugins any more, and none of them is on its way.
    #[track_caller]
    pub(super) fn settled(&self) {
        let address = self.place.address();
        until("plugins are settled", || {
            let ready = self.place.run(["call", &address, "node.ready"]).json();
            let reasons = ready["reasons"].to_string();
            let on_its_way = ["still being", "is created", "is starting", "is crashed"];
            !on_its_way.iter().any(|words| reasons.contains(words))
        });
    }

    #[track_caller]
    pub(super) fn plugin<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        self.place.run(["plugin"].iter().chain(&arguments))
    }

    /// What the node says of a plugin.
    #[track_caller]
    pub(super) fn status(&self, name: &str) -> Value {
        let status = self.place.run(["status", "--json"]).json();
        let plugins = status["status"]["plugins"].as_array().cloned();
        let found = plugins.unwrap_or_default().into_iter();
        let mut found = found.filter(|plugin| plugin["name"] == name);
        found.next().unwrap_or_default()
    }

    /// The process of a plugin that has one.
    #[track_caller]
    pub(super) fn pid(&self, name: &str) -> Pid {
        let status = self.status(name);
        let pid = status["processes"][0]["pid"].as_i64();
        let pid = pid.unwrap_or_else(|| panic!("no process: {status}"));
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }

    /// A command that prints publications, once it has subscribed.
    #[track_caller]
    pub(super) fn listen(&self, mask: &str) -> Lines {
        let lines = Lines::start(self.place.command(["bus", "sub", mask, "--json"]));
        lines.find("it has subscribed", |line| line["event"] == "subscribed");
        lines
    }
}

/// Waits until a process is gone.
#[track_caller]
pub(super) fn is_gone(pid: Pid) {
    until("the process is gone", || test_kill_process(pid).is_err());
}

const MANIFEST: &str = r#"
format = 1
name = "NAME"
version = "1.0.0"
protocol = 1
sandbox = "none"
capabilities = ["bus.publish:index/#", "bus.subscribe:docs/#", "rpc.call:*", "host.processes"]
include = ["main.py", "linkspan_plugin"]

[entry]
script = "main.py"
interpreter = "python3"

[methods]
add = { description = "Adds a text." }
ask = {}
count = {}
fail = {}

[events]
in = ["docs/#"]
out = ["index/#"]
"#;

const PROGRAM: &str = r#"
import logging
from linkspan_plugin import Context, MethodError, Plugin

plugin = Plugin("NAME", version="1.0.0")

@plugin.method
def add(text: str, cx: Context) -> int:
    logging.getLogger("index").warning("adds %s", text)
    print("adding", text, flush=True)
    cx.host.publish("index/added", {"text": text})
    return len(text)

@plugin.method
def ask(method: str, cx: Context, parameters: object = None) -> object:
    return cx.host.call(method, parameters)

@plugin.stream
def count(to: int):
    yield from range(to)

@plugin.method
def fail() -> None:
    raise MethodError({"left": 3})

@plugin.on_event("docs/#")
def seen(topic: str, body: object, cx: Context) -> None:
    cx.host.publish("index/seen", {"topic": topic, "body": body})

plugin.run()
"#;
