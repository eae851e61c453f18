//! Names of clients.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use crate::error::BusrtNameError;
use crate::frame::busrt::{BROKER, Limits};
use crate::frame::to_u64;
use crate::message::Text;

/// A name that a client may register.
///
/// BUS/RT takes any text; here control characters are refused. A NUL in a name would let its client
/// write into the frames that others get in its name, and pass for one with a shorter name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Text);

impl Name {
    /// Takes a text for a name.
    ///
    /// # Errors
    ///
    /// - [`Empty`](BusrtNameError::Empty): it has no characters;
    /// - [`TooLong`](BusrtNameError::TooLong): it exceeds [`Limits::max_name_bytes`];
    /// - [`Reserved`](BusrtNameError::Reserved): it begins with a dot;
    /// - [`Control`](BusrtNameError::Control): it has a control character.
    pub fn new(text: impl Into<Text>, limits: &Limits) -> Result<Self, BusrtNameError> {
        let text = text.into();
        check_length(text.len(), limits)?;
        if text.starts_with('.') {
            return Err(BusrtNameError::Reserved);
        }
        match text.find(char::is_control) {
            Some(at) => Err(BusrtNameError::Control { at }),
            None => Ok(Self(text)),
        }
    }

    /// The name of the broker's own client, which no other can have.
    pub fn broker() -> Self {
        Self(Text::from_static(BROKER))
    }

    /// The name of the primary client: what stands before the first `%%`, or all of it.
    pub fn primary(&self) -> &str {
        primary(&self.0)
    }

    /// Whether it is that of a secondary client, which has a `%%` in it.
    pub fn is_secondary(&self) -> bool {
        self.primary().len() < self.len()
    }

    /// The name in memory of its own: as it was read, it keeps all that was read with it.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Text::from(self.0.as_str().to_owned()))
    }

    /// The name as text that can be shared.
    pub fn as_text(&self) -> &Text {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The name of the primary client behind a sender's name.
pub fn primary(name: &str) -> &str {
    name.split_once(SECONDARY)
        .map_or(name, |(primary, _)| primary)
}

pub(super) fn check_length(bytes: usize, limits: &Limits) -> Result<(), BusrtNameError> {
    let limit = limits.max_name_bytes;
    match bytes {
        0 => Err(BusrtNameError::Empty),
        bytes if bytes > usize::from(limit) => Err(BusrtNameError::TooLong {
            bytes: to_u64(bytes),
            limit,
        }),
        _ => Ok(()),
    }
}

/// Stands between the name of a primary and what tells its secondaries apart.
const SECONDARY: &str = "%%";
