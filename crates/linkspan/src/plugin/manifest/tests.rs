use std::time::Duration;

use super::*;
use crate::auth::policy::Capability;

const LEAST: &str =
    "format: 1\nname: greeter\nversion: 1.0.0\nprotocol: 1\nentry: { binary: main }\n";

const FULL: &str = r#"
format = 1
name = "greeter"
version = "1.2.0-rc.1"
description = "Greets people."
license = "MIT"
homepage = "https://example.org"
language = "python"
protocol = "1-2"
capabilities = ["bus.publish:greeter/#", "fs.read:/var/log", "net.connect:example.org:443", "host.processes"]
sandbox = "Strict"
instances = 2
ready_timeout = "5s"
reattach = true
include = ["main.py", "greeter"]

[entry]
script = "main.py"
interpreter = "python3"
arguments = ["--quiet"]

[methods.greet]
description = "Greets somebody."
input = { type = "object", properties = { name = { type = "string" } } }
output = { type = "string" }
pure = true

[methods."greet.all"]
idempotent = true

[events]
in = ["people/#"]
out = ["greeter/greeted"]

[limits]
max_memory_mb = 64
max_cpu_cores = 0.5
max_disk_mb = 0
max_processes = 4
max_files = 64

[restart]
policy = "always"
backoff = "1s"
max_backoff = "2m"
max_crashes = 3
crash_window = "10m"

[files]
"main.py" = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"greeter/text.txt" = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"#;

fn yaml(text: &str) -> Result<Manifest, String> {
    let parsed = Manifest::parse(text, ManifestFormat::Yaml);
    parsed.map_err(|error| error.to_string())
}

#[test]
fn everything_is_read_from_toml() {
    let manifest = Manifest::parse(FULL, ManifestFormat::Toml).unwrap();
    assert_eq!(manifest.name.as_str(), "greeter");
    assert_eq!(manifest.protocol, VersionRange::new(1, 2));
    assert_eq!(manifest.entry.file.as_str(), "main.py");
    assert_eq!(manifest.entry.interpreter.as_deref(), Some("python3"));
    assert_eq!(manifest.entry.arguments, ["--quiet"]);
    let greet = &manifest.methods["greet"];
    assert!(greet.is_pure && greet.is_idempotent);
    assert_eq!(greet.output.as_deref(), Some(r#"{"type":"string"}"#));
    let all = &manifest.methods["greet.all"];
    assert!(!all.is_pure && all.is_idempotent && all.input.is_none());
    assert_eq!(manifest.events.incoming, ["people/#"]);
    assert_eq!(manifest.events.outgoing, ["greeter/greeted"]);
    let right: Capability = "bus.publish:greeter/#".parse().unwrap();
    assert_eq!(manifest.capabilities[0], Grant::Right(right));
    assert_eq!(manifest.capabilities.len(), 4);
    assert_eq!(manifest.limits.max_cpu_cores, Some(0.5));
    assert_eq!(manifest.limits.max_disk_mb, Some(0));
    assert_eq!(manifest.sandbox, SandboxLevel::Strict);
    assert_eq!((manifest.instances, manifest.reattach), (2, true));
    assert_eq!(manifest.restart.policy, RestartPolicy::Always);
    assert_eq!(manifest.restart.crash_window, Duration::from_secs(600));
    assert_eq!(manifest.ready_timeout, Duration::from_secs(5));
    assert_eq!(manifest.files.len(), 2);
}

#[test]
fn both_languages_say_the_same() {
    let value: toml::Value = toml::from_str(FULL).unwrap();
    // JSON is YAML.
    let text = serde_json::to_string_pretty(&value).unwrap();
    let expected = Manifest::parse(FULL, ManifestFormat::Toml).unwrap();
    assert_eq!(yaml(&text).unwrap(), expected);
}

#[test]
fn what_is_not_said_has_its_default() {
    let manifest = yaml(LEAST).unwrap();
    assert_eq!(manifest.restart, Restart::default());
    assert_eq!(manifest.sandbox, SandboxLevel::Basic);
    assert_eq!((manifest.instances, manifest.reattach), (1, false));
    assert_eq!(manifest.ready_timeout, Duration::from_secs(10));
    assert_eq!(manifest.limits, Limits::default());
    assert!(manifest.files.is_empty() && manifest.capabilities.is_empty());
    let empty = format!("{LEAST}limits:\ncapabilities:\nmethods:\nlicense:\n");
    assert_eq!(yaml(&empty).unwrap(), manifest);
}

/// Further lines of a manifest, and what is said of them; they begin at line 6.
const WRONG: &[(&str, &str)] = &[
    (
        "capabilites: []",
        "line 6: unknown key `capabilites`: did you mean `capabilities`?",
    ),
    ("color: red", "line 6: unknown key `color`: "),
    (
        "limits:\n  max_memory: 5",
        "line 7: unknown key `limits.max_memory`: did you mean `max_memory_mb`?",
    ),
    (
        "limits:\n  max_memory_mb: 0",
        "line 7: limits.max_memory_mb is not a whole number from 1 to 1048576",
    ),
    (
        "limits:\n  max_memory_mb: 64MiB",
        "line 7: limits.max_memory_mb is not a whole number",
    ),
    (
        "limits: { max_cpu_cores: 0 }",
        "line 6: limits.max_cpu_cores is not a number above 0, up to 1024",
    ),
    (
        "limits: { max_cpu_cores: .nan }",
        "line 6: non-finite float",
    ),
    (
        "limits: { max_files: 3 }",
        "line 6: limits.max_files is not a whole number from 16 to 1048576",
    ),
    ("limits: 5", "line 6: limits is not a section of keys"),
    (
        "sandbox: jail",
        "line 6: sandbox: \"jail\" is not one of none, basic, strict",
    ),
    (
        "instances: 65",
        "line 6: instances is not a whole number from 1 to 64",
    ),
    (
        "ready_timeout: 5",
        "line 6: ready_timeout is the number 5, not a text",
    ),
    (
        "ready_timeout: 0s",
        "line 6: ready_timeout: \"0s\" is not a duration above 0 with a unit",
    ),
    (
        "reattach: perhaps",
        "line 6: reattach is neither true nor false",
    ),
    (
        "capabilities: all",
        "line 6: capabilities is not a list of texts",
    ),
    (
        "capabilities:\n- rpc.call:a\n- fs.read:b",
        "line 8: capabilities: the path of \"fs.read:b\"",
    ),
    (
        "capabilities: [5]",
        "line 6: capabilities: not all are texts",
    ),
    (
        "capabilities: ['*']",
        "line 6: capabilities: a plugin cannot ask for everything",
    ),
    (
        "methods:\n  greet: { puer: true }",
        "line 7: unknown key `methods.greet.puer`: did you mean `pure`?",
    ),
    (
        "methods:\n  a*: {}",
        "line 7: methods: \"a*\" is no name of a method",
    ),
    (
        "methods:\n  a:\n    input: string",
        "line 8: methods.a.input: it is not a JSON Schema",
    ),
    (
        "methods: { a: { pure: true, idempotent: false } }",
        "line 6: methods.a.idempotent: what is pure",
    ),
    (
        "events: { in: [\"a\\0b\"] }",
        "line 6: events.in: \"a\\0b\" is no mask of topics",
    ),
    (
        "restart: { policy: sometimes }",
        "line 6: restart.policy: \"sometimes\" is not one of never, on-failure",
    ),
    (
        "restart:\n  backoff: 10s\n  max_backoff: 1s",
        "line 8: restart.max_backoff: it is less than",
    ),
    (
        "include: ['../other']",
        "line 6: include: the path \"../other\" leads out of the plugin's folder",
    ),
    (
        "include: [/etc]",
        "line 6: include: the path \"/etc\" is absolute",
    ),
    (
        "include: [other]",
        "line 5: entry: main is not among what is included",
    ),
    (
        "files: { main: abc }",
        "line 6: files: main: it is no SHA-256",
    ),
    (
        "files:\n  a/../../b: abc",
        "line 7: files: the path \"a/../../b\" leads out",
    ),
    ("license: ''", "line 6: license is empty"),
    (
        "license: MIT\nlicense: GPL",
        "line 7: key `license` is set twice",
    ),
    ("license: [", "line "),
];

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_would_be_right() {
    for (text, expected) in WRONG {
        let problem = yaml(&format!("{LEAST}{text}\n")).unwrap_err();
        assert!(problem.starts_with(expected), "{text}: {problem}");
    }
}

#[test]
fn what_has_to_be_there_is_missed() {
    for (without, expected) in [
        ("format: 1\n", "line 1: format is missing, as in format: 1"),
        (
            "name: greeter\n",
            "line 1: name is missing, as in name: greeter",
        ),
        (
            "version: 1.0.0\n",
            "line 1: version is missing, as in version: 1.0.0",
        ),
        (
            "protocol: 1\n",
            "line 1: protocol is missing, as in protocol: 1",
        ),
        (
            "entry: { binary: main }\n",
            "line 1: entry is missing, as in entry: {",
        ),
    ] {
        assert!(LEAST.contains(without));
        let problem = yaml(&LEAST.replace(without, "")).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
    for (value, expected) in [
        (
            "format: 2",
            "line 1: format: 2 is not 1, the only one that this version reads",
        ),
        ("format: one", "line 1: format is not the number 1"),
        (
            "name: Greeter",
            "line 2: name: \"Greeter\" is no name of a plugin: it does not begin",
        ),
        ("name: ../up", "line 2: name: \"../up\" is no name"),
        (
            "version: 1.0",
            "line 3: version is the number 1.0, not a text; put it in quotes",
        ),
        ("version: v1", "line 3: version: \"v1\" is not a digit"),
        (
            "protocol: 0",
            "line 4: protocol: \"0\" is not a version as 1, or a range as 1-2",
        ),
        ("protocol: 2-1", "line 4: protocol: \"2-1\" is not"),
        ("protocol: [1]", "line 4: protocol: \"\" is not"),
        ("entry: main", "line 5: entry is not a section of keys"),
        (
            "entry: {}",
            "line 5: entry.binary is missing, as in binary: bin/greeter",
        ),
        (
            "entry: { binary: /bin/sh }",
            "line 5: entry.binary: the path \"/bin/sh\" is absolute",
        ),
        (
            "entry: { script: a.py }",
            "line 5: entry.interpreter is missing, as in interpreter: python3",
        ),
        (
            "entry: { binary: a, script: b, interpreter: c }",
            "line 5: entry.script: there is a binary, too",
        ),
        (
            "entry: { binary: a, interpreter: c }",
            "line 5: entry.interpreter: a binary runs by itself",
        ),
    ] {
        let key = value.split(':').next().unwrap();
        let lines = LEAST.lines().map(|line| match line.starts_with(key) {
            true => value,
            false => line,
        });
        let text: Vec<_> = lines.collect();
        let problem = yaml(&text.join("\n")).unwrap_err();
        assert!(problem.starts_with(expected), "{value}: {problem}");
    }
}

#[test]
fn an_unpinned_entry_is_noticed() {
    let pin = format!("{LEAST}files: {{ other: {} }}\n", "ab".repeat(32));
    let problem = yaml(&pin).unwrap_err();
    assert_eq!(problem, "line 5: entry: main is not among the files");
}

#[test]
fn toml_has_lines_too() {
    let parse = |text: &str| {
        Manifest::parse(text, ManifestFormat::Toml)
            .unwrap_err()
            .to_string()
    };
    let text = FULL.replace("max_disk_mb", "max_dsk_mb");
    let line = FULL
        .lines()
        .position(|line| line.starts_with("max_disk_mb"))
        .unwrap()
        + 1;
    let expected =
        format!("line {line}: unknown key `limits.max_dsk_mb`: did you mean `max_disk_mb`?");
    assert_eq!(parse(&text), expected);
    assert!(parse("format = 1\nname = ").starts_with("line 2: "));
    let list = "format = 1\n[[files]]\n";
    assert!(parse(list).contains("name is missing"), "{}", parse(list));
}

#[test]
fn deep_and_repetitive_texts_are_refused_in_time() {
    for text in ["[".repeat(5_000), "{a: ".repeat(5_000), "- ".repeat(5_000)] {
        yaml(&format!("{LEAST}methods: {text}\n")).unwrap_err();
    }
    let array = format!("format = 1\nx = {}", "[".repeat(5_000));
    Manifest::parse(&array, ManifestFormat::Toml).unwrap_err();
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='k').zip('a'..) {
        let items = vec![format!("*{before}"); 9].join(", ");
        bomb.push_str(&format!("{name}: &{name} [{items}]\n"));
    }
    yaml(&bomb).unwrap_err();
}
