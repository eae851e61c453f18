//! What is wrong with a configuration, shown where it is wrong.

use std::fmt;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::config::source::Place;
use crate::output::plain;

/// A configuration cannot be used.
#[derive(Debug)]
pub(crate) struct ConfigError {
    /// What is wrong.
    pub(crate) problem: String,
    /// Where.
    pub(crate) origin: Where,
    /// What would be right.
    pub(crate) hint: Option<String>,
}

/// Where a wrong value comes from.
#[derive(Debug)]
pub(crate) enum Where {
    /// A file that cannot be read.
    Unreadable(PathBuf),
    /// A place in a file.
    File {
        path: PathBuf,
        text: String,
        place: Option<Place>,
    },
    /// An environment variable.
    Variable(String),
    /// Nowhere in particular: the values contradict each other.
    Values,
}

impl ConfigError {
    /// Shows the error with the line that it is about, if it is about one.
    pub(crate) fn render(&self, color: bool) -> Option<String> {
        let Where::File {
            path,
            text,
            place: Some(place),
        } = &self.origin
        else {
            return None;
        };
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let path = path.display().to_string();
        let problem = plain(&self.problem);
        let span = span_of(text, *place);
        let snippet = Snippet::source(text.as_str())
            .path(plain(&path))
            .annotation(AnnotationKind::Primary.span(span));
        let mut group = Level::ERROR.primary_title(problem).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        Some(renderer.render(&[group]))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Where::Unreadable(path)
            | Where::File {
                path, place: None, ..
            } => write!(f, "{}: ", path.display())?,
            Where::File {
                path,
                place: Some(place),
                ..
            } => {
                write!(f, "{}:{}: ", path.display(), place.line)?;
            }
            Where::Variable(name) => write!(f, "{name}: ")?,
            Where::Values => {}
        }
        f.write_str(&self.problem)?;
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The bytes of the word at a place.
fn span_of(text: &str, place: Place) -> std::ops::Range<usize> {
    let line_start: usize = text
        .split_inclusive('\n')
        .take(place.line.saturating_sub(1))
        .map(str::len)
        .sum();
    let line = text
        .get(line_start..)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default();
    let offset = line.char_indices().nth(place.column.saturating_sub(1));
    let start = line_start + offset.map_or(line.len(), |(offset, _)| offset);
    let rest = text.get(start..line_start + line.len()).unwrap_or_default();
    let word = rest
        .find([':', ' ', '=', ',', '}'])
        .unwrap_or(rest.len())
        .max(1);
    start..(start + word).min(text.len())
}
