//! What the plugin does when it is told to: one thing each, which it is let do or not.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::process::{Command, abort};
use std::thread;

use bytes::Bytes;
use proto::StreamId;
use proto::frame::{Flags, MAGIC};
use proto::message::{Chunk, Message, Response, Status};

use crate::session::Session;

/// The plugin, once it is told what to do.
pub(crate) struct Attacker {
    pub(crate) session: Session,
    /// Whether it goes on when it is told to end.
    pub(crate) is_deaf: bool,
}

impl Attacker {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            is_deaf: false,
        }
    }

    /// Does what the words say; what the system refuses is its answer.
    pub(crate) fn act(&mut self, stream: StreamId, words: &str) -> io::Result<()> {
        let (name, rest) = words.split_once(' ').unwrap_or((words, ""));
        let result = match name {
            "garbage" => return noise(&self.session.socket),
            "lengthens" => return self.session.socket.write_all(&endless_frame()),
            "answers-not" => return Ok(()),
            "answers-twice" => {
                self.session.respond(stream, &"once")?;
                return self.session.respond(stream, &"twice");
            }
            "answers-again" => {
                let body = rmp_serde::to_vec(&"once").map_err(io::Error::other)?;
                let begun = Message::Response(Response::new(Status::Ok, body.into()));
                self.session.send(stream, Flags::NONE, begun)?;
                return self.session.respond(stream, &"twice");
            }
            "halves" => {
                self.send_half_a_frame()?;
                abort();
            }
            "answers-unasked" => {
                let nobodys = StreamId::new(stream.get() + 2_000);
                return self.session.respond(nobodys, &"unasked");
            }
            "spins" => spin(),
            "aborts" => abort(),
            "leaves" => {
                leave(rest)?;
                abort();
            }
            "closes" => {
                self.session.socket.shutdown(std::net::Shutdown::Both)?;
                self.is_deaf = true;
                return Ok(());
            }
            "deafens" => self.deafen(),
            _ => attempt(name, rest),
        };
        let answer = match result {
            Ok(()) => "let".to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        self.session.respond(stream, &answer)
    }

    /// Sends an item, half of another frame, and nothing more.
    pub(crate) fn die_in_mid_stream(&mut self, stream: StreamId) -> io::Result<()> {
        let begun = Response::new(Status::Ok, Bytes::new());
        let begun = Message::Response(begun);
        self.session.send(stream, Flags::NONE, begun)?;
        let item = rmp_serde::to_vec(&"the first").map_err(io::Error::other)?;
        let chunk = Message::Chunk(Chunk::new(0, item.into()));
        self.session.send(stream, Flags::NONE, chunk)?;
        self.send_half_a_frame()?;
        abort();
    }

    fn send_half_a_frame(&mut self) -> io::Result<()> {
        let frame = endless_frame();
        let half = frame.get(..20).unwrap_or_default();
        self.session.socket.write_all(half)
    }

    /// From now on neither SIGTERM nor the host's goodbye ends it.
    fn deafen(&mut self) -> io::Result<()> {
        self.is_deaf = true;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        // What was installed stays, whoever listens.
        runtime.block_on(async {
            let terminate = tokio::signal::unix::SignalKind::terminate();
            tokio::signal::unix::signal(terminate).map(drop)
        })
    }
}

/// Writes what is no frame.
pub(crate) fn noise(mut socket: &UnixStream) -> io::Result<()> {
    socket.write_all(&[0xa5; 4096])
}

/// The header of a response that is as long as one can say.
fn endless_frame() -> Vec<u8> {
    const VERSION: u8 = 1;
    const RESPONSE: u8 = 3;
    let numbers = [2_u64, 1, 0].map(u64::to_le_bytes).concat();
    let length = u32::MAX.to_le_bytes();
    [&MAGIC[..], &[VERSION, RESPONSE, 8, 0], &numbers, &length].concat()
}

/// Attempts what the system may refuse.
fn attempt(name: &str, word: &str) -> io::Result<()> {
    match name {
        "reads" => fs::read(word).map(drop),
        "lists" => fs::read_dir(word).map(drop),
        "writes" => fs::write(word, "was here"),
        "fills" => fill(word),
        "connects-tcp" => TcpStream::connect(word).map(drop),
        "connects-udp" => UdpSocket::bind("0.0.0.0:0")
            .and_then(|socket| socket.send_to(b"hello", word))
            .map(drop),
        "connects-unix" => UnixStream::connect(word).map(drop),
        "connects-abstract" => {
            UnixStream::connect_addr(&SocketAddr::from_abstract_name(word)?).map(drop)
        }
        "sends-datagram" => {
            let (socket, _other) = UnixDatagram::pair()?;
            socket.send_to(b"hello", word).map(drop)
        }
        "listens" => TcpListener::bind("127.0.0.1:0").map(drop),
        "shell" => shell(word),
        "python" => run(Command::new("/usr/bin/python3").args(["-I", "-c", word])),
        "forks" => fork(word),
        "allocates" => allocate(word),
        "floods-stdout" => flood(word, io::stdout().lock()),
        "floods-stderr" => flood(word, io::stderr().lock()),
        "breeds" => leave(word),
        _ => Err(io::Error::other(format!("{name} is no attack"))),
    }
}

fn shell(script: &str) -> io::Result<()> {
    run(Command::new("/bin/sh").args(["-c", script]))
}

/// Runs a program, whose failure is what it wrote to standard error.
fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{}: {said}", output.status)))
        }
    }
}

fn fork(marker: &str) -> io::Result<()> {
    let mut children = Vec::new();
    let mut result = Ok(());
    while result.is_ok() && children.len() < 10_000 {
        match Command::new("/usr/bin/sleep").arg(marker).spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                let text = format!("after {}: {error}", children.len());
                result = Err(io::Error::other(text));
            }
        }
    }
    for child in &mut children {
        child.kill()?;
        child.wait()?;
    }
    result
}

/// Takes memory, a megabyte at a time, until there is no more; dies of that as programs do.
fn allocate(megabytes: &str) -> io::Result<()> {
    let megabytes: usize = megabytes.parse().map_err(io::Error::other)?;
    let pieces: Vec<Vec<u8>> = (0..megabytes).map(|_| vec![1; 1 << 20]).collect();
    drop(pieces);
    Ok(())
}

fn fill(path: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let piece = vec![1; 1 << 20];
    // No more than a test's disk can take, if nobody stops it.
    for _ in 0..256 {
        file.write_all(&piece)?;
    }
    Ok(())
}

fn flood(megabytes: &str, mut into: impl Write) -> io::Result<()> {
    let megabytes: usize = megabytes.parse().map_err(io::Error::other)?;
    let mut piece = vec![b'x'; 1 << 20];
    piece.iter_mut().step_by(100).for_each(|byte| *byte = b'\n');
    for _ in 0..megabytes {
        into.write_all(&piece)?;
    }
    into.flush()
}

/// Keeps more threads busy than there are processors, this one with them.
fn spin() -> ! {
    for _ in 0..3 {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
    loop {
        std::hint::spin_loop();
    }
}

/// Starts processes in sessions of their own, whose parents have ended, and that ignore what they can.
fn leave(marker: &str) -> io::Result<()> {
    let sleep =
        format!("trap '' HUP INT TERM; /usr/bin/sleep {marker} & exec /usr/bin/sleep {marker}");
    let detached = format!("(setsid sh -c \"{sleep}\" &) </dev/null >/dev/null 2>&1");
    shell(&format!("{detached}; {detached}; {detached}"))
}
