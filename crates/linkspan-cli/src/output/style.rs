//! Colours, where they are wanted.

use std::fmt::{self, Display};

use anstyle::AnsiColor;
use clap::ColorChoice;

use crate::output::plain;

/// Marks words, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colored: bool,
}

/// A word with its mark; what a terminal would obey is escaped.
#[derive(Debug)]
pub(crate) struct Marked<T> {
    word: T,
    style: anstyle::Style,
}

impl Style {
    pub(crate) fn new(colored: bool) -> Self {
        Self { colored }
    }

    pub(crate) fn is_colored(self) -> bool {
        self.colored
    }

    pub(crate) fn title<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, anstyle::Style::new().bold())
    }

    pub(crate) fn name<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, AnsiColor::Cyan.on_default())
    }

    pub(crate) fn good<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, AnsiColor::Green.on_default())
    }

    pub(crate) fn warning<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, AnsiColor::Yellow.on_default())
    }

    pub(crate) fn error<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, AnsiColor::Red.on_default().bold())
    }

    pub(crate) fn hint<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, AnsiColor::Cyan.on_default().bold())
    }

    pub(crate) fn dim<T: Display>(self, word: T) -> Marked<T> {
        self.mark(word, anstyle::Style::new().dimmed())
    }

    fn mark<T>(self, word: T, style: anstyle::Style) -> Marked<T> {
        let style = if self.colored {
            style
        } else {
            anstyle::Style::new()
        };
        Marked { word, style }
    }
}

impl<T: Display> Display for Marked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.word.to_string();
        write!(f, "{}", self.style)?;
        f.pad(&plain(&text))?;
        write!(f, "{:#}", self.style)
    }
}

/// Whether colours are wanted: <https://no-color.org> and the terminal decide where nobody says.
pub(crate) fn wanted(choice: ColorChoice, is_terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto if is_set("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => {
            is_terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}
