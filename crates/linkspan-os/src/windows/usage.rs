//! What this process costs.
#![expect(unsafe_code, reason = "calls the system")]

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;

use windows_sys::Win32::Foundation::{FILETIME, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetCurrentThread, GetProcessHandleCount, GetThreadTimes,
};

/// Processor time that the calling thread has used, as the system counts it: in steps of a clock
/// tick, about 16 ms.
pub fn thread_cpu_time() -> Duration {
    let mut times = [ZERO; 4];
    let [made, ended, kernel, user] = &mut times;
    // SAFETY: asks for nothing and always succeeds.
    let thread = unsafe { GetCurrentThread() };
    // SAFETY: the handle stands for the calling thread, and all four pointers are to locals. On
    // failure they keep their zeros.
    unsafe { GetThreadTimes(thread, made, ended, kernel, user) };
    duration(*kernel) + duration(*user)
}

/// The most memory that this process has had resident, in bytes.
pub fn peak_memory_bytes() -> Option<u64> {
    u64::try_from(memory()?.PeakWorkingSetSize).ok()
}

/// Memory that this process has resident now, in bytes.
pub fn resident_memory_bytes() -> Option<u64> {
    u64::try_from(memory()?.WorkingSetSize).ok()
}

/// How many handles this process has open.
pub fn open_descriptors() -> Option<usize> {
    // SAFETY: asks for nothing and always succeeds.
    let process = unsafe { GetCurrentProcess() };
    let mut count = 0;
    // SAFETY: the handle stands for this process, and the pointer is to a local.
    let result = unsafe { GetProcessHandleCount(process, &raw mut count) };
    (result != 0).then(|| usize::try_from(count).ok())?
}

/// How many threads this process has.
pub fn thread_count() -> Option<usize> {
    // SAFETY: no pointer is handed over.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return None;
    }
    // SAFETY: the call above has made the handle, and nobody else has it.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = THREADENTRY32 {
        dwSize: u32::try_from(size_of::<THREADENTRY32>()).ok()?,
        ..THREADENTRY32::default()
    };
    let own = std::process::id();
    let mut count = 0;
    // SAFETY: the snapshot is open, and the pointer is to a local that says how long it is.
    let mut found = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) };
    while found != 0 {
        count += usize::from(entry.th32OwnerProcessID == own);
        // SAFETY: likewise.
        found = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) };
    }
    Some(count)
}

fn memory() -> Option<PROCESS_MEMORY_COUNTERS> {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let bytes = u32::try_from(size_of_val(&counters)).ok()?;
    // SAFETY: asks for nothing and always succeeds.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the handle stands for this process; the system writes at most `bytes` bytes, which is
    // the size of the local.
    let result = unsafe { K32GetProcessMemoryInfo(process, &raw mut counters, bytes) };
    (result != 0).then_some(counters)
}

/// Such times count tenths of a microsecond.
fn duration(time: FILETIME) -> Duration {
    let ticks = (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime);
    Duration::from_nanos(ticks.saturating_mul(100))
}

const ZERO: FILETIME = FILETIME {
    dwLowDateTime: 0,
    dwHighDateTime: 0,
};
