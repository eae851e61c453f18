//! Clients in processes of their own: this test program, started to be one.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use linkspan::Address;
use linkspan::bus::{Client, ClientConfig};

/// A client; dropping it kills it.
pub(super) struct ClientProcess {
    child: Child,
    /// It ends with this.
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl ClientProcess {
    /// Starts one that runs a test, which is none, and waits until it is ready.
    pub(super) fn start(test: &str, address: &Address, name: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("bus_native::{test}"), "--nocapture"])
            .env(ADDRESS, address.to_string())
            .env(NAME, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self {
            child,
            input,
            output,
        };
        assert_eq!(process.hear(), READY);
        process
    }

    /// The next thing that it says.
    pub(super) fn hear(&mut self) -> String {
        let mut lines = self.output.by_ref().map_while(Result::ok);
        // The test harness prints around it.
        let said = lines.find_map(|line| Some(line.split_once(SAID)?.1.to_owned()));
        said.expect("it says something before its end")
    }

    /// Has it end as a program does that is done.
    pub(super) fn end(mut self) {
        self.input.take();
        assert!(self.child.wait().unwrap().success());
    }

    /// Sends it a signal, as the shell does.
    pub(super) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.unwrap().success(), "{script}");
    }
}

impl Drop for ClientProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// In the process of a client: the client; none in a run of the tests.
pub(super) async fn ordered() -> Option<Client> {
    ordered_with(ClientConfig::default()).await
}

pub(super) async fn ordered_with(config: ClientConfig) -> Option<Client> {
    let (address, name) = (std::env::var(ADDRESS).ok()?, std::env::var(NAME).ok()?);
    let joined = Client::connect_with(address.as_str(), &name, config);
    Some(joined.await.unwrap())
}

/// In the process of a client: says something to whoever started it.
#[expect(clippy::print_stdout, reason = "whoever started it reads it")]
pub(super) fn say(what: &str) {
    println!("{SAID}{what}");
}

/// In the process of a client: works until it is told to end, or nobody is there any more to tell.
pub(super) async fn work(work: impl Future<Output = ()>) {
    let mut word = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let worked = async {
        work.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = worked => {}
        _ = &mut word => {}
    }
}

pub(super) const READY: &str = "ready";
const ADDRESS: &str = "LINKSPAN_TEST_BUS_CLIENT_ADDRESS";
const NAME: &str = "LINKSPAN_TEST_BUS_CLIENT_NAME";
const SAID: &str = "says: ";
