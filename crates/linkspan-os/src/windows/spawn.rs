//! Starting daemons: a process without a window, that inherits what it is given and nothing else.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::OpenOptions;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_ACCESS_DENIED, TRUE,
};
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW,
    CREATE_UNICODE_ENVIRONMENT, CreateProcessW, EXTENDED_STARTUPINFO_PRESENT, GetCurrentProcess,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOEXW, STARTUPINFOW,
};

use crate::windows::command_line::{command_line, environment_block, system_directory};
use crate::windows::handle_list::HandleList;
use crate::windows::process::facts_of;
use crate::windows::ready::VARIABLE;
use crate::windows::text::wide;
use crate::windows::token::check;
use crate::{Process, Spawn};

pub(crate) use crate::windows::ready::ReadyReceiver;

pub(crate) fn spawn(spawn: &Spawn) -> io::Result<(Process, ReadyReceiver)> {
    let (reader, writer) = io::pipe()?;
    let ready = inheritable(&writer)?;
    drop(writer);
    let process = start(spawn, &ready)?;
    // From here on only the daemon has the other end, so that its death is seen.
    drop(ready);
    Ok((process, ReadyReceiver::new(reader)?))
}

fn start(spawn: &Spawn, ready: &OwnedHandle) -> io::Result<Process> {
    let nothing = inheritable(&OpenOptions::new().read(true).open("NUL")?)?;
    let log = inheritable(&spawn.log)?;
    let list = HandleList::new(vec![
        nothing.as_raw_handle(),
        log.as_raw_handle(),
        ready.as_raw_handle(),
    ])?;
    let startup = STARTUPINFOEXW {
        StartupInfo: STARTUPINFOW {
            cb: u32::try_from(size_of::<STARTUPINFOEXW>()).map_err(io::Error::other)?,
            dwFlags: STARTF_USESTDHANDLES,
            hStdInput: nothing.as_raw_handle(),
            hStdOutput: log.as_raw_handle(),
            hStdError: log.as_raw_handle(),
            ..STARTUPINFOW::default()
        },
        lpAttributeList: list.as_ptr(),
    };
    let number = ready.as_raw_handle().expose_provenance();
    let variable = (VARIABLE.into(), number.to_string().into());
    let environment = environment_block(spawn.environment.iter().chain([&variable]))?;
    let texts = Texts {
        program: wide(&spawn.program),
        arguments: command_line(&spawn.program, &spawn.arguments)?,
        environment,
        directory: wide(system_directory()?),
    };
    match create(&texts, &startup, FLAGS | CREATE_BREAKAWAY_FROM_JOB) {
        // The job of this process does not let go.
        Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed()) => {
            create(&texts, &startup, FLAGS)
        }
        created => created,
    }
}

/// What a process is made of, all with a zero at the end.
struct Texts {
    program: Vec<u16>,
    arguments: Vec<u16>,
    environment: Vec<u16>,
    directory: Vec<u16>,
}

fn create(texts: &Texts, startup: &STARTUPINFOEXW, flags: u32) -> io::Result<Process> {
    let mut made = PROCESS_INFORMATION::default();
    // The system writes to it.
    let mut arguments = texts.arguments.clone();
    // SAFETY: all texts end with a zero and live on, the list of `startup` does, too, and its handles
    // are open; the flag says that it is of the longer sort.
    check(unsafe {
        CreateProcessW(
            texts.program.as_ptr(),
            arguments.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            TRUE,
            flags,
            texts.environment.as_ptr().cast(),
            texts.directory.as_ptr(),
            (&raw const *startup).cast(),
            &raw mut made,
        )
    })?;
    // SAFETY: the call above has made the handle, and nobody else has it.
    drop(unsafe { OwnedHandle::from_raw_handle(made.hThread) });
    // SAFETY: likewise.
    let process = unsafe { OwnedHandle::from_raw_handle(made.hProcess) };
    let start_time = facts_of(&process)?.start_time;
    Ok(Process::from_parts(made.dwProcessId, start_time, None))
}

/// A handle to the same object that a child may inherit. Between here and its drop, other children
/// that inherit everything have it, too.
fn inheritable(object: &impl AsHandle) -> io::Result<OwnedHandle> {
    let mut copy: RawHandle = ptr::null_mut();
    let source = object.as_handle().as_raw_handle();
    // SAFETY: asks for nothing and always succeeds.
    let own = unsafe { GetCurrentProcess() };
    // SAFETY: the handle is open as long as it is borrowed, the others stand for this process, and
    // the pointer is to a local.
    check(unsafe {
        DuplicateHandle(
            own,
            source,
            own,
            &raw mut copy,
            0,
            TRUE,
            DUPLICATE_SAME_ACCESS,
        )
    })?;
    // SAFETY: the call above has made the handle, and nobody else has it.
    Ok(unsafe { OwnedHandle::from_raw_handle(copy) })
}

const FLAGS: u32 = CREATE_NO_WINDOW
    | CREATE_NEW_PROCESS_GROUP
    | CREATE_UNICODE_ENVIRONMENT
    | EXTENDED_STARTUPINFO_PRESENT;
