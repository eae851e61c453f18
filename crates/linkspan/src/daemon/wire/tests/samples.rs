//! The messages that docs/protocol.md shows.

use std::time::Duration;

use bytes::Bytes;

use crate::daemon::wire::{
    Accepted, Busy, Cancel, CancelReason, Chunk, Colours, Command, CommandError, ControlReply,
    ControlRequest, Credit, DaemonIdentity, DaemonState, DaemonStatus, Exit, FromClient,
    FromDaemon, LogTail, Outcome, Refusal, RequestId, Resize, Role, Signal, Size, Stream, Verb,
    VersionCheck,
};

/// What a client says, by the names of the golden blocks.
pub(super) fn from_client() -> Vec<(&'static str, FromClient)> {
    let input = Chunk::new(1, Bytes::from_static(b"teh\n"));
    vec![
        (
            "version-check-client",
            FromClient::VersionCheck(Box::new(version_check(Role::Client))),
        ),
        ("command", FromClient::Command(Box::new(command()))),
        ("stdin", FromClient::Stdin(input)),
        ("stdin-end", FromClient::Stdin(Chunk::new(1, Bytes::new()))),
        (
            "credit-stdout",
            FromClient::Credit(Credit::new(1, Stream::Stdout, 262_144)),
        ),
        (
            "cancel",
            FromClient::Cancel(Cancel::new(1, CancelReason::Interrupt)),
        ),
        (
            "resize",
            FromClient::Resize(Resize::new(1, Size::new(120, 50))),
        ),
        ("signal", FromClient::Signal(Signal::new(1, 10))),
        (
            "control-identify",
            FromClient::Control(ControlRequest::new(Verb::Identify)),
        ),
        ("control-stop", FromClient::Control(stop())),
        ("control-logs", FromClient::Control(logs())),
    ]
}

/// What a daemon says.
pub(super) fn from_daemon() -> Vec<(&'static str, FromDaemon)> {
    let output = Chunk::new(1, Bytes::from_static(b"the\n"));
    let warning = Chunk::new(1, Bytes::from_static(b"1 word\n"));
    let causes = ["no such file".to_owned()];
    let error = CommandError::new(2, "cannot read words.txt", causes);
    let full = Duration::from_millis(250);
    let mut messages = vec![
        (
            "version-check-daemon",
            FromDaemon::VersionCheck(Box::new(version_check(Role::Daemon))),
        ),
        ("accepted", FromDaemon::Accepted(Accepted::new(1))),
        ("stdout", FromDaemon::Stdout(output)),
        ("stderr", FromDaemon::Stderr(warning)),
        (
            "credit-stdin",
            FromDaemon::Credit(Credit::new(1, Stream::Stdin, 65_536)),
        ),
        ("command-error", FromDaemon::CommandError(error)),
        ("busy-command", busy(Some(4), full, "8 commands run")),
        ("busy-connection", busy(None, full, "100 connections")),
        (
            "control-identity",
            FromDaemon::Control(Box::new(identity())),
        ),
        ("control-status", FromDaemon::Control(Box::new(status()))),
        ("control-log", FromDaemon::Control(Box::new(log()))),
        ("control-error", FromDaemon::Control(Box::new(unknown()))),
    ];
    messages.extend(exits());
    messages
}

fn exits() -> impl Iterator<Item = (&'static str, FromDaemon)> {
    let (refusal, message) = (Refusal::Draining, "build b7 takes over".to_owned());
    let broken = "the handler panicked".to_owned();
    let exits = [
        ("exit-code", Outcome::Code { code: 3 }),
        ("exit-signal", Outcome::Signal { signal: 2 }),
        ("exit-cancelled", Outcome::Cancelled),
        ("exit-refused", Outcome::Refused { refusal, message }),
        ("exit-aborted", Outcome::Aborted { message: broken }),
    ];
    let exit = |(name, outcome)| (name, FromDaemon::Exit(Exit::new(1, outcome)));
    exits.into_iter().map(exit)
}

fn version_check(role: Role) -> VersionCheck {
    let mut check = VersionCheck::new(role, "spell", "b7");
    check.build_timestamp_ms = Some(1_767_225_600_000);
    check.pid = Some(4711);
    check
}

fn command() -> Command {
    let bytes = Bytes::from_static;
    let mut command = Command::new(1, RequestId(*b"0123456789abcdef"));
    command.arguments = vec![bytes(b"spell"), bytes(b"\xff.txt")];
    command.cwd = bytes(b"/tmp");
    command.environment = vec![(bytes(b"LANG"), bytes(b"C"))];
    command.terminal.size = Some(Size::new(80, 24));
    command.terminal.colours = Colours::Ansi256;
    command.terminal.term = bytes(b"xterm");
    command.terminal.is_stdout = true;
    command.payload = bytes(b"\xc0");
    command.has_stdin = true;
    command
}

fn stop() -> ControlRequest {
    let mut request = ControlRequest::new(Verb::Stop);
    request.drain_ms = Some(30_000);
    request
}

fn logs() -> ControlRequest {
    let mut request = ControlRequest::new(Verb::Logs);
    request.tail_bytes = Some(4096);
    request
}

fn busy(command: Option<u32>, retry_after: Duration, reason: &str) -> FromDaemon {
    FromDaemon::Busy(Busy::new(command, retry_after, reason))
}

fn identity() -> ControlReply {
    let mut identity = DaemonIdentity::new("spell", 4711, VersionCheck::VERSIONS);
    identity.build_id = "b7".to_owned();
    identity.executable = Bytes::from_static(b"/usr/bin/spell");
    let mut reply = ControlReply::new(Verb::Identify);
    reply.identity = Some(identity);
    reply
}

fn status() -> ControlReply {
    let status = DaemonStatus {
        state: DaemonState::Accepting,
        started_ms: 1_767_225_600_000,
        connections: 2,
        commands: 1,
        commands_total: 40,
        memory_bytes: 4_194_304,
        ..DaemonStatus::default()
    };
    let mut reply = ControlReply::new(Verb::Status);
    reply.status = Some(status);
    reply
}

fn log() -> ControlReply {
    let path = Bytes::from_static(b"/run/user/1000/spell.log");
    let mut reply = ControlReply::new(Verb::Logs);
    reply.log = Some(LogTail::new(path, Bytes::from_static(b"ready\n")));
    reply
}

fn unknown() -> ControlReply {
    let mut reply = ControlReply::new(Verb::Unknown);
    reply.error = Some("this verb is not known".to_owned());
    reply
}
