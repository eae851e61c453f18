//! Texts of peers that would like to write on the terminal themselves.

use std::path::PathBuf;

use linkspan::rpc::{CallError, Context, MethodInfo, Router, Server};
use linkspan::{Address, Category, Code, Failure};
use serde_json::{Value, json};

use crate::support::Place;

/// Clears the screen in two ways, begins a line, and turns the direction of writing around.
const HOSTILE: &str = "evil\u{1b}[2J\u{9b}2J\nok    forged\u{202e}";
const HARMLESS: &str = r"evil\u001b[2J\u009b2J\nok    forged\u202e";

#[test]
fn names_of_a_peer_do_not_reach_the_terminal_raw() {
    let place = Place::new();
    with_hostile_node(&place, || {
        let shown = place.run(["status"]).ok();
        assert_harmless(&shown);
        // Name and version, machine and system, listener with backend, and of the connection all four.
        assert_eq!(shown.matches(HARMLESS).count(), 10, "{shown}");
        let health = place.run(["transport", "status"]).ok();
        assert_harmless(&health);
        // The listener with its backend, and again with its error.
        assert_eq!(health.matches(HARMLESS).count(), 4, "{health}");
        for watching in ["monitor", "analyze"] {
            let arguments = ["transport", watching, "--duration", "100ms"];
            let interval: &[_] = match watching {
                "monitor" => &["--interval", "100ms"],
                _ => &[],
            };
            let shown = place.run(arguments.iter().chain(interval)).ok();
            assert_harmless(&shown);
            assert!(shown.contains(HARMLESS), "{shown}");
        }
        let switched = place.run(["transport", "switch", "legacy"]).ok();
        assert_harmless(&switched);
        assert!(switched.contains(HARMLESS), "{switched}");
        let found = place.run(["doctor", "--color", "never"]).ok();
        assert_harmless(&found);
        assert!(found.contains(HARMLESS), "{found}");
        let programs = place.run(["status", "--json"]).json();
        assert_eq!(programs["node"]["name"], HOSTILE);
    });
}

#[test]
fn errors_of_a_peer_do_not_reach_the_terminal_raw() {
    let place = Place::new();
    with_hostile_node(&place, || {
        let own = place
            .run(["call", &place.address(), "evil.own", "null"])
            .fails(6);
        assert_harmless(&own);
        assert!(own.contains(HARMLESS), "{own}");
        let refused = place
            .run(["call", &place.address(), "evil.refuses", "null"])
            .fails(5);
        assert_harmless(&refused);
        assert!(refused.contains(HARMLESS), "{refused}");
    });
}

#[track_caller]
fn assert_harmless(text: &str) {
    let is_obeyed = |letter: char| letter.is_control() && letter != '\n' || letter == '\u{202e}';
    assert!(!text.contains(is_obeyed), "{text:?}");
    assert!(!text.contains("\nok    forged"), "{text:?}");
}

/// Serves at the node's address what no node of ours would say.
fn with_hostile_node(place: &Place, test: impl FnOnce()) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = PathBuf::from(place.address().trim_start_matches("unix:"));
    let listening = Server::new().service(hostile()).listen(Address::Unix(path));
    let serving = runtime.block_on(listening).unwrap();
    test();
    drop(serving);
}

fn hostile() -> Router {
    let info = json!({ "name": HOSTILE, "version": HOSTILE, "build_id": "", "pid": 1,
        "host": HOSTILE, "system": HOSTILE, "addresses": [], "uptime_ms": 0 });
    let times = json!({ "count": 1, "sum_us": 1e300, "mean_us": -1.0, "p50_us": 0.0, "p99_us": 0.0,
        "max_us": 0.0 });
    let status = json!({ "pid": 1, "uptime_ms": 0, "resident_bytes": 0,
        "listeners": [{ "address": HOSTILE, "backend": HOSTILE, "open": 0, "max_connections": null,
            "accepted": 0, "refused_busy": 0, "refused_untrusted": 0, "failed_handshakes": 0,
            "accept_errors": 0, "messages": 0, "errors": 0, "message_rate": 0.0, "error_rate": 0.0,
            "latency": times, "waiting": times, "handling": times, "write_stalls": times,
            "last_error": { "message": HOSTILE, "at_ms": 0, "age_ms": 0 } }],
        "connections": [{ "transport": HOSTILE, "backend": HOSTILE, "principal": HOSTILE,
            "client": HOSTILE, "pid": null, "address": null, "requests": 0, "in_progress": 0,
            "received_bytes": 0, "sent_bytes": 0, "stalled_ms": null }] });
    let switched = json!([{ "address": HOSTILE, "from": HOSTILE, "to": HOSTILE },
        { "address": HOSTILE, "from": HOSTILE, "to": "legacy" }]);
    let answering = |router: Router, method: &str, answer: Value| {
        router.method(MethodInfo::named(method), move |_: Value, _: Context| {
            let answer = answer.clone();
            async move { Ok::<_, CallError>(answer) }
        })
    };
    let router = answering(Router::new(), "node.info", info);
    let router = answering(router, "node.switch_backend", switched);
    answering(router, "node.status", status)
        .method("evil.own", |(): (), _: Context| async {
            Err::<(), _>(HOSTILE.to_owned())
        })
        .raw_method("evil.refuses", |_| async {
            let failure = Failure::new(Category::Authorization, Code::DENIED, HOSTILE);
            Err(CallError::Failed(Box::new(failure)))
        })
}
