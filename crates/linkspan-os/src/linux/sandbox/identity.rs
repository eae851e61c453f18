//! As whom a program runs: root finds an own user for each, others get a user namespace.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Gid, Pid, Uid, getegid, geteuid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use crate::sandbox::Identity;

/// How a new process becomes whom it is to be.
#[derive(Debug)]
pub(super) enum Change {
    /// It stays who it is.
    None,
    /// It stays who it is, without what that user may do beyond others.
    Stripped,
    /// It becomes another user.
    Switch(UidLease),
    /// It is in a user namespace where it is called `inside`.
    Namespace { inside: u32 },
}

impl Change {
    /// The best that this process can do.
    pub(super) fn choose(uids: &RangeInclusive<u32>) -> Self {
        if can_switch()
            && let Some(lease) = UidLease::new(uids)
        {
            return Self::Switch(lease);
        }
        let own = geteuid().as_raw();
        let inside = if own == 0 { NOBODY } else { own };
        Self::Namespace { inside }
    }

    pub(super) fn needs_namespace(&self) -> bool {
        matches!(self, Self::Namespace { .. })
    }

    pub(super) fn identity(&self) -> Identity {
        match self {
            Self::None | Self::Stripped => Identity::Same,
            Self::Switch(lease) => Identity::Own { uid: lease.0 },
            Self::Namespace { inside } => Identity::Namespace { uid: *inside },
        }
    }

    /// Writes who a new process in a user namespace is.
    pub(super) fn write_maps(&self, pid: Pid) -> io::Result<()> {
        let Self::Namespace { inside } = self else {
            return Ok(());
        };
        let directory = format!("/proc/{}", pid.as_raw_nonzero());
        // Otherwise an ordinary user may not name groups.
        fs::write(format!("{directory}/setgroups"), "deny")?;
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        fs::write(format!("{directory}/uid_map"), format!("{inside} {uid} 1"))?;
        fs::write(format!("{directory}/gid_map"), format!("{inside} {gid} 1"))
    }

    /// Makes this process that user, without any right, and keeps it from being looked into. Only
    /// makes system calls.
    pub(super) fn apply(&self) -> Result<(), Errno> {
        if matches!(self, Self::None) {
            return Ok(());
        }
        // Whoever has no right to it has nothing in it that could be used either.
        if !matches!(self, Self::Stripped) {
            drop_bounding_set()?;
        }
        if let Self::Switch(UidLease(number)) = self {
            let (uid, gid) = (Uid::from_raw(*number), Gid::from_raw(*number));
            set_thread_groups(&[])?;
            set_thread_res_gid(gid, gid, gid)?;
            set_thread_res_uid(uid, uid, uid)?;
        }
        let none = CapabilitySet::empty();
        set_capabilities(
            None,
            CapabilitySets {
                effective: none,
                permitted: none,
                inheritable: none,
            },
        )?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable)
    }
}

/// Not even a program with rights in its file gets those that are not in this set.
fn drop_bounding_set() -> Result<(), Errno> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(capability) {
            // There are no more.
            Err(Errno::INVAL) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

fn can_switch() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::SETPCAP;
    let is_able = |sets: CapabilitySets| sets.effective.contains(needed);
    geteuid().is_root() && capabilities(None).is_ok_and(is_able)
}

/// A user that no other program of this process is meanwhile.
#[derive(Debug)]
pub(super) struct UidLease(u32);

static LEASED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

impl UidLease {
    /// One of the range that exists in this process's user namespace, at random, so that other hosts
    /// hardly find the same; `None` if there is none.
    fn new(uids: &RangeInclusive<u32>) -> Option<Self> {
        let exists = |uid: &u32| *uid != 0 && is_mapped("uid", *uid) && is_mapped("gid", *uid);
        for _ in 0..64 {
            let uid = random_in(uids)?;
            if exists(&uid) && Self::take(uid) {
                return Some(Self(uid));
            }
        }
        uids.clone()
            .take(4096)
            .filter(exists)
            .find(|uid| Self::take(*uid))
            .map(Self)
    }

    fn take(uid: u32) -> bool {
        LEASED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(uid)
    }
}

impl Drop for UidLease {
    fn drop(&mut self) {
        let mut leased = LEASED.lock().unwrap_or_else(PoisonError::into_inner);
        leased.remove(&self.0);
    }
}

fn random_in(range: &RangeInclusive<u32>) -> Option<u32> {
    let count = u64::from(range.end().checked_sub(*range.start())?) + 1;
    let random = u64::from_le_bytes(crate::random_bytes().ok()?);
    let offset = u32::try_from(random % count).ok()?;
    range.start().checked_add(offset)
}

/// Whether the user namespace of this process knows a number.
fn is_mapped(kind: &str, id: u32) -> bool {
    let Ok(map) = fs::read_to_string(format!("/proc/self/{kind}_map")) else {
        return true;
    };
    map.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), _, Some(Ok(count))) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&id.into())
    })
}

const NOBODY: u32 = 65_534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_programs_never_are_the_same_user_at_the_same_time() {
        let range = 10_000..=10_003;
        let leases: Vec<_> = (0..4).map(|_| UidLease::new(&range).unwrap()).collect();
        let numbers: BTreeSet<_> = leases.iter().map(|lease| lease.0).collect();
        assert_eq!(numbers.len(), 4);
        assert!(UidLease::new(&range).is_none());
        drop(leases);
        assert!(UidLease::new(&range).is_some());
    }

    #[test]
    fn root_is_never_lent() {
        assert!(UidLease::new(&(0..=0)).is_none());
    }
}
