//! Which names clients may have, and what they say.

use linkspan_proto::error::{Blame, BusrtNameError};
use linkspan_proto::frame::busrt::{Limits, Name, next_id, primary};

use super::name;

#[test]
fn names_may_have_anything_but_control_characters() {
    for text in [
        "a",
        "a b",
        "a/b",
        "*",
        "?",
        "#",
        "ä.ö",
        "a%%",
        "%%1",
        "cli.host.77",
    ] {
        assert_eq!(name(text), text);
        assert_eq!(name(text).to_string(), text);
    }
    let refused = |text: &str| Name::new(text, &Limits::default()).unwrap_err();
    assert_eq!(refused(""), BusrtNameError::Empty);
    assert_eq!(refused(".x"), BusrtNameError::Reserved);
    assert_eq!(refused(".broker%%1"), BusrtNameError::Reserved);
    for control in ["\0", "\x01", "\n", "\x1b", "\x7f", "\u{85}"] {
        let text = format!("admin{control}x");
        assert_eq!(refused(&text), BusrtNameError::Control { at: 5 });
    }
}

#[test]
fn names_have_a_limit() {
    let mut limits = Limits::default();
    limits.max_name_bytes = 4;
    assert!(Name::new("ää", &limits).is_ok());
    let error = Name::new("ääa", &limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "name of 5 bytes exceeds the limit of 4 bytes"
    );
    assert_eq!(error.blame(), Blame::Caller);
}

#[test]
fn a_secondary_has_the_name_of_its_primary_and_more() {
    let cases = [
        ("a", "a", false),
        ("a%%", "a", true),
        ("a%%1", "a", true),
        ("a%%1%%2", "a", true),
        ("a%1", "a%1", false),
        ("a%%%", "a", true),
        ("%%1", "", true),
    ];
    for (text, expected, is_secondary) in cases {
        assert_eq!(name(text).primary(), expected);
        assert_eq!(primary(text), expected);
        assert_eq!(name(text).is_secondary(), is_secondary);
    }
}

#[test]
fn numbers_leave_out_0() {
    assert_eq!([next_id(0), next_id(1), next_id(u32::MAX)], [1, 2, 1]);
}
