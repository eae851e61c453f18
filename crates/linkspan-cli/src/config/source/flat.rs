//! Files that are written flat: with dotted keys, or with the keys of one section alone.

use serde_json::Value;

use crate::config::source::{Entry, Place, Tree};

/// A key that is set twice, and where it is for the second time.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) key: String,
    pub(crate) place: Place,
}

/// The same with `a.b: 1` at the top as `a: { b: 1 }`.
///
/// # Errors
///
/// [`Repeated`] if a key is set in both ways.
pub(crate) fn unfold(tree: Tree) -> Result<Tree, Repeated> {
    let Tree::Map(written) = tree else {
        return Ok(tree);
    };
    let mut entries = Vec::new();
    for entry in written {
        insert(&mut entries, spread(entry))?;
    }
    Ok(Tree::Map(entries))
}

/// A tree as the content of a section.
pub(crate) fn under(tree: Tree, section: &str) -> Tree {
    let place = match &tree {
        Tree::Map(entries) => entries.first().map(|entry| entry.place),
        Tree::List(_) | Tree::Leaf(_) => None,
    };
    Tree::Map(vec![Entry {
        key: section.to_owned(),
        place: place.unwrap_or(Place { line: 1, column: 1 }),
        value: tree,
    }])
}

/// An entry with a dotted key as entries within entries.
fn spread(entry: Entry) -> Entry {
    let Entry { key, place, value } = entry;
    let mut parts = key.rsplit('.').map(str::to_owned);
    let innermost = Entry {
        key: parts.next().unwrap_or_default(),
        place,
        value,
    };
    parts.fold(innermost, |inner, key| Entry {
        key,
        place,
        value: Tree::Map(vec![inner]),
    })
}

fn insert(entries: &mut Vec<Entry>, new: Entry) -> Result<(), Repeated> {
    let Some(old) = entries.iter_mut().find(|entry| entry.key == new.key) else {
        entries.push(new);
        return Ok(());
    };
    match (&mut old.value, new.value) {
        (Tree::Map(old), Tree::Map(new)) => {
            new.into_iter().try_for_each(|entry| insert(old, entry))
        }
        // A section without a value says nothing.
        (old @ Tree::Leaf(Value::Null), value @ Tree::Map(_)) => {
            *old = value;
            Ok(())
        }
        (Tree::Map(_), Tree::Leaf(Value::Null)) => Ok(()),
        _ => Err(Repeated {
            key: new.key,
            place: new.place,
        }),
    }
}
