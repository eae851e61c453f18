//! Texts of others, made harmless for terminals.

use std::borrow::Cow;
use std::fmt::Write;

/// The text in one line, with what a terminal would obey written as JSON writes it: `\u001b`.
///
/// Names and error texts come from peers, who could otherwise move the cursor, forge lines or turn
/// the direction of writing around.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            // Writing into a string cannot fail. All of them have four digits.
            letter if is_obeyed(letter) => {
                write!(escaped, "\\u{:04x}", u32::from(letter)).unwrap_or_default();
            }
            letter => escaped.push(letter),
        }
    }
    escaped.into()
}

/// Control characters, line separators, and marks that change the direction of writing.
fn is_obeyed(letter: char) -> bool {
    let is_mark = matches!(letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_mark
}
