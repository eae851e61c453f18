//! From bytes on a stream to entries.

use std::sync::{Arc, Mutex, PoisonError};

use crate::plugin::LogLevel;
use crate::plugin::host::logs::level::{Judge, Judgement, said};
use crate::plugin::host::logs::lines::Lines;
use crate::plugin::host::logs::store::Meter;
use crate::plugin::host::logs::tail::Tail;
use crate::plugin::host::logs::{LogEntry, LogSource, Logs};

/// Takes what an instance writes to one of its streams.
#[derive(Debug)]
pub(super) struct Intake {
    lines: Lines,
    /// Keeps the end of it, however fast it comes.
    tail: Option<Arc<Mutex<Tail>>>,
    listener: Listener,
}

/// Takes lines.
#[derive(Debug)]
struct Listener {
    logs: Logs,
    instance: u32,
    source: LogSource,
    judge: Judge,
    lines: Meter,
    /// What says why something crashed is not lost in a flood of other lines.
    reports: Meter,
}

impl Intake {
    pub(super) fn new(
        logs: &Logs,
        instance: u32,
        source: LogSource,
        tail: Option<Arc<Mutex<Tail>>>,
    ) -> Self {
        let config = logs.config();
        Self {
            lines: Lines::new(config.max_line_bytes),
            tail,
            listener: Listener {
                logs: logs.clone(),
                instance,
                source,
                judge: Judge::default(),
                lines: Meter::new(config),
                reports: Meter::of(REPORTS_PER_SECOND, REPORTS_BURST),
            },
        }
    }

    pub(super) fn take(&mut self, piece: &[u8]) {
        if let Some(tail) = &self.tail {
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.push(piece);
        }
        let listener = &mut self.listener;
        self.lines.take(piece, |line, cut| listener.hear(line, cut));
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        let listener = &mut self.listener;
        self.lines.finish(|line, cut| listener.hear(line, cut));
        let Listener {
            logs,
            instance,
            source,
            lines,
            ..
        } = listener;
        let dropped = lines.take_dropped();
        if dropped > 0 {
            let text = format!("{dropped} lines on {} were dropped", source.name());
            logs.note(*instance, LogLevel::Warn, text);
        }
    }
}

impl Listener {
    fn hear(&mut self, line: &[u8], cut_bytes: u64) {
        let Judgement { level, is_report } = match self.source {
            LogSource::Stderr => self.judge.judge(line),
            _ => Judgement {
                level: said(line),
                is_report: false,
            },
        };
        let now_ns = self.logs.now_ns();
        let report = is_report.then(|| self.reports.take(now_ns)).flatten();
        let Some(dropped) = report.or_else(|| self.lines.take(now_ns)) else {
            return self.logs.count_dropped(1);
        };
        let text = String::from_utf8_lossy(line).into_owned();
        let mut entry = LogEntry::line(self.instance, self.source, level, text);
        entry.cut_bytes = cut_bytes;
        entry.dropped = match report {
            Some(_) => self.lines.take_dropped(),
            None => dropped,
        };
        self.logs.push(entry);
    }
}

const REPORTS_PER_SECOND: u32 = 100;
const REPORTS_BURST: u32 = 500;
