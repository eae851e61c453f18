//! `linkspan config` and what its files can say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use crate::support::{Place, Ran, finish};

/// Every key that exists, as an operator would write it.
const FULL: &str = "\
environment: { name: production, debug_enabled: false, log_level: info, log_format: text }
transport:
  default_type: UnixDomainSocket
  socket_path: sockets/
  allow_plaintext: false
  max_frame_bytes: 2MiB
  checksum: on
  in_process: { enabled: true, buffer_size: 1000, max_concurrent_tasks: 100 }
  unix_socket:
    socket_path: run/node.sock
    max_connections: 100
    connection_timeout: 30s
    file_permissions: 0o600
    directory_permissions: 0o700
  named_pipe: { pipe_name: node, max_connections: 100, connection_timeout: 30s, security_descriptor: 'D:P(A;;GA;;;SY)' }
  tcp: { bind_address: 127.0.0.1:8443, max_connections: 50, connection_timeout: 30s }
  web_socket:
    max_connections: 50
    connection_timeout: 30s
    upgrade_timeout: 10s
    allowed_origins: ['https://app.example:8443']
ipc:
  transport: interprocess
  endpoint_path: run/exchange.sock
  max_frame_bytes: 1048576
  accept_timeout_ms: 5000
  read_timeout_ms: 30000
  write_timeout_ms: 10000
  max_connections: 16
  crc32_variant: ieee
bus:
  listen: [run/bus.sock, 'tcp:127.0.0.1:0']
  max_connections: 4096
  queue_messages: 8192
  queue_bytes: 16MiB
  overflow: Drop_Oldest
  block_timeout: 500ms
  timeout: 5s
  max_message_bytes: 16MiB
  memory_limit: 1GiB
  secondaries: same-peer
  force_register: false
  compat: Strict
  rate:
    per_client: { messages_per_second: 1000, burst: 5000 }
    topics: [{ mask: 'log/#', messages_per_second: 100, burst: 200 }]
  schemas: [{ mask: 'house/+/reading', file: ./reading.json }]
  dead_letters: { messages: 100, bytes: 1MiB, topic: dead/letters }
performance: { enable_multiplexing: true, max_concurrent_requests: 500, request_timeout_ms: 60000, enable_compression: true, compression_level: 9 }
security:
  encryption: { algorithm: Aes256Gcm, key_rotation_interval_s: 7200, compression_enabled: true }
  auth:
    token_type: api_key
    session_timeout_s: 7200
    token_expiry_s: 14400
    refresh_enabled: true
    issuer: us
    audience: them
    keys: [main EdDSA run/main.pem]
    key_file: run/keys
  authorization:
    rbac_enabled: true
    abac_enabled: true
    policy_engine: production
    owner_may_all: true
    roles: { reader: ['rpc.call:host.*'] }
  rate_limiting:
    requests_per_minute: 60000
    burst: 1000
    max_concurrent: 64
    owner_unlimited: true
    max_principals: 1000
    operations: { 'bus.publish:events/#': { requests_per_minute: 600, burst: 20, max_concurrent: 2 } }
  audit: { file: run/audit.log, max_bytes: 1MiB, kept_files: 3 }
plugins:
  auto_discovery: false
  plugin_directories: [run/plugins]
  load: [indexer, notifier]
  max_plugins: 1000
  resource_limits: { max_memory_mb: 4096, max_cpu_cores: 4.0, max_disk_mb: 10240, max_processes: 64, max_files: 128 }
  sandbox: { enabled: true, sandbox_type: Container, isolated_filesystem: true, network_access: false }
  interpreters: { python3: /usr/bin/python3 }
  grants: { indexer: ['bus.publish:index/#', 'fs.read:/var/log'] }
  instances: { indexer: 2 }
  restart: { indexer: on-failure }
  reload_on_change: true
  unpinned: false
";

const FULL_TOML: &str = r#"
[environment]
name = "production"
debug_enabled = false
log_level = "info"
log_format = "text"
[transport]
default_type = "unix_socket"
socket_path = "sockets/"
allow_plaintext = false
max_frame_bytes = "2MiB"
checksum = "on"
in_process = { enabled = true, buffer_size = 1000, max_concurrent_tasks = 100 }
named_pipe = { pipe_name = "node", max_connections = 100, connection_timeout = "30s", security_descriptor = "D:P(A;;GA;;;SY)" }
tcp = { bind_address = "127.0.0.1:8443", max_connections = 50, connection_timeout = "30s" }
web_socket = { max_connections = 50, connection_timeout = "30s", upgrade_timeout = "10s", allowed_origins = ["https://app.example:8443"] }
[transport.unix_socket]
socket_path = "run/node.sock"
max_connections = 100
connection_timeout = "30s"
file_permissions = 0o600
directory_permissions = 0o700
[ipc]
transport = "Interprocess"
endpoint_path = "run/exchange.sock"
max_frame_bytes = "1MiB"
accept_timeout_ms = "5s"
read_timeout_ms = 30000
write_timeout_ms = 10000
max_connections = 16
crc32_variant = "IEEE"
[bus]
listen = ["run/bus.sock", "tcp:127.0.0.1:0"]
max_connections = 4096
queue_messages = 8192
queue_bytes = "16MiB"
overflow = "drop-oldest"
block_timeout = "500ms"
timeout = "5s"
max_message_bytes = 16777216
memory_limit = "1024MiB"
secondaries = "SamePeer"
force_register = false
compat = "strict"
schemas = [{ mask = "house/+/reading", file = "./reading.json" }]
dead_letters = { messages = 100, bytes = "1MiB", topic = "dead/letters" }
[bus.rate]
per_client = { messages_per_second = 1000, burst = 5000 }
topics = [{ mask = "log/#", messages_per_second = 100, burst = 200 }]
[performance]
enable_multiplexing = true
max_concurrent_requests = 500
request_timeout_ms = 60000
enable_compression = true
compression_level = 9
[security.encryption]
algorithm = "aes256-gcm"
key_rotation_interval_s = 7200
compression_enabled = true
[security.auth]
token_type = "ApiKey"
session_timeout_s = 7200
token_expiry_s = 14400
refresh_enabled = true
issuer = "us"
audience = "them"
keys = ["main EdDSA run/main.pem"]
key_file = "run/keys"
[security.authorization]
rbac_enabled = true
abac_enabled = true
policy_engine = "production"
owner_may_all = true
roles = { reader = ["rpc.call:host.*"] }
[security.rate_limiting]
requests_per_minute = 60000
burst = 1000
max_concurrent = 64
owner_unlimited = true
max_principals = 1000
operations = { "bus.publish:events/#" = { requests_per_minute = 600, burst = 20, max_concurrent = 2 } }

[security.audit]
file = "run/audit.log"
max_bytes = "1024KiB"
kept_files = 3
[plugins]
auto_discovery = false
plugin_directories = ["run/plugins"]
load = ["indexer", "notifier"]
max_plugins = 1000
interpreters = { python3 = "/usr/bin/python3" }
grants = { indexer = ["bus.publish:index/#", "fs.read:/var/log"] }
instances = { indexer = 2 }
restart = { indexer = "onfailure" }
reload_on_change = true
unpinned = false
[plugins.resource_limits]
max_memory_mb = 4096
max_cpu_cores = 4.0
max_disk_mb = 10240
max_processes = 64
max_files = 128
[plugins.sandbox]
enabled = true
sandbox_type = "container"
isolated_filesystem = true
network_access = false
"#;

#[test]
fn every_key_loads_from_yaml_and_from_toml() {
    let place = Place::new();
    place.write("full.yaml", FULL);
    place.write("full.toml", FULL_TOML);
    place.write("reading.json", "{}");
    std::fs::create_dir(place.path("production")).unwrap();
    place.write("production/nothing.cedar", "// No condition.");
    let values = |file| {
        let shown = place.run(["config", "show", "--json", "-c", file]).json();
        let mut values = shown.as_array().unwrap().clone();
        for value in &mut values {
            let origin = value["origin"].as_str().unwrap();
            assert!(origin.starts_with(file), "{value} is not set by the file");
            value["origin"].take();
        }
        values
    };
    assert_eq!(values("full.yaml"), values("full.toml"));
    let node = place.node(["-c", "full.yaml"]);
    assert!(node.address().ends_with("run/node.sock"));
}

#[test]
fn origins_are_told() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "environment: { name: production }\ntransport:\n  max_frame_bytes: 64KiB\n",
    );
    let mut command = place.command(["config", "show"]);
    command.env("LINKSPAN_TRANSPORT__TCP__MAX_CONNECTIONS", "7");
    let shown = finish(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    )
    .ok();
    let origin = |key: &str| {
        let line = shown
            .lines()
            .find(|line| line.trim_start().starts_with(key))
            .unwrap();
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        origin("transport.max_frame_bytes"),
        "64KiB ./linkspan.yaml:3"
    );
    assert_eq!(origin("environment.log_format"), "json preset production");
    assert_eq!(
        origin("transport.tcp.max_connections"),
        "7 LINKSPAN_TRANSPORT__TCP__MAX_CONNECTIONS"
    );
    assert_eq!(origin("transport.allow_plaintext"), "false default");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let place = Place::new();
    let cases = [
        (
            "transport:\n  max_frame_byts: 1MiB\n",
            ":2:3",
            "did you mean `max_frame_bytes`?",
        ),
        (
            "transport:\n  max_frame_bytes: 1XiB\n",
            ":2:3",
            "is not a size",
        ),
        (
            "transport:\n  max_frame_bytes: 8KiB\n",
            ":2:3",
            "least usable value of 16384 bytes",
        ),
        (
            "transport:\n  max_frame_bytes: 5GiB\n",
            ":2:3",
            "exceed the limit of 4294967295 bytes",
        ),
        (
            "transport:\n  unix_socket: { connection_timeout: 30 }\n",
            ":2:18",
            "write 30s",
        ),
        (
            "transport:\n  unix_socket: { file_permissions: 0o1777 }\n",
            ":2:18",
            "octal digits",
        ),
        (
            "transport: { default_type: carrier-pigeon }\n",
            ":1:14",
            "is not one of in-process, unix-socket",
        ),
        (
            "transport: { tcp: { bind_address: nowhere } }\n",
            ":1:21",
            "bind_address",
        ),
        ("transport: [\n", ":1:12", "unclosed"),
        (
            "environment: { log_level: loud }\n",
            ":1:16",
            "error, warn, info, debug, trace",
        ),
        (
            "performance: { max_concurrent_requests: 0 }\n",
            ":1:16",
            "0 requests at once",
        ),
        (
            "transport: { named_pipe: { pipe_name: a/b } }\n",
            ":1:28",
            "pipe_name",
        ),
        ("plugins: { listen: [] }\n", ":1:12", "unknown key `listen`"),
    ];
    for (text, at, words) in cases {
        place.write("wrong.yaml", text);
        let complaint = place.run(["config", "check", "-c", "wrong.yaml"]).fails(3);
        assert!(
            complaint.contains(&format!("wrong.yaml{at}")),
            "{text}{complaint}"
        );
        assert!(complaint.contains(words), "{text}{complaint}");
        place.run(["up", "-c", "wrong.yaml"]).fails(3);
    }
    let missing = place
        .run(["config", "check", "-c", "missing.yaml"])
        .fails(3);
    assert!(missing.starts_with("error: missing.yaml: "), "{missing}");
}

/// What a file with these permissions of the socket means, or why it is wrong.
fn permissions(place: &Place, file: &str, written: &str) -> Result<String, String> {
    let text = match file.ends_with("toml") {
        true => format!("transport.unix_socket.file_permissions = {written}\n"),
        false => format!("transport: {{ unix_socket: {{ file_permissions: {written} }} }}\n"),
    };
    place.write(file, &text);
    let shown = place.run(["config", "show", "--changed", "--json", "-c", file]);
    if shown.code != Some(0) {
        return Err(shown.fails(3));
    }
    Ok(shown.json()[0]["value"].as_str().unwrap().to_owned())
}

#[test]
fn permissions_are_octal_or_refused() {
    let place = Place::new();
    let right = [
        ("mode.yaml", "0o640"),
        ("mode.yaml", "0640"),
        ("mode.yaml", "&anchor 0o640"),
        ("mode.yaml", r#""0o640""#),
        ("mode.yaml", r#""0640""#),
        ("mode.yaml", r#""640""#),
        ("mode.toml", "0o640"),
        ("mode.toml", r#""0o640""#),
        ("mode.toml", r#""0640""#),
        ("mode.toml", r#""640""#),
    ];
    for (file, written) in right {
        let mode = permissions(&place, file, written);
        assert_eq!(mode.as_deref(), Ok("0o640"), "{file}: {written}");
    }
    let wrong = [
        ("mode.yaml", "440", "write 0o440"),
        ("mode.yaml", "400", "write 0o400"),
        ("mode.yaml", "888", "octal digits, as 0o600"),
        ("mode.yaml", r#""0o0o600""#, "octal digits, as 0o600"),
        ("mode.yaml", r#""+600""#, "octal digits, as 0o600"),
        ("mode.toml", "440", "write 0o440"),
        ("mode.toml", "400", "write 0o400"),
        ("mode.toml", "0600", "octal numbers are written as 0o600"),
    ];
    for (file, written, words) in wrong {
        let complaint = permissions(&place, file, written).unwrap_err();
        assert!(complaint.contains(words), "{file}: {written}: {complaint}");
    }
}

#[test]
fn permissions_in_variables_are_octal_too() {
    let place = Place::new();
    let run = |written: &str| {
        let mut command = place.command(["config", "show", "--changed", "--json"]);
        command.env("LINKSPAN_TRANSPORT__UNIX_SOCKET__FILE_PERMISSIONS", written);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    };
    assert_eq!(run("0640").json()[0]["value"], "0o640");
    assert!(run("640").fails(3).contains("write 0o640"));
}

#[test]
fn no_value_means_not_set_where_that_is_possible() {
    let place = Place::new();
    for text in [
        "transport: { socket_path: ~, unix_socket: { socket_path: } }",
        "performance: { request_timeout_ms: null }",
        "transport:\nperformance:\n",
        "transport:\n  tcp: ~\n",
        "~",
    ] {
        place.write("none.yaml", text);
        let shown = place
            .run(["config", "show", "--json", "-c", "none.yaml"])
            .json();
        let values = shown.as_array().unwrap();
        let socket = values.iter().filter(|value| {
            value["key"].as_str().unwrap().ends_with("socket_path") && !value["value"].is_null()
        });
        assert_eq!(socket.count(), 0, "{text}: {shown}");
        let node = place.node(["-c", "none.yaml"]);
        assert_eq!(node.address(), place.address(), "{text}");
    }
    for (text, words) in [
        ("transport: { max_frame_bytes: ~ }", "null, expected a size"),
        ("transport: { tcp: { max_connections: } }", "null, expected"),
    ] {
        place.write("none.yaml", text);
        let complaint = place.run(["config", "check", "-c", "none.yaml"]).fails(3);
        assert!(complaint.contains(words), "{complaint}");
    }
}

#[test]
fn variables_that_are_not_utf_8_concern_only_settings() {
    let place = Place::new();
    let foreign = OsStr::from_bytes(b"caf\xe9");
    let run = |name: &OsStr, value: &OsStr| {
        let mut command = place.command(["config", "check"]);
        command.env(name, value);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap())
    };
    run("TITLE".as_ref(), foreign).ok();
    run(foreign, foreign).ok();
    run("LINKSPAN_TITLE".as_ref(), foreign).ok();
    let value = run("LINKSPAN_TRANSPORT__SOCKET_PATH".as_ref(), foreign).fails(3);
    assert!(
        value.contains("LINKSPAN_TRANSPORT__SOCKET_PATH: the value is not UTF-8"),
        "{value}"
    );
    let name = OsStr::from_bytes(b"LINKSPAN_TRANSPORT__CAF\xe9");
    let name = run(name, "1".as_ref()).fails(3);
    assert!(name.contains("the name is not UTF-8"), "{name}");
}

#[test]
fn limits_hold_at_their_edge() {
    let place = Place::new();
    let check = |bytes: u64| -> Ran {
        place.write(
            "edge.yaml",
            &format!("transport: {{ max_frame_bytes: {bytes} }}"),
        );
        place.run(["config", "check", "-c", "edge.yaml"])
    };
    check(16 * 1024 - 1).fails(3);
    check(16 * 1024).ok();
    check(16 * 1024 + 1).ok();
    check(u64::from(u32::MAX)).ok();
    check(u64::from(u32::MAX) + 1).fails(3);
}

#[test]
fn enumerations_may_be_written_in_many_ways() {
    let place = Place::new();
    for name in [
        "UnixDomainSocket",
        "unix_domain_socket",
        "unix-socket",
        "UNIX",
        "unixSocket",
    ] {
        place.write(
            "name.yaml",
            &format!("transport: {{ default_type: {name} }}"),
        );
        place.run(["config", "check", "-c", "name.yaml"]).ok();
    }
}

#[test]
fn presets_never_weaken_security() {
    let place = Place::new();
    for preset in ["testing", "staging", "production"] {
        place.write("preset.yaml", &format!("environment: {{ name: {preset} }}"));
        let changed = place
            .run(["config", "show", "--changed", "--json", "-c", "preset.yaml"])
            .json();
        for value in changed.as_array().unwrap() {
            let key = value["key"].as_str().unwrap();
            assert!(key.starts_with("environment."), "{preset} changes {key}");
        }
    }
}

#[test]
fn mem_can_be_turned_off() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "transport: { in_process: { enabled: false } }",
    );
    let complaint = place
        .run(["transport", "test", "--type", "in-process"])
        .fails(1);
    assert!(complaint.contains("turned off"), "{complaint}");
}

#[test]
fn frames_longer_than_the_nodes_limit_are_not_sent() {
    let place = Place::new();
    place.write("small.yaml", "transport: { max_frame_bytes: 16KiB }");
    let node = place.node(["-c", "small.yaml"]);
    place.write("body.json", &format!("\"{}\"", "x".repeat(100_000)));
    // It goes in pieces that the node takes, and comes back whole.
    let back = place
        .run(["call", &node.address(), "node.echo", "@body.json", "--json"])
        .ok();
    assert_eq!(back.trim_end().len(), 100_002);
}

#[test]
fn the_schema_is_json_schema_of_every_section() {
    let place = Place::new();
    let schema = place.run(["config", "schema"]).json();
    assert!(
        schema["$schema"]
            .as_str()
            .unwrap()
            .contains("json-schema.org")
    );
    for section in ["environment", "transport", "ipc", "performance"] {
        assert!(
            schema["properties"][section]["properties"].is_object(),
            "{section}"
        );
    }
}
