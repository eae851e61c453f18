//! What guests do: one thing each, which the system lets them or not.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::process::{Command, exit};

use rustix::process::{Pid, test_kill_process};

static ONES: [u8; 1 << 20] = [1; 1 << 20];

/// The exit code of one that was refused.
pub(super) const REFUSED: i32 = 10;

/// Does what `action` says, and ends with the answer.
pub(super) fn act(action: &str) {
    let mut words = action.split(' ');
    let name = words.next().unwrap();
    let word = words.next().unwrap_or_default();
    match name {
        "reads" => answer(fs::read(word).map(drop)),
        "lists" => answer(fs::read_dir(word).map(drop)),
        "writes" => answer(fs::write(word, "was here")),
        "relinks" => answer(relink(word, words.next().unwrap())),
        "connects-tcp" => answer(TcpStream::connect(word).map(drop)),
        "connects-unix" => answer(UnixStream::connect(word).map(drop)),
        "connects-abstract" => answer(connect_abstract(word)),
        "sends-datagram" => answer(send_datagram(word)),
        "signals" => answer(signal(word)),
        "forks" => fork_much(word),
        "allocates" => allocate(word.parse().unwrap()),
        "shares" => share(word.parse().unwrap()),
        "fills" => fill(word),
        "leaves" => leave(word),
        "stays" => stay(word),
        "breeds" => breed(word),
        "echoes" => echo(),
        "shows" => show(),
        _ => panic!("there is no action {name}"),
    }
}

fn answer(result: io::Result<()>) -> ! {
    match result {
        Ok(()) => exit(0),
        Err(error) => {
            eprintln!("{error}");
            exit(REFUSED)
        }
    }
}

/// Puts a link where a directory was.
fn relink(path: &str, to: &str) -> io::Result<()> {
    fs::remove_dir(path)?;
    symlink(to, path)
}

fn connect_abstract(name: &str) -> io::Result<()> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?).map(drop)
}

/// A pair can be made where single sockets cannot, and can send to any other by its path.
fn send_datagram(path: &str) -> io::Result<()> {
    let (socket, _other) = UnixDatagram::pair()?;
    socket.send_to(b"hello", path).map(drop)
}

fn signal(pid: &str) -> io::Result<()> {
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    Ok(test_kill_process(pid)?)
}

fn fork_much(marker: &str) -> ! {
    let mut started = 0;
    for _ in 0..10_000 {
        match Command::new("/usr/bin/sleep").arg(marker).spawn() {
            Ok(_) => started += 1,
            Err(error) => {
                println!("started {started}: {error}");
                exit(REFUSED);
            }
        }
    }
    exit(0)
}

fn allocate(megabytes: usize) -> ! {
    let mut pieces = Vec::new();
    for _ in 0..megabytes {
        let mut piece: Vec<u8> = Vec::new();
        if piece.try_reserve_exact(1 << 20).is_err() {
            exit(REFUSED);
        }
        piece.extend_from_slice(&ONES);
        pieces.push(piece);
    }
    exit(0)
}

/// Takes memory in as many processes as megabytes are in a hundred, each below the limit of one.
fn share(megabytes: usize) -> ! {
    let piece = vec![1_u8; 100 << 20];
    if megabytes > 100 {
        let rest = format!("shares {}", megabytes - 100);
        let mut next = Command::new(std::env::args().next().unwrap());
        let next = next.args(crate::child::ARGUMENTS);
        next.env(crate::child::ARGUMENT, rest).status().unwrap();
    }
    crate::child::stay();
    exit(i32::from(piece.is_empty()))
}

fn fill(path: &str) -> ! {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let mut written = 0;
    loop {
        match file.write(&[1; 1 << 16]) {
            Ok(count) => written += count,
            Err(error) => {
                println!("wrote {written}: {error}");
                exit(REFUSED);
            }
        }
    }
}

/// Ends, but not before a grandchild in a session of its own runs.
fn leave(marker: &str) -> ! {
    let script = format!("setsid /usr/bin/sleep {marker} </dev/null >/dev/null 2>&1 & echo left");
    let status = Command::new("/bin/sh").args(["-c", &script]).status();
    exit(if status.unwrap().success() { 0 } else { 1 })
}

/// Stays, with a grandchild in a session of its own; deaf if it is to be.
fn stay(words: &str) -> ! {
    let (marker, trap) = match words.split_once(',') {
        Some((marker, "deaf")) => (marker, "trap '' TERM;"),
        _ => (words, ""),
    };
    let sleep = format!("/usr/bin/sleep {marker}");
    let script = format!("{trap} setsid {sleep} >/dev/null 2>&1 & {trap} echo ready; exec {sleep}");
    let error =
        std::os::unix::process::CommandExt::exec(Command::new("/bin/sh").args(["-c", &script]));
    panic!("{error}")
}

/// Starts processes that nobody is the parent of any more, in sessions of their own, and that ignore
/// what they can; a while as fast as it can.
fn breed(marker: &str) -> ! {
    let script = "trap '' HUP INT TERM; count=0; while [ $count -lt 40 ]; do \
                  (setsid sh -c 'trap \"\" TERM; /usr/bin/sleep $0 & exec /usr/bin/sleep $0' $0 &) \
                  >/dev/null 2>&1; count=$((count + 1)); done; exec /usr/bin/sleep $0";
    let mut shell = Command::new("/bin/sh");
    let error = std::os::unix::process::CommandExt::exec(shell.args(["-c", script, marker]));
    panic!("{error}")
}

/// Sends back what comes on descriptor 3.
fn echo() -> ! {
    let mut channel = OpenOptions::new().read(true).write(true).open("/dev/fd/3");
    if channel.is_err() {
        // Sockets cannot be opened again, so whoever has one asks a program that takes a number.
        let status = Command::new("/bin/sh").args(["-c", "cat <&3 >&3"]).status();
        exit(if status.unwrap().success() { 0 } else { 1 });
    }
    let mut byte = [0];
    channel.as_mut().unwrap().read_exact(&mut byte).unwrap();
    channel.unwrap().write_all(&byte).unwrap();
    exit(0)
}

fn show() -> ! {
    let script = "echo descriptors $(ls /proc/self/fd 2>/dev/null); echo directory $(pwd); \
                  echo id $(id -u); echo umask $(umask); echo pid $$; echo variables $(env | \
                  cut -d= -f1 | sort)";
    let status = Command::new("/bin/sh").args(["-c", script]).status();
    exit(if status.unwrap().success() { 0 } else { 1 })
}
