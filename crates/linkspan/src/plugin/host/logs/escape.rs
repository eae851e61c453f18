//! Texts of plugins, made harmless for terminals.

use std::fmt::{self, Write};

/// A text in one line, with what a terminal would obey written as JSON writes it: `\u001b`.
///
/// A plugin could otherwise move the cursor, forge lines or turn the direction of writing around.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            letter if is_obeyed(letter) => write!(f, "\\u{:04x}", u32::from(letter)),
            letter => f.write_char(letter),
        })
    }
}

/// Control characters, line separators, and marks that change the direction of writing.
fn is_obeyed(letter: char) -> bool {
    let is_mark = matches!(letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_mark
}
