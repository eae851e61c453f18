use std::env;
use std::future::Future;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use linkspan_os::{PipeListener, PipeOptions, Sid, connect_pipe, own_credentials};
use tokio::net::windows::named_pipe::NamedPipeClient;
use tokio::time::{sleep, timeout};

/// Waits for what has to happen; not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future)
        .await
        .expect("it happens within 30 s")
}

/// A name that no other test has.
pub(crate) fn pipe_name(test: &str) -> String {
    format!("linkspan-test-{}-{test}", std::process::id())
}

pub(crate) fn bind(name: &str) -> PipeListener {
    PipeListener::bind(name, &PipeOptions::default()).unwrap()
}

/// Connects, asking again while all instances are taken.
pub(crate) async fn connect(name: &str) -> NamedPipeClient {
    let connected = async {
        loop {
            match connect_pipe(name) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sleep(Duration::from_millis(1)).await;
                }
                result => return result.unwrap(),
            }
        }
    };
    soon(connected).await
}

/// This process's user.
pub(crate) fn own_sid() -> Sid {
    own_credentials().sid().unwrap()
}

/// Whether this is Wine, which cannot do `what`; then says so.
pub(crate) fn is_gap(what: &str) -> bool {
    let is_wine = env::var_os("UNDER_WINE").is_some_and(|value| value == "1");
    if is_wine {
        let mut output = io::stdout();
        io::Write::write_all(&mut output, format!("gap: {what}\n").as_bytes()).unwrap();
    }
    is_wine
}

/// The part of a test that runs in a process of its own: its argument, in that process.
pub(crate) fn child_argument() -> Option<String> {
    env::var(ARGUMENT).ok()
}

/// Starts the test `own_name` again, as its other part.
pub(crate) fn child(own_name: &str, argument: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", own_name, "--nocapture"])
        .env(ARGUMENT, argument)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

const ARGUMENT: &str = "LINKSPAN_TEST_CHILD";
