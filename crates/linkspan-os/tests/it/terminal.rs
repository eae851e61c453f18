use std::fs::File;

use linkspan_os::terminal_size;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

#[test]
fn a_terminal_tells_its_size_and_when_it_changes() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    assert_eq!(terminal_size(&terminal), None, "nobody has told it");
    for (columns, rows) in [(80, 24), (213, 57)] {
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).unwrap();
        let seen = terminal_size(&terminal).unwrap();
        assert_eq!((seen.columns, seen.rows), (columns, rows));
    }
}

#[test]
fn a_file_is_no_terminal() {
    assert_eq!(terminal_size(tempfile::tempfile().unwrap()), None);
}
