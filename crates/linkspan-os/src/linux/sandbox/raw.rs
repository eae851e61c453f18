//! System calls that rustix lacks, for a process that was forked off one with threads: nothing here
//! allocates or takes a lock.
#![expect(unsafe_code, reason = "calls the system")]

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::Pid;

/// Forks, into new namespaces if `flags` say so. `None` is the answer in the child.
///
/// The child has one thread, which goes on on a copy of this one's stack. It does not signal its end,
/// so that whoever waits for any child, or for none, does not take it from us.
pub(super) fn fork_with_handle(flags: libc::c_int) -> Result<Option<(Pid, OwnedFd)>, Errno> {
    let mut handle: RawFd = -1;
    let flags = flags | libc::CLONE_PIDFD;
    // SAFETY: without CLONE_VM the child has a copy of all memory, and so of the stack. The pointer
    // is to a local, to which the system writes the descriptor.
    let result = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut handle, 0, 0) };
    match checked(result).map(pid)? {
        None => Ok(None),
        // SAFETY: the system has just opened it for this process.
        Some(pid) => Ok(Some((pid, unsafe { OwnedFd::from_raw_fd(handle) }))),
    }
}

/// Forks a process that goes on with `body` in the memory of this one, on a stack of its own. This one
/// waits until that has become a program or has ended: so no memory is copied for a process that soon
/// has none of it.
pub(super) fn fork_into<T>(value: &T, body: fn(&T) -> !) -> Result<Pid, Errno> {
    let mut stack = Stack([MaybeUninit::uninit(); STACK_BYTES]);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let end = stack.0.as_mut_ptr_range().end.cast();
    let task = Task { value, body };
    let argument = (&raw const task).cast_mut().cast();
    // SAFETY: stack and task outlive the child's use of them, as this process, which has one thread,
    // goes on only then.
    let result = unsafe { libc::clone(begin::<T>, end, flags, argument) };
    let result = checked(result.into())?;
    pid(result).ok_or(Errno::INVAL)
}

struct Task<'a, T> {
    value: &'a T,
    body: fn(&T) -> !,
}

/// Aligned as machines want it.
#[repr(align(16))]
struct Stack([MaybeUninit<u8>; STACK_BYTES]);

extern "C" fn begin<T>(task: *mut libc::c_void) -> libc::c_int {
    // SAFETY: it is what was given to `clone` above, and its type is the same.
    let task = unsafe { &*task.cast::<Task<'_, T>>() };
    (task.body)(task.value)
}

/// Becomes the program that `file` is; returns only if that fails.
pub(super) fn execute(file: BorrowedFd<'_>, arguments: &Strings, environment: &Strings) -> Errno {
    // SAFETY: both lists end with a null pointer and lead to texts that live on.
    let result = unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    checked(result).err().unwrap_or(Errno::INVAL)
}

/// Ends this process without running anything that belongs to the one it is a copy of.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: runs no handlers and no destructors.
    unsafe { libc::_exit(code) }
}

/// Closes all descriptors but these, whose numbers ascend.
pub(super) fn close_all_but(kept: &[RawFd]) -> Result<(), Errno> {
    let mut first = 0;
    for &number in kept {
        if first < number {
            change_range(first, number - 1, 0)?;
        }
        first = number + 1;
    }
    change_range(first, RawFd::MAX, 0)
}

/// Lets the next program have no descriptor from `first` on.
pub(super) fn close_on_exec_from(first: RawFd) -> Result<(), Errno> {
    change_range(first, RawFd::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

fn change_range(first: RawFd, last: RawFd, flags: u32) -> Result<(), Errno> {
    // SAFETY: nothing of this process uses the descriptors any more.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    match checked(result).map(drop) {
        Err(Errno::NOSYS) => change_one_by_one(first, last, flags),
        result => result,
    }
}

/// For kernels before 5.9, and containers that do not know the call.
fn change_one_by_one(first: RawFd, last: RawFd, flags: u32) -> Result<(), Errno> {
    for number in first..=last.min(MAX_DESCRIPTOR) {
        if flags == 0 {
            // SAFETY: as above; numbers that are none are refused.
            unsafe { libc::close(number) };
        } else {
            // SAFETY: sets a flag; numbers that are none are refused.
            unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// Makes `number` another name of `descriptor`, which the next program inherits.
pub(super) fn inherit_as(descriptor: BorrowedFd<'_>, number: RawFd) -> Result<(), Errno> {
    // SAFETY: nothing of this process uses the number any more.
    let result = unsafe { libc::dup2(descriptor.as_raw_fd(), number) };
    checked(result.into()).map(drop)
}

pub(super) fn close(number: RawFd) {
    // SAFETY: nothing of this process uses the number any more.
    unsafe { libc::close(number) };
}

/// Adds restrictions to the mount at `path`.
pub(super) fn restrict_mount(from: impl AsFd, path: &CStr, set: u64) -> Result<(), Errno> {
    set_attributes(from.as_fd(), path, set, 0)
}

/// Adds restrictions to a tree of mounts that was opened.
pub(super) fn restrict_mounts(tree: impl AsFd, set: u64) -> Result<(), Errno> {
    set_attributes(tree.as_fd(), c"", set, AT_RECURSIVE | libc::AT_EMPTY_PATH)
}

fn set_attributes(
    from: BorrowedFd<'_>,
    path: &CStr,
    set: u64,
    flags: libc::c_int,
) -> Result<(), Errno> {
    let attributes = MountAttributes {
        set,
        clear: 0,
        propagation: 0,
        user_namespace: 0,
    };
    // SAFETY: both pointers are to what lives on, and the size is that of the second.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            from.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    checked(result).map(drop)
}

/// Sees the cgroup that it is in as the first from now on.
pub(super) fn enter_cgroup_namespace() -> Result<(), Errno> {
    // SAFETY: touches no memory.
    let result = unsafe { libc::unshare(libc::CLONE_NEWCGROUP) };
    checked(result.into()).map(drop)
}

/// Lets a filter decide on all further system calls of this process.
pub(super) fn filter_calls(filter: &[libc::sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::INVAL)?,
        filter: filter.as_ptr().cast_mut(),
    };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the pointer is to a local that leads to `len` instructions; they are only read.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, &raw const program) };
    checked(result).map(drop)
}

/// Holds all signals back on the calling thread, and on what is forked off it.
pub(super) fn block_signals() {
    let all = all_signals();
    // SAFETY: the set lives on, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut()) };
}

/// A descriptor from which signals are read that are held back.
pub(super) fn signal_descriptor() -> Result<OwnedFd, Errno> {
    let all = all_signals();
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: the set lives on.
    let number = unsafe { libc::signalfd(-1, &raw const all, flags) };
    checked(number.into())?;
    // SAFETY: the system has just opened it for this process.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Takes the next signal that was held back; `None` if there is none.
pub(super) fn next_signal(descriptor: &OwnedFd) -> Option<i32> {
    let mut information = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the pointer leads to that many bytes.
    let length = unsafe {
        libc::read(
            descriptor.as_raw_fd(),
            information.as_mut_ptr().cast(),
            size,
        )
    };
    if usize::try_from(length) != Ok(size) {
        return None;
    }
    // SAFETY: it is made of numbers, all of which were read.
    let information = unsafe { information.assume_init() };
    i32::try_from(information.ssi_signo).ok()
}

fn all_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the pointer is to a local of that type.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: the call above has initialised it; it cannot fail.
    unsafe { set.assume_init() }
}

/// Texts as the system takes them: pointers to them, and a null pointer.
#[derive(Debug)]
pub(super) struct Strings {
    pointers: Vec<*const c_char>,
    /// What the pointers lead to.
    _texts: Vec<std::ffi::CString>,
}

// SAFETY: the pointers lead to what it owns, which nobody changes.
unsafe impl Send for Strings {}

impl Strings {
    pub(super) fn new(texts: Vec<std::ffi::CString>) -> Self {
        let pointers = texts.iter().map(|text| text.as_ptr());
        Self {
            pointers: pointers.chain([ptr::null()]).collect(),
            _texts: texts,
        }
    }

    fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// `struct mount_attr` of the kernel.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

pub(super) fn checked(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result == -1 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL));
    }
    Ok(result)
}

fn pid(number: libc::c_long) -> Option<Pid> {
    i32::try_from(number).ok().and_then(Pid::from_raw)
}

pub(super) const READ_ONLY: u64 = 1;
pub(super) const NO_SUID: u64 = 2;
pub(super) const NO_DEVICES: u64 = 4;
pub(super) const NO_EXECUTION: u64 = 8;
const AT_RECURSIVE: libc::c_int = 0x8000;
const STACK_BYTES: usize = 64 << 10;
const MAX_DESCRIPTOR: RawFd = 65_536;
