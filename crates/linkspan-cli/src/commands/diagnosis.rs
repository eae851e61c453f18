//! What is slow at a listener, and why, by what it counted in some time.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::commands::health::micros;
use crate::commands::window::Window;
use crate::node::{Answers, ConnectionStatus, ListenerStatus};
use crate::output::{counted, since};

/// Something that makes a listener slow, or keeps clients out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) cause: Cause,
    /// The figures that show it.
    pub(crate) evidence: String,
    /// What to change.
    pub(crate) advice: String,
    /// A value of the configuration that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<Setting>,
}

/// A value of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    /// Requests wait before their handler begins.
    Queueing,
    /// Handlers take long.
    Handler,
    /// Peers do not read what is written to them.
    WriteStalls,
    /// Connections were told to come again later.
    Refused,
    /// Connections of users who are not let in.
    Untrusted,
    /// Connections that never began to talk.
    Handshakes,
    /// The system gave no connection.
    Accepting,
    /// Requests failed, or connections broke.
    Errors,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queueing => "queueing",
            Self::Handler => "handler",
            Self::WriteStalls => "write stalls",
            Self::Refused => "refused",
            Self::Untrusted => "untrusted",
            Self::Handshakes => "handshakes",
            Self::Accepting => "accepting",
            Self::Errors => "errors",
        })
    }
}

/// What is wrong at a listener, whose `connections` these are at the end of the window.
pub(crate) fn diagnose(window: &Window<'_>, connections: &[&ConnectionStatus]) -> Vec<Finding> {
    let findings = [
        slow(window),
        write_stalls(window, connections),
        refused(window),
        untrusted(window),
        handshakes(window),
        accepting(window),
        errors(window),
    ];
    findings.into_iter().flatten().collect()
}

/// Where the time goes, if requests take long at all.
fn slow(window: &Window<'_>) -> Option<Finding> {
    let latency = window.mean_us(|listener| listener.latency);
    let waiting = window.mean_us(|listener| listener.waiting);
    let handling = window.mean_us(|listener| listener.handling);
    if latency < SLOW_US {
        return None;
    }
    let share = |part: f64| format!("{:.0} %", 100.0 * part / latency);
    let of = format!("of {} for a request", micros(latency));
    Some(if waiting > handling {
        Finding {
            cause: Cause::Queueing,
            evidence: format!(
                "requests wait {} until their handler begins, {} {of}",
                micros(waiting),
                share(waiting)
            ),
            advice: "handlers keep the threads of the node: have them await instead of block, or \
                     hand what computes to spawn_blocking; spread callers over several connections"
                .to_owned(),
            config: None,
        }
    } else {
        Finding {
            cause: Cause::Handler,
            evidence: format!(
                "handlers take {}, {} {of}; nothing else is in the way",
                micros(handling),
                share(handling)
            ),
            advice: "make the methods that are called faster; a limit ends those that hang"
                .to_owned(),
            config: setting("performance.request_timeout_ms", "60000"),
        }
    })
}

fn write_stalls(window: &Window<'_>, connections: &[&ConnectionStatus]) -> Option<Finding> {
    let stalls = window.count(|listener| listener.write_stalls.count);
    let stalled_us = window.sum_us(|listener| listener.write_stalls);
    let is_stalled = |connection: &&&ConnectionStatus| connection.stalled_ms >= Some(STALLED_MS);
    let stalled: Vec<_> = connections.iter().filter(is_stalled).collect();
    let share = stalled_us / (window.time.as_secs_f64() * 1e6);
    if share < STALLED_SHARE && stalled.is_empty() {
        return None;
    }
    let mut evidence = Vec::new();
    if stalls > 0 {
        let time = micros(stalled_us);
        evidence.push(format!(
            "{stalls} times a client took nothing, {time} in all"
        ));
    }
    evidence.extend(stalled.iter().map(|connection| stalled_peer(connection)));
    Some(Finding {
        cause: Cause::WriteStalls,
        evidence: evidence.join("; "),
        advice: "clients do not read what is sent to them: have them read while they work, or ask \
                 for less at once; one that takes nothing for 10s is cut off"
            .to_owned(),
        config: None,
    })
}

/// A client that takes nothing.
fn stalled_peer(connection: &ConnectionStatus) -> String {
    let ConnectionStatus {
        client, principal, ..
    } = connection;
    let pid = connection
        .pid
        .map_or_else(String::new, |pid| format!(" pid:{pid}"));
    let time = since(Duration::from_millis(
        connection.stalled_ms.unwrap_or_default(),
    ));
    format!("{principal}{pid} {client:?} has taken nothing for {time}")
}

fn refused(window: &Window<'_>) -> Option<Finding> {
    let refused = window.count(|listener| listener.refused_busy);
    let limit = window.after.max_connections.unwrap_or_default();
    (refused > 0).then(|| Finding {
        cause: Cause::Refused,
        evidence: format!(
            "{} {} told to come again later: all {limit} places were taken, and {} are now",
            counted(refused, "connection"),
            if refused == 1 { "was" } else { "were" },
            window.after.open
        ),
        advice:
            "allow more connections, or have clients keep one each and share it: it carries many \
                 requests at once"
                .to_owned(),
        config: max_connections(window.after)
            .and_then(|key| setting(key, &limit.max(1).saturating_mul(2).to_string())),
    })
}

fn untrusted(window: &Window<'_>) -> Option<Finding> {
    let refused = window.count(|listener| listener.refused_untrusted);
    (refused > 0).then(|| Finding {
        cause: Cause::Untrusted,
        evidence: format!(
            "{} came from users who are not let in",
            counted(refused, "connection")
        ),
        advice: "run those clients as the user of the node, or stop them".to_owned(),
        config: None,
    })
}

fn handshakes(window: &Window<'_>) -> Option<Finding> {
    let failed = window.count(|listener| listener.failed_handshakes);
    (failed > 0).then(|| Finding {
        cause: Cause::Handshakes,
        evidence: format!(
            "{} never began to talk{}",
            counted(failed, "connection"),
            latest(window)
        ),
        advice:
            "something that is no Linkspan client connects, or clients are too busy to say hello \
                 within 2s"
                .to_owned(),
        config: None,
    })
}

fn accepting(window: &Window<'_>) -> Option<Finding> {
    let errors = window.count(|listener| listener.accept_errors);
    (errors > 0).then(|| Finding {
        cause: Cause::Accepting,
        evidence: format!(
            "{} the system gave no connection{}",
            counted(errors, "time"),
            latest(window)
        ),
        advice:
            "if descriptors are used up, allow the node more (`ulimit -n`), or fewer connections"
                .to_owned(),
        config: None,
    })
}

/// Failures beyond those that have a finding of their own.
fn errors(window: &Window<'_>) -> Option<Finding> {
    let elsewhere = window.count(|listener| listener.failed_handshakes + listener.accept_errors);
    let errors = window
        .count(|listener| listener.errors)
        .saturating_sub(elsewhere);
    let messages = window.count(|listener| listener.messages).max(1);
    (errors > 0 && errors.saturating_mul(ERRORS_ONE_IN) >= messages).then(|| Finding {
        cause: Cause::Errors,
        evidence: format!(
            "{} of requests or connections, beside {}{}",
            counted(errors, "failure"),
            counted(messages, "answer"),
            latest(window)
        ),
        advice: "the latest error says which; `environment: { log_level: debug }` logs each"
            .to_owned(),
        config: setting("environment.log_level", "debug"),
    })
}

/// The latest error, as the end of a sentence.
fn latest(window: &Window<'_>) -> String {
    let error = window.after.last_error.as_ref();
    error.map_or_else(String::new, |error| {
        format!("; the latest: {}", error.message)
    })
}

/// The key that limits its connections.
fn max_connections(listener: &ListenerStatus) -> Option<&'static str> {
    match listener.scheme() {
        _ if listener.answers == Answers::Exchanges => Some("ipc.max_connections"),
        _ if listener.answers == Answers::Bus => Some("bus.max_connections"),
        "unix" | "unix+tls" => Some("transport.unix_socket.max_connections"),
        "pipe" => Some("transport.named_pipe.max_connections"),
        "tcp" | "tls" => Some("transport.tcp.max_connections"),
        "ws" | "wss" => Some("transport.web_socket.max_connections"),
        _ => None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "most findings have none")]
fn setting(key: &str, value: &str) -> Option<Setting> {
    let (key, value) = (key.to_owned(), value.to_owned());
    Some(Setting { key, value })
}

/// A mean below this is no reason to look: what is fast takes some 30 microseconds.
const SLOW_US: f64 = 5_000.0;
/// Part of the window that clients, together, may leave the node waiting.
const STALLED_SHARE: f64 = 0.01;
/// A client that takes nothing for this long is named.
const STALLED_MS: u64 = 1_000;
/// One failure in so many answers is worth a look.
const ERRORS_ONE_IN: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Times;

    /// What is found in ten seconds in which a listener came from nothing to `after`.
    fn causes(after: &ListenerStatus) -> Vec<Cause> {
        let window = Window {
            before: &ListenerStatus::default(),
            after,
            time: Duration::from_secs(10),
        };
        let findings = diagnose(&window, &[]);
        findings.iter().map(|finding| finding.cause).collect()
    }

    fn times(count: u32, mean_us: f64) -> Times {
        Times {
            count: count.into(),
            sum_us: f64::from(count) * mean_us,
            ..Times::default()
        }
    }

    fn after(waiting_us: f64, handling_us: f64) -> ListenerStatus {
        ListenerStatus {
            messages: 1_000,
            waiting: times(1_000, waiting_us),
            handling: times(1_000, handling_us),
            latency: times(1_000, waiting_us + handling_us),
            ..ListenerStatus::default()
        }
    }

    #[test]
    fn what_takes_long_is_named_from_the_threshold_on() {
        assert_eq!(causes(&ListenerStatus::default()), []);
        assert_eq!(causes(&after(2_000.0, 2_999.0)), []);
        assert_eq!(causes(&after(2_000.0, 3_000.0)), [Cause::Handler]);
        assert_eq!(causes(&after(4_000.0, 1_000.0)), [Cause::Queueing]);
    }

    #[test]
    fn stalls_count_from_a_hundredth_of_the_time_on() {
        let stalled = |micros| ListenerStatus {
            write_stalls: times(1, micros),
            ..after(1.0, 1.0)
        };
        assert_eq!(causes(&stalled(99_999.0)), []);
        assert_eq!(causes(&stalled(100_000.0)), [Cause::WriteStalls]);
    }

    #[test]
    fn errors_count_from_one_in_a_hundred_on_and_once() {
        let failed = |errors, failed_handshakes| ListenerStatus {
            errors,
            failed_handshakes,
            ..after(1.0, 1.0)
        };
        assert_eq!(causes(&failed(9, 0)), []);
        assert_eq!(causes(&failed(10, 0)), [Cause::Errors]);
        assert_eq!(causes(&failed(10, 10)), [Cause::Handshakes]);
    }

    #[test]
    fn those_who_were_kept_out_are_told_by_their_reason() {
        let kept_out = ListenerStatus {
            refused_busy: 1,
            refused_untrusted: 1,
            accept_errors: 1,
            errors: 1,
            ..after(1.0, 1.0)
        };
        let expected = [Cause::Refused, Cause::Untrusted, Cause::Accepting];
        assert_eq!(causes(&kept_out), expected);
    }

    #[test]
    fn the_key_to_change_is_that_of_the_listener() {
        let key = |address: &str, answers| {
            let address = address.to_owned();
            max_connections(&ListenerStatus {
                address,
                answers,
                ..ListenerStatus::default()
            })
        };
        for (address, answers, expected) in [
            (
                "unix:/x",
                Answers::Calls,
                Some("transport.unix_socket.max_connections"),
            ),
            ("unix:/x", Answers::Exchanges, Some("ipc.max_connections")),
            ("unix:/x", Answers::Bus, Some("bus.max_connections")),
            (
                "tcp:[::1]:9",
                Answers::Calls,
                Some("transport.tcp.max_connections"),
            ),
            ("mem:x", Answers::Calls, None),
        ] {
            assert_eq!(key(address, answers), expected);
        }
    }
}
