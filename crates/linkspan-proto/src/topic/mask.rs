//! Masks: of topics, and of names.

use std::fmt;
use std::str::FromStr;

use crate::error::TopicError;
use crate::message::Text;
use crate::topic::Limits;
use crate::topic::level::{Level, Syntax};

/// A mask of topics: levels between `/`, where `+` stands for one level and `#` for one or more.
///
/// ```
/// use linkspan_proto::topic::{Limits, Mask};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let rooms = Mask::new("house/+/temperature", &Limits::default())?;
/// assert!(rooms.matches("house/kitchen/temperature"));
/// assert!(!rooms.matches("house/temperature"));
/// let house = Mask::new("house/#", &Limits::default())?;
/// assert!(rooms.is_subset_of(&house) && !house.is_subset_of(&rooms));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask(Text);

impl Mask {
    /// Takes a text for a mask.
    ///
    /// Every text is one that keeps the limits and has no NUL; wildcards within a level are literal.
    ///
    /// # Errors
    ///
    /// - [`TooLong`](TopicError::TooLong), [`TooDeep`](TopicError::TooDeep): over a limit;
    /// - [`Nul`](TopicError::Nul): it has a NUL.
    pub fn new(text: impl Into<Text>, limits: &Limits) -> Result<Self, TopicError> {
        let text = text.into();
        limits.check(&text, TOPICS.separator)?;
        Ok(Self(text))
    }

    /// Whether it stands for this topic.
    pub fn matches(&self, topic: &str) -> bool {
        TOPICS.matches(&self.0, topic)
    }

    /// Whether all topics that it stands for are among those of `other`.
    ///
    /// So it is for rights: who may read `news/+` may not subscribe to `news/#`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        TOPICS.is_subset(&self.0, &other.0)
    }

    /// Whether it stands for one topic only, itself.
    pub fn is_literal(&self) -> bool {
        is_literal(self.levels())
    }

    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn levels(&self) -> impl Iterator<Item = Level<'_>> {
        TOPICS.levels(&self.0)
    }
}

/// Takes what the default [`Limits`] allow.
impl FromStr for Mask {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::new(text, &Limits::default())
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A mask of names, for broadcasts: levels between `.`, where `?` stands for one level and `*` for
/// one or more.
///
/// The rules are those of [`Mask`], with other characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameMask(Text);

impl NameMask {
    /// Takes a text for a mask.
    ///
    /// # Errors
    ///
    /// As for [`Mask::new`].
    pub fn new(text: impl Into<Text>, limits: &Limits) -> Result<Self, TopicError> {
        let text = text.into();
        limits.check(&text, NAMES.separator)?;
        Ok(Self(text))
    }

    /// Whether it stands for this name.
    ///
    /// A secondary's name is taken whole: `%%0` belongs to its last level.
    pub fn matches(&self, name: &str) -> bool {
        NAMES.matches(&self.0, name)
    }

    /// Whether all names that it stands for are among those of `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        NAMES.is_subset(&self.0, &other.0)
    }

    /// Whether it stands for one name only, itself.
    pub fn is_literal(&self) -> bool {
        is_literal(NAMES.levels(&self.0))
    }

    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NameMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for NameMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn is_literal<'a>(mut levels: impl Iterator<Item = Level<'a>>) -> bool {
    levels.all(|level| matches!(level, Level::Literal(_)))
}

pub(super) const TOPICS: Syntax = Syntax {
    separator: '/',
    one: "+",
    rest: "#",
};

const NAMES: Syntax = Syntax {
    separator: '.',
    one: "?",
    rest: "*",
};
