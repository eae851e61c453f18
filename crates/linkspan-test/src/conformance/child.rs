//! A server in a process of its own: the same test program, started to serve.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use linkspan::Address;
use linkspan::rpc::ServerConfig;
use linkspan::transport::Backend;

use crate::certificates;
use crate::conformance::serve;

/// How a server's process differs from an ordinary one.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Setup {
    /// Most descriptors that it may have at once; the system's limit for none.
    #[cfg(unix)]
    pub max_descriptors: Option<u32>,
    /// Time that its sessions wait for a peer that does not read; the default for none.
    pub write_timeout: Option<Duration>,
}

impl Setup {
    fn command(&self) -> Command {
        let program = std::env::current_exe().expect("a program");
        #[cfg(unix)]
        if let Some(limit) = self.max_descriptors {
            let mut shell = Command::new("sh");
            let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
            shell.arg("-c").arg(script).arg(program);
            return shell;
        }
        Command::new(program)
    }
}

/// Starts a process that serves; gives it, and where it listens.
pub(super) fn spawn(address: &Address, backend: Backend, setup: &Setup) -> (Child, Address) {
    let mut command = setup.command();
    if let Some(timeout) = setup.write_timeout {
        command.env(WRITE_TIMEOUT_MS, timeout.as_millis().to_string());
    }
    let mut child = command
        .args(["--exact", "child", "--nocapture"])
        .env(ADDRESS, address.to_string())
        .env(BACKEND, backend.name())
        .envs(certificates::shared_variables())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test program starts");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    // The test harness prints around it.
    let address = stdout
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            line.split_once(LISTENING)
                .map(|(_, address)| address.to_owned())
        })
        .expect("the child says where it listens");
    (child, address.parse().expect("an address"))
}

/// What a test named `child` calls: it serves if this process was started for that.
pub async fn child_main() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let mut config = ServerConfig::default();
    config.transport.tls = certificates::shared_config();
    if let Ok(millis) = std::env::var(WRITE_TIMEOUT_MS) {
        let millis = millis.parse().expect("a number");
        config.session.write_timeout = Duration::from_millis(millis);
    }
    if let Ok(backend) = std::env::var(BACKEND) {
        config.transport.backend = backend.parse().expect("a backend");
    }
    let serving = serve(&address.parse().expect("an address"), config).await;
    #[expect(clippy::print_stdout, reason = "the parent reads it")]
    {
        println!("{LISTENING}{}", serving.address());
    }
    std::future::pending::<()>().await;
}

const ADDRESS: &str = "LINKSPAN_TEST_CHILD";
const BACKEND: &str = "LINKSPAN_TEST_BACKEND";
const WRITE_TIMEOUT_MS: &str = "LINKSPAN_TEST_WRITE_TIMEOUT_MS";
const LISTENING: &str = "listening at ";
