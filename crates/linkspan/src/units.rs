//! Values with units as they stand in configurations: durations, sizes, and names that may be
//! written in several ways. Shared with the command line, and no API for others.

use std::time::Duration;

/// Reads a duration with its unit: `250ms`, `30s`, `5m`, `3h`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Reads a duration that is in milliseconds unless it has a unit.
pub fn parse_millis(text: &str) -> Option<Duration> {
    let plain = text.trim().parse().ok().map(Duration::from_millis);
    plain.or_else(|| parse_duration(text))
}

/// Reads a number of bytes: `4096`, `64KiB`, `1MiB`, `1GiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text);
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" | "K" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" | "M" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" | "G" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(bytes)
}

/// Whether two names are the same without regard to case, and to `-` and `_`.
pub fn is_same_name(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
    plain(one) == plain(other)
}

/// The one of `names` that is most like a name, if any is much like it.
pub fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let scored = names
        .iter()
        .map(|other| (strsim::jaro_winkler(name, other), *other));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(score, _)| *score > ALIKE)
        .map(|(_, name)| name)
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    (number, unit.trim())
}

/// From this likeness on a name may have been meant.
const ALIKE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        let millis = |text| parse_duration(text).map(|duration| duration.as_millis());
        assert_eq!(millis("250ms"), Some(250));
        assert_eq!(millis(" 5 m "), Some(300_000));
        assert_eq!(millis("3h"), Some(10_800_000));
        for wrong in ["30", "s", "-1s", "1.5s", "1d", "99999999999999999h"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
        assert_eq!(parse_millis("30"), Some(Duration::from_millis(30)));
        assert_eq!(parse_size("1MiB"), Some(1 << 20));
        assert_eq!(parse_size("64 K"), Some(65_536));
        assert_eq!(parse_size("4096"), Some(4096));
        for wrong in ["", "MiB", "1mib", "-1", "99999999999999999GiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_alike_by_their_letters() {
        assert!(is_same_name("UnixDomainSocket", "unix_domain-socket"));
        assert!(!is_same_name("tokio", "tokyo"));
        assert_eq!(
            nearest("max_frame", &["transport", "max_frame_bytes"]),
            Some("max_frame_bytes")
        );
        assert_eq!(nearest("colour", &["transport", "max_frame_bytes"]), None);
    }
}
