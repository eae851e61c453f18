//! Brokers in processes of their own: this test program, started to serve.

#[cfg(target_os = "linux")]
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use linkspan::Address;
use linkspan::bus::{Broker, Config};
use linkspan_test::wait::PATIENCE;
use tempfile::TempDir;

/// A broker at a Unix socket; dropping it kills it.
pub(crate) struct BrokerProcess {
    child: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    pub(crate) address: Address,
    _directory: TempDir,
}

/// What a broker says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) clients: u64,
    pub(crate) dropped: u64,
    pub(crate) queued_bytes: u64,
}

impl BrokerProcess {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one with settings, by their names.
    pub(crate) fn with(settings: &[(&str, u64)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(directory.path().join("bus.sock"));
        let (child, questions, answers) = spawn(&address, settings);
        Self {
            child,
            questions,
            answers,
            address,
            _directory: directory,
        }
    }

    /// Starts another one at the same place.
    pub(crate) fn start_again(&mut self) {
        let (child, questions, answers) = spawn(&self.address, &[]);
        (self.child, self.questions, self.answers) = (child, questions, answers);
    }

    /// Ends it without a word to anybody.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it what it has done.
    pub(crate) fn said(&mut self) -> Said {
        self.questions.write_all(b"\n").unwrap();
        let answer = find(&mut self.answers, SAID);
        let numbers = answer.split(' ').map(|number| number.parse().unwrap());
        let [clients, dropped, queued_bytes] = numbers.collect::<Vec<u64>>()[..] else {
            panic!("{answer} is not all");
        };
        Said {
            clients,
            dropped,
            queued_bytes,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it has, by the kernel's word.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let field = line.unwrap().split_whitespace().nth(1);
        field.unwrap().parse().unwrap()
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

type Parts = (Child, ChildStdin, Lines<BufReader<ChildStdout>>);

fn spawn(address: &Address, settings: &[(&str, u64)]) -> Parts {
    let settings = settings
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bus_process::main", "--nocapture"])
        .env(ADDRESS, address.to_string())
        .env(SETTINGS, settings.collect::<Vec<_>>().join(" "))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    find(&mut answers, LISTENING);
    (child, questions, answers)
}

/// What follows a word in the next line that has it; the test harness prints around it.
fn find(answers: &mut Lines<BufReader<ChildStdout>>, word: &str) -> String {
    let mut answers = answers.map_while(Result::ok);
    let answer = answers.find_map(|line| Some(line.split_once(word)?.1.to_owned()));
    answer.unwrap_or_else(|| panic!("the broker does not say {word:?}"))
}

/// Not a test: the broker, when another test has started this program. It ends with that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (Ok(address), Ok(settings)) = (std::env::var(ADDRESS), std::env::var(SETTINGS)) else {
        return;
    };
    let broker = Broker::new().config(config(&settings));
    let serving = broker.listen(address.as_str()).await.unwrap();
    println!("{LISTENING}{}", serving.address());
    // It blocks this thread alone; the runtime's own go on.
    for _ in std::io::stdin().lines() {
        let stats = serving.stats();
        let (clients, dropped, queued) = (stats.clients, stats.dropped, stats.queued_bytes);
        println!("{SAID}{clients} {dropped} {queued}");
    }
}

fn config(settings: &str) -> Config {
    let mut config = Config::default();
    // Clients of the tests say nothing while they wait, however slow the machine is.
    config.timeout = 3 * PATIENCE;
    for setting in settings.split_whitespace() {
        let (name, value) = setting.split_once('=').unwrap();
        let value: u64 = value.parse().unwrap();
        match name {
            "max_message_bytes" => config.max_message_bytes = value.try_into().unwrap(),
            "queue_messages" => config.queue_messages = value.try_into().unwrap(),
            "queue_bytes" => config.queue_bytes = value.try_into().unwrap(),
            "block_timeout_ms" => config.block_timeout = Duration::from_millis(value),
            name => panic!("{name} is no setting"),
        }
    }
    config
}

const ADDRESS: &str = "LINKSPAN_TEST_BUS_ADDRESS";
const SETTINGS: &str = "LINKSPAN_TEST_BUS_SETTINGS";
const LISTENING: &str = "listening at ";
const SAID: &str = "has done ";
