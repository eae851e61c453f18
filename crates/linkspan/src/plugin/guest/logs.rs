//! Log records on their way to the host: whoever says one never waits.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::plugin::{LogRecord, LogValue};

/// Records that wait for room on the connection, up to a limit; what comes beyond that is counted.
#[derive(Debug, Default)]
pub(super) struct Logs {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    records: VecDeque<LogRecord>,
    bytes: usize,
    /// Records that were dropped since the last one that was kept.
    dropped: u64,
}

impl Logs {
    /// Adds a record, if there is room for it.
    pub(super) fn push(&self, mut record: LogRecord) {
        shorten(&mut record);
        let mut waiting = self.lock();
        let bytes = waiting.bytes + bytes_of(&record);
        if waiting.records.len() >= MOST_RECORDS || bytes > MOST_BYTES {
            waiting.dropped += 1;
            return;
        }
        record.dropped += std::mem::take(&mut waiting.dropped);
        waiting.bytes = bytes;
        waiting.records.push_back(record);
        drop(waiting);
        self.news.notify_one();
    }

    /// Waits for the next record. Nothing is lost when the future is dropped.
    pub(super) async fn next(&self) -> LogRecord {
        loop {
            if let Some(record) = self.take() {
                return record;
            }
            self.news.notified().await;
        }
    }

    /// The next record, if there is one.
    pub(super) fn take(&self) -> Option<LogRecord> {
        let mut waiting = self.lock();
        let record = waiting.records.pop_front()?;
        waiting.bytes -= bytes_of(&record);
        Some(record)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts texts that are longer than anybody reads.
fn shorten(record: &mut LogRecord) {
    cut(&mut record.message);
    cut(&mut record.target);
    for value in record.fields.values_mut() {
        if let LogValue::Text(text) = value {
            cut(text);
        }
    }
}

fn cut(text: &mut String) {
    let fits = (0..=LONGEST_TEXT_BYTES.min(text.len())).rev();
    let end = fits.into_iter().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
}

/// About what a record takes.
fn bytes_of(record: &LogRecord) -> usize {
    let fields = record.fields.iter().map(|(name, value)| {
        let text = match value {
            LogValue::Text(text) => text.len(),
            _ => 8,
        };
        name.len() + text
    });
    record.message.len() + record.target.len() + fields.sum::<usize>()
}

/// What may wait.
const MOST_RECORDS: usize = 1024;
const MOST_BYTES: usize = 256 * 1024;
const LONGEST_TEXT_BYTES: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::LogLevel;

    fn record(message: &str) -> LogRecord {
        LogRecord::new(LogLevel::Info, message)
    }

    #[test]
    fn what_finds_no_room_is_counted_by_the_next_that_does() {
        let logs = Logs::default();
        for number in 0..MOST_RECORDS + 5 {
            logs.push(record(&number.to_string()));
        }
        assert_eq!(logs.take(), Some(record("0")));
        logs.push(record("after"));
        let kept: Vec<_> = std::iter::from_fn(|| logs.take()).collect();
        assert_eq!(kept.len(), MOST_RECORDS);
        let (last, others) = kept.split_last().unwrap();
        assert!(others.iter().all(|record| record.dropped == 0));
        assert_eq!((last.message.as_str(), last.dropped), ("after", 5));
    }

    #[test]
    fn long_texts_are_cut_and_many_of_them_dropped() {
        let logs = Logs::default();
        for _ in 0..100 {
            logs.push(record(&"ä".repeat(20_000)));
        }
        let kept: Vec<_> = std::iter::from_fn(|| logs.take()).collect();
        assert_eq!(kept.len(), MOST_BYTES / LONGEST_TEXT_BYTES);
        assert!(kept.iter().all(|record| record.message.len() == 16_384));
        assert_eq!(logs.lock().bytes, 0);
    }
}
