//! MessagePack, as far as offers and metadata need it.

/// A value of MessagePack.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Nil,
    Number(u64),
    Text(&'static str),
    Binary(Vec<u8>),
    List(Vec<Self>),
    Map(Vec<(&'static str, Self)>),
}

impl Value {
    pub(super) fn texts(texts: &[&'static str]) -> Self {
        Self::List(texts.iter().copied().map(Self::Text).collect())
    }

    pub(super) fn numbers(numbers: &[u64]) -> Self {
        Self::List(numbers.iter().copied().map(Self::Number).collect())
    }

    /// Its bytes. All lengths stand in forms that take any length.
    pub(super) fn pack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.pack_to(&mut out);
        out
    }

    fn pack_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.push(0xC0),
            Self::Number(number) => {
                out.push(0xCF);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Text(text) => {
                head(out, 0xDB, text.len());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Binary(bytes) => {
                head(out, 0xC6, bytes.len());
                out.extend_from_slice(bytes);
            }
            Self::List(items) => {
                head(out, 0xDD, items.len());
                items.iter().for_each(|item| item.pack_to(out));
            }
            Self::Map(entries) => {
                head(out, 0xDF, entries.len());
                for (key, value) in entries {
                    Self::Text(key).pack_to(out);
                    value.pack_to(out);
                }
            }
        }
    }
}

fn head(out: &mut Vec<u8>, marker: u8, length: usize) {
    out.push(marker);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_by_others() {
        let value = Value::Map(vec![
            ("none", Value::Nil),
            ("versions", Value::numbers(&[1, 300])),
            ("names", Value::texts(&["a", "b"])),
        ]);
        let read: serde_json::Value = rmp_serde::from_slice(&value.pack()).unwrap();
        let expected =
            serde_json::json!({ "none": null, "versions": [1, 300], "names": ["a", "b"] });
        assert_eq!(read, expected);
        let bytes = Value::Binary(vec![7; 32]).pack();
        assert_eq!(bytes.len(), 37);
    }
}
