//! What plugins say of themselves, as far as it is kept.

use crate::codec::{Codec, Decode, Encode};
use crate::session::{CallError, Connection, Request};

/// Asks a plugin about itself.
///
/// What it is read into can take far more memory than the answer has bytes: one that is longer than any
/// plugin needs is not read.
pub(super) async fn ask<R: Decode>(connection: &Connection, method: &str) -> Result<R, CallError> {
    let nothing = ().encode(Codec::Msgpack).map_err(CallError::Encode)?;
    let request = Request::with_payload(method, nothing);
    let response = connection.call(request).await.map_err(brief)?;
    let payload = response.collect().await.map_err(brief)?;
    match payload.bytes.len() {
        ..=MAX_ANSWER_BYTES => R::decode(&payload).map_err(CallError::Decode),
        bytes => Err(CallError::TooLarge {
            bytes: length(bytes),
            limit: length(MAX_ANSWER_BYTES),
        }),
    }
}

/// A text of a plugin's, as much of it as people read.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let mut ends = (0..=MAX_TEXT_BYTES).rev();
        text.truncate(ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// A failure of a plugin's, as much of it as people read.
fn brief(error: CallError) -> CallError {
    match error {
        CallError::Failed(mut failure) => {
            failure.causes.truncate(MAX_CAUSES);
            let texts = failure.causes.iter_mut().chain([&mut failure.message]);
            texts.for_each(|text| *text = cut(std::mem::take(text)));
            CallError::Failed(failure)
        }
        error => error,
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

const MAX_ANSWER_BYTES: usize = 1 << 20;
const MAX_TEXT_BYTES: usize = 1024;
const MAX_CAUSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(cut("short".to_owned()), "short");
        for letter in ["a", "ä", "€", "😀"] {
            let text = cut(letter.repeat(2000));
            assert!(text.len() <= MAX_TEXT_BYTES + '…'.len_utf8());
            assert!(text.len() > MAX_TEXT_BYTES - 4 && text.ends_with('…'));
        }
    }
}
