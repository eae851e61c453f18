//! Lines of audit logs.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::auth::AuditRecord;
use crate::transport::Peer;

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    action: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    resource: &'a str,
    decision: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    principal: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    credential: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<From<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
}

#[derive(Serialize)]
struct From<'a> {
    transport: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
}

pub(super) fn line(record: &AuditRecord<'_>) -> String {
    let line = Line {
        time: rfc3339(record.time),
        action: record.action,
        resource: cut(record.resource),
        decision: record.decision.name(),
        principal: cut(record.principal),
        method: record.method,
        credential: cut(record.credential),
        peer: record.peer.map(from),
        reason: record.reason,
        detail: cut(record.detail),
    };
    // Texts and numbers always encode.
    serde_json::to_string(&line).unwrap_or_default()
}

fn from(peer: &Peer) -> From<'_> {
    From {
        transport: peer.transport,
        user: peer
            .credentials
            .map(|credentials| credentials.user.to_string()),
        pid: peer.credentials.and_then(|credentials| credentials.pid),
        address: peer.address.map(|address| address.to_string()),
        certificate: peer
            .certificate
            .as_ref()
            .map(|certificate| cut(&certificate.subject)),
    }
}

/// A text as far as it has a place in a line: some of them are a stranger's.
fn cut(text: &str) -> &str {
    let whole = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=MAX_TEXT_BYTES).rev().find(whole).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// A time of UTC with microseconds, as `2026-11-21T21:03:00.000000Z`.
fn rfc3339(time: SystemTime) -> String {
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
    let since_1970 = since_1970.unwrap_or(Duration::ZERO);
    let seconds = since_1970.as_secs();
    let (year, month, day) = civil(seconds / DAY);
    let second = seconds % DAY;
    let mut text = format!("{year:04}-{month:02}-{day:02}");
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let micros = since_1970.subsec_micros();
    // Writing to a text never fails.
    write!(text, "T{hour:02}:{minute:02}:{second:02}.{micros:06}Z").ok();
    text
}

/// Year, month and day of the day with that number after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the day that comes and goes is the last.
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..10 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (era * 400 + year + next, month, day)
}

const DAY: u64 = 24 * 60 * 60;
const DAYS_OF_400_YEARS: u64 = 146_097;
/// From the first of March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;
const MAX_TEXT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Decision;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_795_208_580, "2026-11-20T21:03:00.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), text);
        }
    }

    #[test]
    fn texts_of_strangers_are_cut_and_stay_on_their_line() {
        let long = "ä\n".repeat(1000);
        let mut record = AuditRecord::new("session.open", Decision::Denied);
        record.credential = &long;
        let line = record.to_json();
        assert!(line.len() < 600 && !line.contains('\n'), "{line}");
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
