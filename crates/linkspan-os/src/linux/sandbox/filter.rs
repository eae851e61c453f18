//! Filters of system calls.
//!
//! There are two, as each knows two answers: one refuses what is dangerous (EPERM) and lets all else
//! pass, the other lets pass what is known, the dangerous included, and answers ENOSYS to all else. A
//! call for another kind of machine ends the program.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::calls::{ALLOWED, ALLOWED_HERE, REFUSED, REFUSED_AMONG_FILES, REFUSED_AMONG_FILES_HERE};
use crate::sandbox::{Launch, Level, Network};

/// Filters in the order in which they are to be set up: the second forbids a third.
#[derive(Debug)]
pub(super) struct Filters(Vec<Vec<libc::sock_filter>>);

/// What tells one pair of filters from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    level: Level,
    connects: bool,
    /// Files in memory count with no process.
    has_memory_files: bool,
}

impl Kind {
    pub(super) fn of(launch: &Launch, has_cgroup: bool) -> Self {
        Self {
            level: launch.level,
            connects: launch.network != Network::Isolated,
            has_memory_files: has_cgroup || launch.limits.memory_bytes.is_none(),
        }
    }

    /// Whether it sees the files of others.
    fn is_among_files(self) -> bool {
        self.level < Level::Strict
    }

    fn number(self) -> usize {
        let bits = [self.is_among_files(), self.connects, self.has_memory_files];
        bits.into_iter()
            .fold(0, |all, bit| all * 2 + usize::from(bit))
    }
}

impl Filters {
    /// Made when they are first asked for; `None` on kinds of machines that filters cannot be made for.
    pub(super) fn of(kind: Kind) -> Option<&'static Self> {
        static MADE: [OnceLock<Option<Filters>>; 8] = [const { OnceLock::new() }; 8];
        let made = MADE.get(kind.number())?;
        made.get_or_init(|| Self::new(kind)).as_ref()
    }

    fn new(kind: Kind) -> Option<Self> {
        let machine = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let refuse = refuse(kind, machine).ok()?;
        let allow = allow(kind, machine).ok()?;
        Some(Self(vec![instructions(&refuse), instructions(&allow)]))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[libc::sock_filter]> {
        self.0.iter().map(Vec::as_slice)
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refuse(kind: Kind, machine: TargetArch) -> Result<BpfProgram, BackendError> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    if kind.is_among_files() {
        let calls = [REFUSED_AMONG_FILES, REFUSED_AMONG_FILES_HERE];
        rules.extend(calls.into_iter().flatten().map(|call| (*call, Vec::new())));
        // Without a path it is about a file that was opened.
        let has_path = SeccompCondition::new(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0)?;
        rules.insert(libc::SYS_utimensat, vec![all_of(vec![has_path])?]);
    }
    rules.insert(libc::SYS_prlimit64, vec![of_others(0)?]);
    rules.insert(libc::SYS_setpriority, vec![of_others(0)?, of_others(1)?]);
    rules.insert(libc::SYS_clone, namespaces()?);
    rules.insert(libc::SYS_ioctl, terminals()?);
    rules.insert(libc::SYS_socket, sockets(kind.connects)?);
    rules.insert(libc::SYS_socketpair, pairs()?);
    // Both would connect without being asked where.
    rules.insert(libc::SYS_sendto, vec![has_bits(3, FAST_OPEN)?]);
    rules.insert(libc::SYS_sendmsg, vec![has_bits(2, FAST_OPEN)?]);
    rules.insert(libc::SYS_sendmmsg, vec![has_bits(3, FAST_OPEN)?]);
    let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refusal, machine)?.try_into()
}

fn allow(kind: Kind, machine: TargetArch) -> Result<BpfProgram, BackendError> {
    let calls = [ALLOWED, ALLOWED_HERE, REFUSED].into_iter().flatten();
    let mut rules: Rules = calls.map(|call| (*call, Vec::new())).collect();
    if !kind.has_memory_files {
        rules.remove(&libc::SYS_memfd_create);
    }
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, unknown, SeccompAction::Allow, machine)?.try_into()
}

/// Another than this process, which is 0.
fn of_others(argument: u8) -> Result<SeccompRule, BackendError> {
    all_of(vec![condition(argument, SeccompCmpOp::Ne, 0)?])
}

/// New processes in new namespaces.
fn namespaces() -> Result<Vec<SeccompRule>, BackendError> {
    NAMESPACES
        .into_iter()
        .map(|flag| has_bits(0, flag))
        .collect()
}

/// Typing on behalf of whoever sits at a terminal.
fn terminals() -> Result<Vec<SeccompRule>, BackendError> {
    TERMINALS
        .into_iter()
        .map(|request| all_of(vec![condition(1, SeccompCmpOp::Eq, request)?]))
        .collect()
}

/// No rule at all refuses every socket.
fn sockets(connects: bool) -> Result<Vec<SeccompRule>, BackendError> {
    if !connects {
        return Ok(Vec::new());
    }
    let no_family = FAMILIES
        .into_iter()
        .map(|family| condition(0, SeccompCmpOp::Ne, family));
    let mut rules = vec![all_of(no_family.collect::<Result<_, _>>()?)?];
    // Streams alone, and TCP alone: Landlock does not see where others lead.
    rules.extend(kinds(&[DATAGRAM, RAW, RELIABLE, SEQUENCED, PACKET, DCCP])?);
    let no_protocol = PROTOCOLS
        .into_iter()
        .map(|protocol| condition(2, SeccompCmpOp::Ne, protocol));
    rules.push(all_of(no_protocol.collect::<Result<_, _>>()?)?);
    Ok(rules)
}

/// Pairs of datagram sockets, as those can send to any other by its path.
fn pairs() -> Result<Vec<SeccompRule>, BackendError> {
    // What is asked for as raw becomes one, too.
    let mut rules = kinds(&[DATAGRAM, RAW])?;
    rules.push(all_of(vec![condition(0, SeccompCmpOp::Ne, UNIX)?])?);
    Ok(rules)
}

fn kinds(kinds: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |kind: &u64| {
        let is_kind = condition(1, SeccompCmpOp::MaskedEq(KIND_MASK), *kind)?;
        all_of(vec![is_kind])
    };
    kinds.iter().map(rule).collect()
}

fn has_bits(argument: u8, bits: u64) -> Result<SeccompRule, BackendError> {
    let operator = SeccompCmpOp::MaskedEq(bits);
    all_of(vec![condition(argument, operator, bits)?])
}

fn all_of(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions)
}

/// The system looks at the lower half of all these arguments.
fn condition(
    argument: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
}

fn instructions(program: &BpfProgram) -> Vec<libc::sock_filter> {
    let instruction = |from: &seccompiler::sock_filter| libc::sock_filter {
        code: from.code,
        jt: from.jt,
        jf: from.jf,
        k: from.k,
    };
    program.iter().map(instruction).collect()
}

/// `CLONE_NEW*`, but that for time, which a process cannot be made in.
const NAMESPACES: [u64; 7] = [
    0x0002_0000,
    0x0200_0000,
    0x0400_0000,
    0x0800_0000,
    0x1000_0000,
    0x2000_0000,
    0x4000_0000,
];
/// `TIOCSTI`, `TIOCLINUX`, `TIOCSETD`.
const TERMINALS: [u64; 3] = [0x5412, 0x541c, 0x5423];
const UNIX: u64 = 1;
/// `AF_INET`, `AF_INET6`.
const FAMILIES: [u64; 2] = [2, 10];
/// Whatever is usual for streams, `IPPROTO_TCP`.
const PROTOCOLS: [u64; 2] = [0, 6];
const KIND_MASK: u64 = 0xf;
const DATAGRAM: u64 = 2;
const RAW: u64 = 3;
const RELIABLE: u64 = 4;
const SEQUENCED: u64 = 5;
const DCCP: u64 = 6;
const PACKET: u64 = 10;
/// `MSG_FASTOPEN`.
const FAST_OPEN: u64 = 0x2000_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_both_allowed_and_refused_and_none_is_there_twice() {
        let mut all = [ALLOWED, ALLOWED_HERE, REFUSED].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn both_fit_into_the_kernel() {
        for bits in 0..8 {
            let kind = Kind {
                level: [Level::Strict, Level::Basic][bits / 4],
                connects: bits & 2 != 0,
                has_memory_files: bits & 1 != 0,
            };
            assert_eq!(kind.number(), bits);
            let filters = Filters::of(kind).unwrap();
            let lengths: Vec<_> = filters.iter().map(<[_]>::len).collect();
            assert!(
                lengths.iter().all(|length| (10..4096).contains(length)),
                "{lengths:?}"
            );
        }
    }
}
