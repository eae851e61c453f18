//! Plugins in Rust: real processes, each at one end of a pair of sockets.

mod alone;
mod ends;
mod greeter;
mod stubborn;

use std::fs::File;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkspan::auth::Principal;
use linkspan::plugin::LogRecord;
use linkspan::rpc::{Client, Context, Router};
use linkspan::session::Config;
use linkspan::transport::Connected;
use linkspan_test::wait;
use tokio::process::{Child, Command};

/// A plugin's process and a client of it.
struct Plugin {
    client: Client,
    /// The host's end of the connection.
    socket: UnixStream,
    process: Child,
}

impl Plugin {
    async fn start(example: &str, router: Router) -> Self {
        Self::start_with(example, &[], router).await
    }

    async fn start_with(example: &str, arguments: &[&str], router: Router) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = command(example, arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let socket = ours.try_clone().unwrap();
        let principal = Principal::named(format!("plugin:{example}"));
        let connected = Connected::from_unix(ours, principal).unwrap();
        let mut config = Config::default();
        config.handshake_timeout = wait::PATIENCE;
        let client = Client::over(connected, config, router).await.unwrap();
        Self {
            client,
            socket,
            process,
        }
    }

    /// Says goodbye and waits for its end.
    async fn stop(mut self) -> ExitStatus {
        self.client.close(Duration::from_secs(10)).await;
        self.end().await
    }

    /// Is gone without a goodbye, as a host that is killed.
    fn sever(&self) {
        self.socket.shutdown(Shutdown::Both).unwrap();
    }

    /// Its end.
    async fn end(&mut self) -> ExitStatus {
        let ended = wait::within("the plugin's end", self.process.wait()).await;
        ended.unwrap()
    }

    /// What it has printed, to the end.
    async fn printed(self) -> (String, String) {
        let output = wait::within("its output", self.process.wait_with_output()).await;
        let output = output.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    /// Answers of every plugin come, whatever its handlers do.
    async fn check_alive(&self) {
        let live = self.client.send_request::<()>("linkspan.plugin.live", &());
        wait::within("a sign of life", live).await.unwrap();
    }
}

/// An example that is started with its standard input as the connection.
fn command(example: &str, arguments: &[&str]) -> Command {
    let mut program = std::env::current_exe().unwrap();
    program.pop();
    program.set_file_name("examples");
    program.push(format!("plugin_{example}"));
    let mut command = Command::new("sh");
    // The shell moves the socket to where plugins expect it.
    command
        .args(["-c", r#"exec "$0" "$@" 3<&0 </dev/null"#])
        .arg(program)
        .args(arguments)
        .env("LINKSPAN_PLUGIN_FD", "3")
        .kill_on_drop(true);
    command
}

/// Log records that a plugin has sent.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<LogRecord>>>);

impl Logged {
    /// A router of a host that keeps them.
    fn router(&self) -> Router {
        let records = self.clone();
        Router::new().on_event("linkspan.log", move |record: LogRecord, _: Context| {
            records.0.lock().unwrap().push(record);
            std::future::ready(())
        })
    }

    fn find(&self, found: impl Fn(&LogRecord) -> bool) -> Option<LogRecord> {
        let records = self.0.lock().unwrap();
        records.iter().find(|record| found(record)).cloned()
    }

    async fn expect(&self, what: &str, found: impl Fn(&LogRecord) -> bool) -> LogRecord {
        wait::until(what, || self.find(&found).is_some()).await;
        self.find(found).unwrap()
    }
}

/// A file of a process as text.
fn read_proc(process: &Child, file: &str) -> String {
    let mut text = String::new();
    let path = format!("/proc/{}/{file}", process.id().unwrap());
    let mut file = File::open(path).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}
