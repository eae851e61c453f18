//! The steps of a new process on its way to the program, and how it tells of them.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_passcred;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use rustix::process::Pid;

/// A step that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Descriptors,
    Mount,
    Granted,
    Proc,
    Processes,
    CgroupNamespace,
    Keeper,
    Fork,
    Session,
    Limits,
    Identity,
    Directory,
    Parent,
    Privileges,
    Landlock,
    Filter,
    Execute,
}

impl Step {
    /// What it is to do, as it follows "cannot".
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Descriptors => "arrange its descriptors",
            Self::Mount => "mount its file system",
            Self::Granted => "mount what was granted",
            Self::Proc => "mount its /proc",
            Self::Processes => "show it the processes of the machine",
            Self::CgroupNamespace => "enter a cgroup namespace",
            Self::Keeper => "become the keeper of what it starts",
            Self::Fork => "fork the program's process",
            Self::Session => "begin a session",
            Self::Limits => "limit itself",
            Self::Identity => "give up its identity and rights",
            Self::Directory => "enter the working directory",
            Self::Parent => "make sure to end with its parent",
            Self::Privileges => "renounce further rights",
            Self::Landlock => "restrict itself by Landlock",
            Self::Filter => "filter its system calls",
            Self::Execute => "execute the program",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        ALL.into_iter().find(|step| *step as u8 == number)
    }
}

/// A step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) errno: Errno,
}

/// Names the step that an error belongs to.
pub(super) trait At<T> {
    fn at(self, step: Step) -> Result<T, Failure>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.map_err(|errno| Failure { step, errno })
    }
}

/// What the new process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// This is the process that will become the program; it waits for a word.
    Begun,
    /// Something was left out, which is no failure.
    LeftOut(Failure),
    /// It ends here.
    Failed(Failure),
}

/// A pair of sockets for reports. Each is a packet; the end of the file means that nobody is left who
/// could report, so that the program runs.
pub(super) fn channel() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
    // The system then says who has sent a packet, by the number that this process knows it by.
    set_socket_passcred(&ours, true)?;
    Ok((ours, theirs))
}

/// Sends a report. Only makes a system call.
pub(super) fn report(channel: impl AsFd, report: Report) {
    let (kind, failure) = match report {
        Report::Begun => (BEGUN, None),
        Report::LeftOut(failure) => (LEFT_OUT, Some(failure)),
        Report::Failed(failure) => (FAILED, Some(failure)),
    };
    let step = failure.map_or(0, |failure| failure.step as u8);
    let errno = failure.map_or(0, |failure| failure.errno.raw_os_error());
    let [a, b, ..] = errno.to_le_bytes();
    // Were the other end gone, this process would end soon, too.
    rustix::io::write(channel, &[kind, step, a, b]).ok();
}

/// Receives a report and its sender; `None` at the end.
pub(super) fn receive(channel: impl AsFd) -> io::Result<Option<(Report, Option<Pid>)>> {
    let mut packet = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut buffer = [IoSliceMut::new(&mut packet)];
        match recvmsg(
            &channel,
            &mut buffer,
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(Errno::INTR) => {}
            result => break result?.bytes,
        }
    };
    if received == 0 {
        return Ok(None);
    }
    let sender = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials.pid),
        _ => None,
    });
    let report = decode(packet).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Some((report, sender)))
}

fn decode([kind, step, a, b]: [u8; 4]) -> Option<Report> {
    if kind == BEGUN {
        return Some(Report::Begun);
    }
    let errno = Errno::from_raw_os_error(i32::from(u16::from_le_bytes([a, b])));
    let failure = Step::from_number(step).map(|step| Failure { step, errno })?;
    match kind {
        LEFT_OUT => Some(Report::LeftOut(failure)),
        FAILED => Some(Report::Failed(failure)),
        _ => None,
    }
}

const BEGUN: u8 = 1;
const LEFT_OUT: u8 = 2;
const FAILED: u8 = 3;

const ALL: [Step; 17] = [
    Step::Descriptors,
    Step::Mount,
    Step::Granted,
    Step::Proc,
    Step::Processes,
    Step::CgroupNamespace,
    Step::Keeper,
    Step::Fork,
    Step::Session,
    Step::Limits,
    Step::Identity,
    Step::Directory,
    Step::Parent,
    Step::Privileges,
    Step::Landlock,
    Step::Filter,
    Step::Execute,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_arrive_as_they_were_sent_with_their_sender() {
        let (ours, theirs) = channel().unwrap();
        let failure = |step| Failure {
            step,
            errno: Errno::NOTSUP,
        };
        let reports = ALL.into_iter().map(failure);
        let reports = reports.flat_map(|f| [Report::Begun, Report::LeftOut(f), Report::Failed(f)]);
        for sent in reports {
            report(&theirs, sent);
            let (received, sender) = receive(&ours).unwrap().unwrap();
            assert_eq!(received, sent);
            assert_eq!(sender, Some(rustix::process::getpid()));
        }
        drop(theirs);
        assert!(receive(&ours).unwrap().is_none());
    }
}
