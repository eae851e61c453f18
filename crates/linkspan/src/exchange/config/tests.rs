//! Configurations in every form that loads, and what is said of wrong ones.

use std::time::Duration;

use super::IpcConfig;
use crate::Address;
use crate::exchange::Variant;
use crate::transport::Backend;

/// All keys with other values than the defaults.
fn expected() -> IpcConfig {
    IpcConfig {
        transport: Backend::Legacy,
        endpoint_path: Some(Address::Unix("/run/linkspan/exchange.sock".into())),
        max_frame_bytes: 2 << 20,
        accept_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(1500),
        write_timeout: Duration::from_secs(60),
        max_connections: 3,
        crc32_variant: Variant::Castagnoli,
        notes: Vec::new(),
    }
}

#[test]
fn a_section_reads_and_writes_its_keys() {
    let text = serde_json::to_value(expected()).unwrap();
    assert_eq!(
        text,
        serde_json::json!({
            "transport": "legacy",
            "endpoint_path": "unix:/run/linkspan/exchange.sock",
            "max_frame_bytes": 2_097_152,
            "accept_timeout_ms": 2000,
            "read_timeout_ms": 1500,
            "write_timeout_ms": 60000,
            "max_connections": 3,
            "crc32_variant": "castagnoli",
        })
    );
    assert_eq!(
        serde_json::from_value::<IpcConfig>(text).unwrap(),
        expected()
    );
    let dotted = serde_json::json!({ "ipc.transport": "tokio" });
    serde_json::from_value::<IpcConfig>(dotted).unwrap_err();
}

#[cfg(feature = "yaml")]
mod yaml {
    use super::*;

    const KEYS: [&str; 8] = [
        "transport: LEGACY",
        "endpoint_path: /run/linkspan/exchange.sock",
        "max_frame_bytes: 2MiB",
        "accept_timeout_ms: 2s",
        "read_timeout_ms: 1500",
        "write_timeout_ms: \"1 min\"",
        "max_connections: 3",
        "crc32_variant: Castagnoli",
    ];

    fn problem(text: &str) -> String {
        IpcConfig::from_yaml(text).unwrap_err().to_string()
    }

    #[test]
    fn keys_stand_alone_in_their_section_or_with_its_name() {
        let bare = KEYS.join("\n");
        let section = format!("ipc:\n  {}\n", KEYS.join("\n  "));
        let dotted = format!("# older\nipc.{}\n", KEYS.join("\nipc."));
        for text in [bare, section, dotted] {
            assert_eq!(IpcConfig::from_yaml(&text).unwrap(), expected(), "{text}");
        }
        for empty in ["", "# nothing\n", "ipc:\n"] {
            assert_eq!(IpcConfig::from_yaml(empty).unwrap(), IpcConfig::default());
        }
    }

    #[test]
    fn an_older_name_of_the_backend_is_read_with_a_note() {
        let config = IpcConfig::from_yaml("ipc.transport: ipc_interprocess\n").unwrap();
        assert_eq!(config.transport, Backend::Tokio);
        assert_eq!(
            config.notes(),
            ["transport: ipc-interprocess is an older name of tokio, which is used"]
        );
        let config = IpcConfig::from_yaml("transport: interprocess\n").unwrap();
        assert_eq!(config.transport, Backend::Interprocess);
        assert!(config.notes().is_empty());
    }

    #[test]
    fn addresses_of_every_form_are_places() {
        for (text, address) in [
            ("ipc:///run/x.sock", Address::Unix("/run/x.sock".into())),
            (r"'\\.\pipe\x'", Address::Pipe("x".into())),
            ("mem:x", Address::Memory("x".into())),
        ] {
            let config = IpcConfig::from_yaml(&format!("endpoint_path: {text}")).unwrap();
            assert_eq!(config.endpoint_path, Some(address));
        }
    }

    #[test]
    fn wrong_keys_and_values_are_named_with_their_line() {
        assert_eq!(
            problem("ipc:\n  transport: tokio\n  max_frame: 1MiB\n"),
            "line 3: unknown key `max_frame`: did you mean `max_frame_bytes`?"
        );
        for (text, expected) in [
            ("ipc.crc: ieee", "line 1: unknown key `ipc.crc`"),
            (
                "\nmax_frame_bytes: 0",
                "line 2: max_frame_bytes: 0 is not between 1 and 4294967295",
            ),
            (
                "max_frame_bytes: 4GiB",
                "line 1: max_frame_bytes: 4294967296 is not between",
            ),
            (
                "max_connections: 0",
                "line 1: max_connections: \"0\" is not a number above 0",
            ),
            (
                "read_timeout_ms: 5 d",
                "line 1: read_timeout_ms: \"5 d\" is not a number of mill",
            ),
            (
                "crc32_variant: crc64",
                "line 1: crc32_variant: \"crc64\" is not one of ieee, cas",
            ),
            (
                "ipc.transport: tokio\nipc:\n  transport: tokio",
                "line 3: transport is given twi",
            ),
            (
                "transport: tokio\ntransport: legacy",
                "line 2: transport is given twi",
            ),
            ("transport: [tokio]", "line 1: "),
        ] {
            let problem = problem(text);
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}

#[cfg(feature = "toml")]
mod toml {
    use super::*;

    #[test]
    fn keys_stand_alone_in_their_section_or_with_its_name() {
        let keys = "transport = \"legacy\"\nendpoint_path = \"/run/linkspan/exchange.sock\"\n\
                    max_frame_bytes = 2097152\naccept_timeout_ms = \"2s\"\nread_timeout_ms = 1500\n\
                    write_timeout_ms = 60000\nmax_connections = 3\ncrc32_variant = \"castagnoli\"";
        let dotted = format!("ipc.{}", keys.replace('\n', "\nipc."));
        for text in [keys, &format!("[ipc]\n{keys}"), &dotted] {
            assert_eq!(IpcConfig::from_toml(text).unwrap(), expected(), "{text}");
        }
    }

    #[test]
    fn wrong_keys_are_named_with_their_line() {
        let error = IpcConfig::from_toml("[ipc]\ntransport = \"tokio\"\nread_timeout = 1\n");
        let error = error.unwrap_err();
        assert_eq!(error.line, Some(3), "{error}");
        assert_eq!(
            error.to_string(),
            "line 3: unknown key `read_timeout`: did you mean `read_timeout_ms`?"
        );
        let value = IpcConfig::from_toml("\nmax_connections = \"many\"").unwrap_err();
        assert_eq!(value.line, Some(2), "{value}");
    }
}

#[cfg(all(feature = "yaml", feature = "toml"))]
#[test]
fn files_are_read_by_their_extension() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    for path in [
        write("a.yaml", "max_connections: 3"),
        write("b.yml", "ipc: {max_connections: 3}"),
        write("c.toml", "ipc.max_connections = 3"),
    ] {
        assert_eq!(IpcConfig::load(path).unwrap().max_connections, 3);
    }
    let wrong = write("d.yaml", "\nmax_connection: 3");
    let error = IpcConfig::load(&wrong).unwrap_err().to_string();
    let place = format!("{}:2: unknown key `max_connection`", wrong.display());
    assert!(error.starts_with(&place), "{error}");
    let other = IpcConfig::load(write("e.ini", "")).unwrap_err().to_string();
    assert!(
        other.ends_with("this build reads yaml, yml, toml"),
        "{other}"
    );
    IpcConfig::load(directory.path().join("missing.yaml")).unwrap_err();
}
