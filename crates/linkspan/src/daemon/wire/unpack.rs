//! Reading a message out of MessagePack, with an error that names the place.
//!
//! serde writes the code that meets a deserializer anew for each type of message. Little depends on
//! the type here, as that code is in the memory of every daemon: a tenth of it once was.

use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::daemon::wire::item::{Item, Items, NoItem};

/// Reads values that follow each other.
#[derive(Debug)]
pub(super) struct Unpacker<'de> {
    items: Items<'de>,
    /// How many lists and maps may still begin in each other.
    depth: u32,
}

/// Bytes are not what is wanted.
#[derive(Debug)]
pub(super) struct UnpackError {
    /// The place, as `.size.rows` or `.arguments[2]`.
    place: String,
    problem: String,
}

impl<'de> Unpacker<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            items: Items::new(bytes),
            depth: MAX_DEPTH,
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.items.is_empty()
    }

    fn text(&mut self, expected: &dyn Expected) -> Result<&'de str, UnpackError> {
        match self.items.next()? {
            Item::Text(text) => utf8(text),
            other => Err(unexpected(other, expected)),
        }
    }

    fn skip(&mut self) -> Result<(), UnpackError> {
        let values = match self.items.next()? {
            Item::List(values) => values,
            Item::Map(pairs) => pairs.saturating_mul(2),
            _ => return Ok(()),
        };
        self.enter()?;
        (0..values).try_for_each(|_| self.skip())?;
        self.depth += 1;
        Ok(())
    }

    /// Begins to read what is in a list or map.
    fn enter(&mut self) -> Result<(), UnpackError> {
        let depth = self.depth.checked_sub(1);
        self.depth = depth.ok_or_else(|| UnpackError::custom("it is nested too deep"))?;
        Ok(())
    }

    fn list<V: Visitor<'de>>(&mut self, values: usize, visitor: V) -> Read<'de, V> {
        self.enter()?;
        let mut list = List {
            unpacker: self,
            values,
            read: 0,
        };
        let value = visitor.visit_seq(&mut list)?;
        let read = list.read;
        self.depth += 1;
        match read == values {
            true => Ok(value),
            false => Err(too_long(values, read)),
        }
    }

    fn map<V: Visitor<'de>>(&mut self, pairs: usize, visitor: V) -> Read<'de, V> {
        self.enter()?;
        let map = Map {
            key: self.items,
            unpacker: self,
            pairs,
        };
        let value = visitor.visit_map(map)?;
        self.depth += 1;
        Ok(value)
    }

    fn any<V: Visitor<'de>>(&mut self, item: Item<'de>, visitor: V) -> Read<'de, V> {
        match item {
            Item::Nil => visitor.visit_unit(),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::Unsigned(value) => visitor.visit_u64(value),
            Item::Signed(value) => visitor.visit_i64(value),
            Item::Float(value) => visitor.visit_f64(value),
            Item::Text(text) => visitor.visit_borrowed_str(utf8(text)?),
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Item::List(values) => self.list(values, visitor),
            Item::Map(pairs) => self.map(pairs, visitor),
            Item::Extension => Err(unexpected(item, &visitor)),
        }
    }
}

type Read<'de, V> = Result<<V as Visitor<'de>>::Value, UnpackError>;

impl<'de> Deserializer<'de> for &mut Unpacker<'de> {
    type Error = UnpackError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        let item = self.items.next()?;
        self.any(item, visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        let text = self.text(&visitor)?;
        visitor.visit_borrowed_str(text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        match self.items.next()? {
            Item::Text(bytes) | Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            other => Err(unexpected(other, &visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        let mut ahead = self.items;
        match ahead.next()? {
            Item::Nil => {
                self.items = ahead;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        match self.items.next()? {
            Item::List(values) => self.list(values, visitor),
            other => Err(unexpected(other, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Read<'de, V> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        match self.items.next()? {
            Item::Map(pairs) => self.map(pairs, visitor),
            other => Err(unexpected(other, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        self.deserialize_map(visitor)
    }

    /// Enums are words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V> {
        let word = self.text(&visitor)?;
        visitor.visit_enum(BorrowedStrDeserializer::new(word))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Read<'de, V> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V> {
        self.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct tuple_struct
    }
}

/// The values of a list.
struct List<'a, 'de> {
    unpacker: &'a mut Unpacker<'de>,
    values: usize,
    read: usize,
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = UnpackError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, UnpackError> {
        if self.read == self.values {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.unpacker);
        let value = value.map_err(|error| error.at_value(self.read))?;
        self.read += 1;
        Ok(Some(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values - self.read)
    }
}

/// The pairs of a map.
struct Map<'a, 'de> {
    unpacker: &'a mut Unpacker<'de>,
    pairs: usize,
    /// Begins with the latest key.
    key: Items<'de>,
}

impl<'de> MapAccess<'de> for Map<'_, 'de> {
    type Error = UnpackError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, UnpackError> {
        let Some(pairs) = self.pairs.checked_sub(1) else {
            return Ok(None);
        };
        self.pairs = pairs;
        self.key = self.unpacker.items;
        seed.deserialize(&mut *self.unpacker).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, UnpackError> {
        let value = seed.deserialize(&mut *self.unpacker);
        value.map_err(|error| error.at_key(self.key))
    }
}

impl UnpackError {
    fn at_value(mut self, number: usize) -> Self {
        self.place.insert_str(0, &format!("[{number}]"));
        self
    }

    fn at_key(mut self, mut key: Items<'_>) -> Self {
        if let Ok(Item::Text(key)) = key.next() {
            let key = String::from_utf8_lossy(key);
            self.place.insert_str(0, &format!(".{key}"));
        }
        self
    }
}

impl Error for UnpackError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self {
            place: String::new(),
            problem: problem.to_string(),
        }
    }
}

impl From<NoItem> for UnpackError {
    fn from(_: NoItem) -> Self {
        Self::custom("it is cut, or no MessagePack")
    }
}

impl std::error::Error for UnpackError {}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.trim_start_matches('.') {
            "" => f.write_str(&self.problem),
            place => write!(f, "{place}: {}", self.problem),
        }
    }
}

fn utf8(text: &[u8]) -> Result<&str, UnpackError> {
    std::str::from_utf8(text).map_err(|_| UnpackError::custom("text that is not UTF-8"))
}

fn too_long(values: usize, wanted: usize) -> UnpackError {
    UnpackError::custom(format_args!(
        "a list of {values} values instead of {wanted}"
    ))
}

fn unexpected(item: Item<'_>, expected: &dyn Expected) -> UnpackError {
    let unexpected = match item {
        Item::Nil => Unexpected::Unit,
        Item::Bool(value) => Unexpected::Bool(value),
        Item::Unsigned(value) => Unexpected::Unsigned(value),
        Item::Signed(value) => Unexpected::Signed(value),
        Item::Float(value) => Unexpected::Float(value),
        Item::Text(text) => {
            std::str::from_utf8(text).map_or(Unexpected::Other("text"), Unexpected::Str)
        }
        Item::Bytes(_) => Unexpected::Other("bytes"),
        Item::List(_) => Unexpected::Seq,
        Item::Map(_) => Unexpected::Map,
        Item::Extension => Unexpected::Other("an extension"),
    };
    UnpackError::invalid_type(unexpected, expected)
}

/// Maps and lists in each other.
const MAX_DEPTH: u32 = 16;
