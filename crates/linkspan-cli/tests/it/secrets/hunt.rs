//! Secrets in every form in which they might be shown.

use std::collections::HashMap;

/// What must not be seen, by how it begins.
#[derive(Default)]
pub(super) struct Secrets(HashMap<[u8; BEGIN_BYTES], Vec<(String, Vec<u8>)>>);

impl Secrets {
    /// Bytes: as they are, as numbers, and as digits of either sort and of base64.
    pub(super) fn hide(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 16, "{name} is too short to be looked for");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers: Vec<_> = bytes.iter().map(ToString::to_string).collect();
        self.add(name, bytes);
        self.add(name, hex.as_bytes());
        self.add(name, hex.to_uppercase().as_bytes());
        // As `Debug` writes a slice of bytes.
        self.add(name, numbers.join(", ").as_bytes());
        for alphabet in ["+/", "-_"] {
            // Digits depend on where in a larger text the bytes begin.
            for start in 0..3 {
                let rest = &bytes[start..];
                let whole = &rest[..rest.len() / 3 * 3];
                self.add(name, base64(whole, alphabet).as_bytes());
            }
        }
    }

    /// Digits stand for bytes; the text is hidden and what it stands for.
    pub(super) fn hide_digits(&mut self, name: &str, digits: &str) {
        self.hide(name, digits.as_bytes());
        let pairs = digits.as_bytes().chunks(2);
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        let bytes: Result<Vec<_>, _> = pairs.map(byte).collect();
        self.hide(name, &bytes.unwrap());
    }

    fn add(&mut self, name: &str, form: &[u8]) {
        let begin = *form.first_chunk().unwrap();
        let forms = self.0.entry(begin).or_default();
        forms.push((name.to_owned(), form.to_vec()));
    }

    /// The names of those that are to be seen in it.
    pub(super) fn seen_in(&self, text: &[u8]) -> Vec<&str> {
        let seen = (0..text.len()).flat_map(|at| {
            let rest = &text[at..];
            let begin = rest.first_chunk();
            let forms = begin
                .and_then(|begin| self.0.get(begin))
                .into_iter()
                .flatten();
            forms.filter(move |(_, form)| rest.starts_with(form))
        });
        seen.map(|(name, _)| name.as_str()).collect()
    }
}

/// Without padding, which says nothing.
fn base64(bytes: &[u8], last: &str) -> String {
    let digits = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(last.chars());
    let digits: Vec<_> = digits.collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | chunk.get(at).copied().map_or(0, usize::from)
        });
        text.extend((0..=chunk.len()).map(|digit| digits[bits >> (18 - 6 * digit) & 63]));
    }
    text
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret: Vec<u8> = (200..232).collect();
    let mut secrets = Secrets::default();
    secrets.hide("it", &secret);
    let encoded =
        |before: &str, last| base64(&[before.as_bytes(), &secret, b"after"].concat(), last);
    for text in [
        format!("{secret:?}"),
        format!("{secret:02x?}").replace([',', ' ', '[', ']'], ""),
        encoded("", "+/"),
        encoded("x", "-_"),
        encoded("xy", "+/"),
    ] {
        assert_eq!(
            secrets.seen_in(text.as_bytes()).first(),
            Some(&"it"),
            "{text}"
        );
    }
    assert!(secrets.seen_in(&secret[..31]).is_empty());
}

const BEGIN_BYTES: usize = 8;
