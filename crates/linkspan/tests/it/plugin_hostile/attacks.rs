//! A host that is attacked by one of its plugins, over and over.

use std::fs::{self, Permissions};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use linkspan::plugin::host::{Ending, HostConfig, Plugin, PluginHost, State, Terms};
use linkspan::plugin::{Pins, Restart, SandboxLevel};
use linkspan::rpc::{CallError, Request, Streaming};
use linkspan_test::wait;
use rmp_serde::to_vec;

use super::bystander::{self, Bystander};
use super::place::{Part, Place, User, is_anybody, marker};
use super::table::{ATTACKS, Attack, Outcome, SILENT};

super::for_each_level_and_user! { play:
    attacks_without_a_sandbox: None, Own;
    attacks_at_basic: Basic, Own;
    attacks_at_strict: Strict, Own;
    attacks_of_nobody_without_a_sandbox: None, Nobody;
    attacks_of_nobody_at_basic: Basic, Nobody;
    attacks_of_nobody_at_strict: Strict, Nobody;
}

/// Starts a host that plays the whole table.
fn play(level: SandboxLevel, user: User) {
    let Some(place) = Place::new(user) else {
        return;
    };
    place.add_program("hostile", "");
    place.add_script("bystander", bystander::SCRIPT);
    let output = place.host(Part::Attacked, level).output().unwrap();
    let [said, complained] = [output.stdout, output.stderr];
    let text = String::from_utf8_lossy(&said) + String::from_utf8_lossy(&complained);
    assert!(output.status.success(), "{}: {text}", output.status);
    let is_played = text.contains("all attacks were made") || text.contains("gap: ");
    assert!(is_played, "{text}");
    println!("{text}");
}

/// The host: all attacks, one after the other, and a look at all others after each.
pub(super) async fn all(level: SandboxLevel, base: &Path) {
    let scene = Scene::new(level, base);
    let Some(bystander) = scene.start("bystander", PATIENT).await else {
        return;
    };
    let bystander = Bystander::of(bystander).await;
    let mut problems = Vec::new();
    for (attacks, patience) in [(ATTACKS, PATIENT), (SILENT, Duration::from_secs(1))] {
        let hostile = scene.start("hostile", patience).await.unwrap();
        let is_held = |attack: &&Attack| attack.levels.contains(&level);
        for attack in attacks.iter().filter(is_held) {
            let began = Instant::now();
            problems.extend(scene.make(attack, &hostile, bystander.pid()).await);
            bystander.goes_on(attack.name).await;
            println!("{} took {:?}", attack.name, began.elapsed());
        }
        if patience == PATIENT {
            floods(&hostile).await;
            bystander.goes_on("floods").await;
            dies_in_mid_stream(&hostile).await;
            stays_when_it_is_told_to_end(&scene, &hostile).await;
        }
        wait::within("its end", scene.host.unload(&hostile)).await;
        bystander.goes_on("its end").await;
    }
    bystander.was_unharmed().await;
    scene.was_not_reached();
    wait::within("the host's stop", scene.host.stop()).await;
    wait::until("the last end", || !is_anybody(&scene.marker)).await;
    assert!(problems.is_empty(), "{problems:#?}");
    println!("all attacks were made");
}

/// Its caller has what came before, and is told why nothing comes after it.
async fn dies_in_mid_stream(plugin: &Plugin) {
    let before = plugin.status().restarts;
    let client = HostileClient::new(plugin.clone());
    let mut items = wait::within("a stream", client.stream()).await.unwrap();
    let first = wait::within("an item", items.next()).await;
    assert_eq!(first, Some(Ok("the first".to_owned())));
    let error = wait::within("an end", items.next()).await.unwrap();
    let error = error.unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    let end = ended(plugin, before).await;
    assert_eq!(end.to_string(), "was ended by signal 6");
}

/// A GiB on stdout, or as much of it as is asked for: nothing of it stays in memory.
async fn floods(plugin: &Plugin) {
    let began = Instant::now();
    let megabytes = flood_megabytes();
    for _ in 0..megabytes / 16 {
        let flood = wait::within("a flood", ask(plugin, "floods-stdout 16")).await;
        assert_eq!(flood.unwrap(), "let");
    }
    println!("{megabytes} MB on stdout took {:?}", began.elapsed());
    let stats = plugin.logs().stats();
    assert!(
        stats.kept_bytes <= 2 << 20 && stats.dropped > 0,
        "{stats:?}"
    );
}

/// Neither by a goodbye nor by SIGTERM: it is killed, with all that it has started.
async fn stays_when_it_is_told_to_end(scene: &Scene, plugin: &Plugin) {
    let words = format!("breeds {}", scene.marker);
    assert_eq!(ask(plugin, &words).await.unwrap(), "let");
    assert_eq!(ask(plugin, "deafens").await.unwrap(), "let");
    wait::until("grandchildren", || is_anybody(&scene.marker)).await;
    wait::within("its stop", plugin.stop()).await;
    assert!(!is_anybody(&scene.marker));
    let end = plugin.status().last_end.unwrap().to_string();
    assert_eq!(end, "was killed when it was stopped");
}

#[linkspan::service]
trait Hostile {
    async fn stream(&self) -> Result<Streaming<String>, CallError>;
}

/// A host with a few things that its plugins would like to have.
struct Scene {
    host: PluginHost,
    level: SandboxLevel,
    base: PathBuf,
    marker: String,
    sockets: Sockets,
}

/// Nobody ever comes to them.
struct Sockets {
    unix: Vec<UnixListener>,
    datagrams: UnixDatagram,
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Scene {
    fn new(level: SandboxLevel, base: &Path) -> Self {
        let mut config = HostConfig::default();
        config.plugins.pins = Pins::Optional;
        config.copies = Some(base.join("home/copies"));
        config.sample_interval = Duration::from_millis(200);
        let marker = marker();
        Self {
            host: PluginHost::new(config),
            level,
            base: base.to_owned(),
            sockets: Sockets::new(base, &marker).unwrap(),
            marker,
        }
    }

    /// Loads and starts a plugin; none, with a note, where nobody can be confined that far.
    async fn start(&self, name: &str, patience: Duration) -> Option<Plugin> {
        let mut terms = Terms::default();
        terms.sandbox = self.level;
        let granted = self.base.join("granted");
        terms.grants = vec![format!("fs.read:{}", granted.display()).parse().unwrap()];
        terms.limits.max_memory_mb = Some(128);
        terms.limits.max_processes = Some(32);
        terms.limits.max_disk_mb = Some(8);
        terms.limits.max_cpu_cores = Some(1.0);
        terms.start_timeout = wait::PATIENCE;
        terms.liveness_timeout = Some(patience);
        terms.drain_timeout = Duration::from_millis(200);
        terms.exit_timeout = Duration::from_millis(200);
        let mut restart = Restart::default();
        restart.backoff = Duration::from_millis(10);
        restart.max_backoff = Duration::from_millis(20);
        restart.max_crashes = 1_000;
        terms.restart = Some(restart);
        let folder = self.base.join("plugins").join(name);
        let plugin = self.host.load(folder, terms).await.unwrap();
        match wait::within("a start", plugin.start()).await {
            Ok(()) => Some(plugin),
            Err(error) => {
                let text = format!("{error:?}");
                assert!(text.contains("Unavailable"), "{text}");
                println!("gap: {text}");
                None
            }
        }
    }

    /// Has a plugin attack, and looks what becomes of it; says what should not.
    async fn make(&self, attack: &Attack, plugin: &Plugin, other: u32) -> Option<String> {
        let name = attack.name;
        let before = plugin.status().restarts;
        let words = self.words(attack.words, other);
        let answer = match attack.outcome {
            Outcome::Unanswered => ask_briefly(plugin, &words).await,
            _ => wait::within(name, ask(plugin, &words)).await,
        };
        let problem = match (&attack.outcome, answer) {
            (Outcome::Let, Ok(answer)) if answer == "let" => None,
            (Outcome::Answers(expected), Ok(answer)) if answer == *expected => None,
            (Outcome::Unanswered, Err(CallError::DeadlineExceeded)) => None,
            (Outcome::Refused(reasons), Ok(answer))
                if answer.starts_with("refused: ") && has_one_of(&answer, reasons) =>
            {
                None
            }
            (Outcome::Ends(reasons), answer) => {
                let told = answer.err().map(|error| error.to_string());
                self.end(plugin, before, reasons, told).await
            }
            (Outcome::Breaks(reasons), Err(_)) => self.end(plugin, before, reasons, None).await,
            (_, answer) => Some(format!("{answer:?}")),
        };
        // Whatever goes on, it is the same for all who come after.
        wait::until(name, || plugin.state() == State::Running).await;
        problem.map(|problem| format!("{name}: {problem}"))
    }

    /// Looks how a plugin has ended, and whether its caller was told so and nothing of it is left.
    async fn end(
        &self,
        plugin: &Plugin,
        before: u64,
        reasons: &[&str],
        told: Option<String>,
    ) -> Option<String> {
        let end = ended(plugin, before).await;
        let full = format!("{end}: {}", end.last_words.join(" "));
        let expected = format!("plugin hostile {end}");
        let is_told = told.as_ref().is_none_or(|told| told.contains(&expected));
        let is_left = is_anybody(&self.marker);
        let is_right = has_one_of(&full, reasons) && is_told && !is_left;
        (!is_right).then(|| format!("{full}; told {told:?}, processes are left: {is_left}"))
    }

    /// What a plugin is told, with what it is about.
    fn words(&self, words: &str, other: u32) -> String {
        let shown = |name: &str| self.base.join(name).display().to_string();
        let (host, other) = (std::process::id().to_string(), other.to_string());
        let [node, bus] = RUNTIME.map(|name| shown(&format!("home/run/linkspan/{name}")));
        let things = [
            ("{granted}", shown("granted")),
            ("{secret}", shown("secret")),
            ("{node}", node),
            ("{bus}", bus),
            ("{abstract}", self.marker.clone()),
            ("{tcp}", self.sockets.tcp.local_addr().unwrap().to_string()),
            ("{udp}", self.sockets.udp.local_addr().unwrap().to_string()),
            ("{parts}", PARTS.to_owned()),
            ("{marker}", self.marker.clone()),
            ("{trace host}", TRACE.replace("NUMBER", &host)),
            ("{trace other}", TRACE.replace("NUMBER", &other)),
            ("{steal other}", STEAL.replace("NUMBER", &other)),
            ("{host}", host),
            ("{other}", other),
        ];
        let put = |words: String, (name, thing): &(&str, String)| words.replace(name, thing);
        things.iter().fold(words.to_owned(), put)
    }

    /// Nothing of what the attacks were about has heard of them.
    fn was_not_reached(&self) {
        self.sockets.were_not_reached();
        for name in ["granted/file", "secret"] {
            let text = fs::read_to_string(self.base.join(name)).unwrap();
            assert_eq!(text, "what it says", "{name}");
        }
        assert!(!Path::new("/tmp").join(&self.marker).exists());
        assert!(!Path::new("/tmp/much").exists());
    }
}

impl Sockets {
    fn new(base: &Path, marker: &str) -> io::Result<Self> {
        let runtime = base.join("home/run/linkspan");
        fs::create_dir(&runtime)?;
        let mut unix = Vec::new();
        for name in RUNTIME {
            let path = runtime.join(name);
            unix.push(UnixListener::bind(&path)?);
            fs::set_permissions(path, Permissions::from_mode(0o777))?;
        }
        unix.push(UnixListener::bind(base.join("granted/socket"))?);
        unix.push(UnixListener::bind_addr(&SocketAddr::from_abstract_name(
            marker,
        )?)?);
        for socket in &unix {
            socket.set_nonblocking(true)?;
        }
        let datagrams = UnixDatagram::bind(base.join("granted/datagrams"))?;
        datagrams.set_nonblocking(true)?;
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        tcp.set_nonblocking(true)?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        udp.set_nonblocking(true)?;
        Ok(Self {
            unix,
            datagrams,
            tcp,
            udp,
        })
    }

    fn were_not_reached(&self) {
        let nobody = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        for socket in &self.unix {
            nobody(socket.accept().unwrap_err());
        }
        nobody(self.tcp.accept().unwrap_err());
        nobody(self.udp.recv(&mut [0]).unwrap_err());
        nobody(self.datagrams.recv(&mut [0]).unwrap_err());
    }
}

fn has_one_of(text: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| text.contains(part))
}

/// How a plugin ended that is started again after it.
async fn ended(plugin: &Plugin, restarts: u64) -> Ending {
    wait::until("its end", || plugin.status().restarts > restarts).await;
    plugin.status().last_end.unwrap()
}

/// Tells a plugin what to do.
async fn ask(plugin: &Plugin, words: &str) -> Result<String, CallError> {
    plugin.send_request("hostile.attack", words).await
}

/// Asks and gives up soon.
async fn ask_briefly(plugin: &Plugin, words: &str) -> Result<String, CallError> {
    let mut request = Request::new("hostile.attack", to_vec(words).unwrap());
    request.timeout = Some(Duration::from_millis(200));
    plugin.call(request).await.map(|_| "something".to_owned())
}

/// All of a GiB where `cargo xtask race` asks for all.
fn flood_megabytes() -> u32 {
    let Ok(rounds) = std::env::var("LINKSPAN_RACE_ROUNDS") else {
        return 16;
    };
    rounds.parse::<u32>().unwrap().clamp(16, 1024)
}

/// Takes memory in five processes, none of which takes too much.
const PARTS: &str = "for part in 1 2 3 4 5; do \
    (head -c 60000000 /dev/zero; exec sleep 60) | tail -n 1 & done; wait";

/// Fails with the system's reason, if it cannot be traced.
const TRACE: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
PTRACE_SEIZE = 0x4206
if libc.ptrace(PTRACE_SEIZE, NUMBER, 0, 0) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
";

/// Fails with the system's reason, if it cannot take the connection of another plugin.
const STEAL: &str = "
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD = 434, 438
process = libc.syscall(PIDFD_OPEN, NUMBER, 0)
if process < 0 or libc.syscall(PIDFD_GETFD, process, 3, 0) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
";
const RUNTIME: [&str; 2] = ["node.sock", "bus.sock"];
const PATIENT: Duration = Duration::from_secs(20);
