//! How the program has ended, in the words of its parent, who tells it as the last thing.

use std::os::fd::AsFd;

/// How a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(i32),
}

/// Only makes a system call.
pub(super) fn tell(channel: impl AsFd, end: End) {
    let (kind, number) = match end {
        End::Code(code) => (CODE, code),
        End::Signal(signal) => (SIGNAL, signal),
    };
    let [a, b, c, d] = number.to_le_bytes();
    // Were the other end gone, nobody would want to know.
    rustix::io::write(channel, &[kind, a, b, c, d]).ok();
}

/// What was told; `None` if the parent ended without a word, as it was killed.
pub(super) fn heard(channel: impl AsFd) -> Option<End> {
    let mut told = [0; 5];
    let length = rustix::io::read(channel, &mut told).ok()?;
    let [kind, number @ ..] = told;
    let number = i32::from_le_bytes(number);
    match (length, kind) {
        (5, CODE) => Some(End::Code(number)),
        (5, SIGNAL) => Some(End::Signal(number)),
        _ => None,
    }
}

const CODE: u8 = 1;
const SIGNAL: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_heard_and_silence_is_none() {
        for end in [End::Code(0), End::Code(255), End::Signal(31)] {
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            tell(&writer, end);
            drop(writer);
            assert_eq!(heard(&reader), Some(end));
            assert_eq!(heard(&reader), None);
        }
    }
}
