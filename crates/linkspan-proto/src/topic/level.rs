//! The one set of rules for masks, whatever the characters.

/// How a text is cut into levels, and which levels stand for others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Syntax {
    pub(super) separator: char,
    /// Stands for exactly one level.
    pub(super) one: &'static str,
    /// Stands for one or more levels; what follows it is ignored.
    pub(super) rest: &'static str,
}

/// One level of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level<'a> {
    /// This level.
    Literal(&'a str),
    /// Any level.
    One,
    /// Any levels, at least one; always the last.
    Rest,
}

impl Syntax {
    /// The levels of a mask, up to one that stands for all further ones.
    pub(super) fn levels<'a>(&self, mask: &'a str) -> impl Iterator<Item = Level<'a>> {
        let Self {
            separator,
            one,
            rest,
        } = *self;
        let mut is_over = false;
        let levels = mask.split(separator).map(move |level| match level {
            level if level == one => Level::One,
            level if level == rest => Level::Rest,
            level => Level::Literal(level),
        });
        levels.take_while(move |level| {
            let is_within = !is_over;
            is_over = *level == Level::Rest;
            is_within
        })
    }

    /// Whether a mask stands for a topic or name, whose own levels are all literal.
    pub(super) fn matches(&self, mask: &str, topic: &str) -> bool {
        let mut topic = topic.split(self.separator);
        for level in self.levels(mask) {
            let Some(found) = topic.next() else {
                return false;
            };
            match level {
                Level::Rest => return true,
                Level::Literal(expected) if expected != found => return false,
                Level::One | Level::Literal(_) => {}
            }
        }
        topic.next().is_none()
    }

    /// Whether all that `mask` stands for is among what `other` stands for.
    pub(super) fn is_subset(&self, mask: &str, other: &str) -> bool {
        let mut levels = self.levels(mask);
        for wider in self.levels(other) {
            let Some(level) = levels.next() else {
                return false;
            };
            match (level, wider) {
                (_, Level::Rest) => return true,
                // The rest reaches deeper than any mask that goes on level by level.
                (Level::Rest, _) | (Level::One, Level::Literal(_)) => return false,
                (Level::Literal(level), Level::Literal(wider)) if level != wider => return false,
                (Level::One | Level::Literal(_), _) => {}
            }
        }
        levels.next().is_none()
    }
}
