use std::io;

use linkspan_os::{
    PipeError, PipeListener, PipeNameError, PipeOptions, connect_pipe, default_pipe_name,
    max_pipe_name_chars,
};

use crate::windows::support::{bind, connect, own_sid, pipe_name, soon};

fn refusal(name: &str) -> PipeNameError {
    let error = connect_pipe(name).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{name:?}");
    let text = error.to_string();
    let bound = PipeListener::bind(name, &PipeOptions::default());
    let refused = match bound.unwrap_err() {
        PipeError::Name(refused) => Some(refused),
        _ => None,
    };
    let refused = refused.expect("the name is what is wrong");
    assert_eq!(refused.to_string(), text);
    refused
}

#[tokio::test]
async fn names_that_the_system_would_read_otherwise_are_refused() {
    assert_eq!(refusal(""), PipeNameError::Empty);
    for (name, wrong) in [
        (r"a\b", '\\'),
        ("a/b", '/'),
        ("a\0b", '\0'),
        ("a\nb", '\n'),
        ("a.", '.'),
        ("a ", ' '),
        ("..", '.'),
    ] {
        let PipeNameError::Character { found, .. } = refusal(name) else {
            panic!("{name:?} has a wrong character");
        };
        assert_eq!(found, wrong, "{name:?}");
    }
}

#[tokio::test]
async fn names_have_256_characters_with_their_prefix() {
    let limit = max_pipe_name_chars();
    assert_eq!(r"\\.\pipe\".len() + limit, 256);
    let base = pipe_name("long");
    let longest = format!("{base}{}", "x".repeat(limit - base.len()));
    let mut listener = bind(&longest);
    let (_client, accepted) = tokio::join!(connect(&longest), soon(listener.accept()));
    accepted.unwrap();
    let error = refusal(&format!("{longest}x"));
    assert_eq!(
        error.to_string(),
        "pipe name of 248 characters exceeds the limit of 247 characters"
    );
    // Outside of the first plane a character has two units.
    let chars = limit + 1;
    let wide = "\u{1f517}".repeat(chars / 2);
    assert_eq!(refusal(&wide), PipeNameError::TooLong { chars, limit });
}

#[tokio::test]
async fn a_name_ignores_case() {
    let name = pipe_name("Case");
    let mut listener = bind(&name);
    let lower = name.to_lowercase();
    let (_client, accepted) = tokio::join!(connect(&lower), soon(listener.accept()));
    accepted.unwrap();
    let error = PipeListener::bind(&lower, &PipeOptions::default()).unwrap_err();
    assert!(matches!(error, PipeError::InUse { .. }), "{error}");
}

#[test]
fn every_user_has_a_default_name_that_is_allowed() {
    let name = default_pipe_name().unwrap();
    assert_eq!(name, format!("linkspan-{}", own_sid()));
    assert!(name.len() <= max_pipe_name_chars());
}
