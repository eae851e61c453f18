//! What a daemon's files, locks and answer come to.

use std::time::{Duration, SystemTime};

use linkspan::daemon::wire::{ControlReply, ControlRequest, DaemonState, DaemonStatus, Verb};
use linkspan::daemon::{ClientError, DaemonEntry};

/// What a daemon does with new commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Accepting,
    /// It only finishes those that run.
    Draining,
    /// It is there and does not answer.
    Silent,
    /// It is no more.
    Gone,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::Draining => "draining",
            Self::Silent => "silent",
            Self::Gone => "gone",
        }
    }
}

/// A daemon with its answer, if it gave one.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) entry: DaemonEntry,
    answer: Result<Option<ControlReply>, ClientError>,
}

impl Seen {
    /// Asks a daemon how it is doing.
    pub(super) async fn ask(entry: DaemonEntry) -> Self {
        let answer = entry.ask(ControlRequest::new(Verb::Status)).await;
        Self { entry, answer }
    }

    pub(super) fn state(&self) -> State {
        match (self.status().map(|status| status.state), &self.answer) {
            (Some(DaemonState::Draining), _) => State::Draining,
            (Some(_), _) => State::Accepting,
            (None, Ok(None)) if !self.entry.is_running() => State::Gone,
            (None, _) => State::Silent,
        }
    }

    pub(super) fn status(&self) -> Option<&DaemonStatus> {
        self.reply()?.status.as_ref()
    }

    pub(super) fn reply(&self) -> Option<&ControlReply> {
        self.answer.as_ref().ok()?.as_ref()
    }

    /// Its answer, or why there is none.
    pub(super) fn into_answer(self) -> Result<Option<ControlReply>, ClientError> {
        self.answer
    }

    /// Its process; that of the last one, if it is gone.
    pub(super) fn pid(&self) -> Option<u32> {
        let said = self.reply().and_then(|reply| reply.identity.as_ref());
        let last = self.entry.last_run().map(|last| last.pid);
        let last = last.filter(|_| self.state() == State::Gone);
        said.map(|identity| identity.pid)
            .or_else(|| self.entry.pid())
            .or(last)
    }

    /// Its build; that of the last one, if it does not say.
    pub(super) fn build(&self) -> Option<&str> {
        let said = self.reply().and_then(|reply| reply.identity.as_ref());
        let said = said.map(|identity| identity.build_id.as_str());
        said.or_else(|| Some(self.entry.last_run()?.build_id.as_str()))
    }

    /// For how long it has been running.
    pub(super) fn uptime(&self) -> Option<Duration> {
        self.status().map(|status| since_ms(status.started_ms))
    }
}

/// The time since a point in milliseconds since 1970.
pub(super) fn since_ms(started_ms: u64) -> Duration {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    now.saturating_sub(Duration::from_millis(started_ms))
}
