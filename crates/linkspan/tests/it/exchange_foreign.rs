//! Exchanges with a program in another language that knows the specification only:
//! `tests/foreign/exchange_peer.py`, in Python's standard library.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{
    Client, ClientConfig, ConnectionError, Context, ExchangeDecodeError, ExchangeError, IpcConfig,
    Server, Serving, Variant,
};
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tempfile::TempDir;

/// Makes a test of each part, over one transport with one variant.
macro_rules! suite {
    ($name:ident, $place:ident, $variant:ident; $($part:ident),* $(,)?) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $part() {
                    let place = linkspan_test::conformance::Place::$place;
                    super::$part(place, linkspan::exchange::Variant::$variant).await;
                }
            )*
        }
    };
}

suite!(unix_ieee, Unix, Ieee;
    its_client_is_answered, its_client_is_told_that_there_is_no_place,
    its_server_answers, its_server_is_busy, its_server_answers_wrongly,
);

suite!(unix_castagnoli, Unix, Castagnoli;
    its_client_is_answered, its_server_answers, its_server_answers_wrongly,
);

suite!(tcp_ieee, Tcp, Ieee;
    its_client_is_answered, its_client_is_told_that_there_is_no_place,
    its_server_answers, its_server_is_busy, its_server_answers_wrongly,
);

suite!(tcp_castagnoli, Tcp, Castagnoli;
    its_client_is_answered, its_server_answers, its_server_answers_wrongly,
);

#[test]
fn its_frames_are_those_of_the_specification() {
    let specification = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
    expect_success(&run(&["golden", specification]));
}

async fn its_client_is_answered(place: Place, variant: Variant) {
    let (serving, _directory) = serve(place, variant, 16).await;
    let address = plain(serving.address());
    let output = python(vec!["client".into(), address, variant.to_string()]).await;
    expect_success(&output);
    let ended = || serving.health().next().unwrap().1.connection_count == 0;
    wait::until("its connection has ended", ended).await;
    let (_, stats) = serving.stats().next().unwrap();
    assert_eq!((stats.frames, stats.answered), (6, 6));
    assert_eq!((stats.truncated, stats.broken, stats.bad_crc), (0, 0, 0));
}

async fn its_client_is_told_that_there_is_no_place(place: Place, variant: Variant) {
    let (serving, _directory) = serve(place, variant, 1).await;
    let occupant = client(serving.address(), variant);
    occupant.send("mine").await.unwrap();
    let output = python(vec!["busy".into(), plain(serving.address())]).await;
    expect_success(&output);
    let (_, health) = serving.health().next().unwrap();
    assert_eq!(health.totals.refused_busy, 1);
    occupant.send("still mine").await.unwrap();
    assert_eq!(occupant.stats().connects, 1);
}

async fn its_server_answers(place: Place, variant: Variant) {
    let peer = Peer::start(place, variant, "answer");
    let client = client(&peer.address, variant);
    assert_eq!(client.send(QUESTION).await.unwrap(), ANSWER);
    let largest: Bytes = (0..=255).cycle().take(1024 * 1024).collect();
    let answer = client.send(largest.clone()).await.unwrap();
    assert!(answer.iter().eq(largest.iter().rev()));
    for number in 0..100 {
        let question = format!("{number:03}");
        let reversed: String = question.chars().rev().collect();
        assert_eq!(client.send(question).await.unwrap(), reversed);
    }
    let stats = client.stats();
    assert_eq!((stats.answered, stats.sent, stats.connects), (102, 102, 1));
}

async fn its_server_is_busy(place: Place, variant: Variant) {
    let peer = Peer::start(place, variant, "busy");
    let client = client(&peer.address, variant);
    let error = client.send(QUESTION).await.unwrap_err();
    let ExchangeError::Busy { retry_after, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Duration::from_millis(1_234));
    assert_eq!((client.stats().busy, client.stats().unsent), (1, 1));
}

async fn its_server_answers_wrongly(place: Place, variant: Variant) {
    type Check = fn(&ConnectionError) -> bool;
    let is_cut: Check = |error| matches!(error, ConnectionError::Truncated);
    let is_wrong: Check = |error| {
        use ExchangeDecodeError::Checksum;
        matches!(error, ConnectionError::Frame(Checksum { .. }))
    };
    let behaviours = [
        ("half", is_cut),
        ("wrong-crc", is_wrong),
        ("wrong-variant", is_wrong),
    ];
    for (behaviour, is_expected) in behaviours {
        let peer = Peer::start(place, variant, behaviour);
        let client = client(&peer.address, variant);
        let error = client.send(QUESTION).await.unwrap_err();
        let ExchangeError::OutcomeUnknown { source, .. } = &error else {
            panic!("{error:?} to {behaviour}")
        };
        assert!(is_expected(source), "{source:?} to {behaviour}");
        let stats = client.stats();
        assert_eq!((stats.sent, stats.outcome_unknown), (1, 1));
    }
}

/// Answers as the program's own server does.
async fn serve(place: Place, variant: Variant, places: usize) -> (Serving, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = IpcConfig::default();
    (config.crc32_variant, config.max_connections) = (variant, places);
    let server = Server::new().handler(async |question: Bytes, _: Context| {
        Ok::<_, Bytes>(match question == QUESTION {
            true => Bytes::from_static(ANSWER),
            false => question.iter().rev().copied().collect(),
        })
    });
    let listening = server.config(config).listen(place.address(&directory));
    (listening.await.unwrap(), directory)
}

/// A client that tries once.
fn client(address: &Address, variant: Variant) -> Client {
    let mut config = ClientConfig::default();
    config.crc32_variant = variant;
    config.backoff.repeats = Some(0);
    let builder = Client::builder().config(config);
    builder.endpoint(address).build().unwrap()
}

/// The program as a server; it ends with this.
struct Peer {
    child: Child,
    address: Address,
    _directory: TempDir,
}

impl Peer {
    fn start(place: Place, variant: Variant, behaviour: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = plain(&place.address(&directory));
        let mut child = command(&["server", &address, variant.name(), behaviour])
            .stdout(Stdio::piped())
            .spawn()
            .expect(NEEDED);
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let bound = line.trim().strip_prefix("listening at ").unwrap();
        let address = match place {
            Place::Tcp => format!("tcp:{bound}"),
            _ => format!("unix:{bound}"),
        };
        Self {
            child,
            address: address.parse().unwrap(),
            _directory: directory,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs the program to its end, beside the runtime.
async fn python(arguments: Vec<String>) -> Output {
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(&arguments)
    });
    wait::within("the program's end", running).await.unwrap()
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().expect(NEEDED)
}

fn command(arguments: &[&str]) -> Command {
    let program = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/foreign/exchange_peer.py"
    );
    let mut command = Command::new("python3");
    command.arg(program).args(arguments);
    command
}

#[track_caller]
fn expect_success(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

/// An address as the program has it.
fn plain(address: &Address) -> String {
    let text = address.to_string();
    text.split_once(':').unwrap().1.to_owned()
}

const QUESTION: &[u8] = b"\x0a\x03t-1";
const ANSWER: &[u8] = b"\x0a\x03t-1\x10\x01";
const NEEDED: &str = "python3 is needed to run these tests";
