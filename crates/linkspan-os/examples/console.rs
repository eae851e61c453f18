//! Types ^C or ^Break into the console of another process, as its user would, and prints which
//! processes share that console. For the tests; only on Windows there is something to do.
//!
//! `cargo run -p linkspan-os --example console -- PID c|break|look`
#![cfg_attr(windows, expect(unsafe_code, reason = "calls the system"))]

#[cfg(windows)]
fn main() -> std::io::Result<()> {
    windows::main()
}

#[cfg(not(windows))]
fn main() {}

#[cfg(windows)]
mod windows {
    use std::env;
    use std::fs::File;
    use std::io;
    use std::os::windows::io::AsRawHandle;

    use windows_sys::Win32::System::Console::{
        AttachConsole, CTRL_BREAK_EVENT, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent,
        GetConsoleProcessList, INPUT_RECORD, KEY_EVENT, LEFT_CTRL_PRESSED, SetConsoleCtrlHandler,
        WriteConsoleInputW,
    };

    pub(super) fn main() -> io::Result<()> {
        let mut arguments = env::args().skip(1);
        let pid = arguments.next().and_then(|text| text.parse().ok());
        let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
        attach(pid)?;
        let text: Vec<_> = processes()?.iter().map(u32::to_string).collect();
        print(&text.join(" "));
        match arguments.next().as_deref() {
            // Wine knows that key only as one that is typed.
            Some("c") => press(CTRL_C_EVENT).or_else(|_| type_interrupt()),
            Some("break") => press(CTRL_BREAK_EVENT),
            _ => Ok(()),
        }
    }

    /// Leaves the console that this process has, if any, and comes to that of another.
    fn attach(pid: u32) -> io::Result<()> {
        // SAFETY: no pointer is handed over. It fails if there is none to leave.
        unsafe { FreeConsole() };
        // SAFETY: no pointer is handed over.
        check(unsafe { AttachConsole(pid) })
    }

    fn processes() -> io::Result<Vec<u32>> {
        let mut pids = [0; 64];
        // SAFETY: the pointer leads to a local that has room for so many.
        let count = unsafe { GetConsoleProcessList(pids.as_mut_ptr(), 64) };
        let count = usize::try_from(count).map_err(io::Error::other)?;
        match pids.get(..count) {
            None | Some([]) => Err(io::Error::last_os_error()),
            Some(pids) => Ok(pids.to_vec()),
        }
    }

    /// To all processes of the console; this one does not care.
    fn press(event: u32) -> io::Result<()> {
        // SAFETY: the handler is code of this program, which does nothing.
        check(unsafe { SetConsoleCtrlHandler(Some(ignore), 1) })?;
        // SAFETY: no pointer is handed over.
        check(unsafe { GenerateConsoleCtrlEvent(event, 0) })
    }

    fn type_interrupt() -> io::Result<()> {
        let console = File::options().read(true).write(true).open("CONIN$")?;
        let mut record = INPUT_RECORD {
            EventType: u16::try_from(KEY_EVENT).map_err(io::Error::other)?,
            ..INPUT_RECORD::default()
        };
        // SAFETY: the type says that it is a key, and any bits are one.
        let key = unsafe { &mut record.Event.KeyEvent };
        key.bKeyDown = 1;
        key.wRepeatCount = 1;
        key.wVirtualKeyCode = u16::from(b'C');
        key.uChar.UnicodeChar = u16::from(b'C' & 0x1F);
        key.dwControlKeyState = LEFT_CTRL_PRESSED;
        let mut written = 0;
        // SAFETY: the console is open, and both pointers are to locals.
        check(unsafe {
            WriteConsoleInputW(
                console.as_raw_handle(),
                &raw const record,
                1,
                &raw mut written,
            )
        })
    }

    extern "system" fn ignore(_: u32) -> i32 {
        1
    }

    fn check(result: i32) -> io::Result<()> {
        match result {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    #[expect(clippy::print_stdout, reason = "it is a program")]
    fn print(text: &str) {
        println!("{text}");
    }
}
