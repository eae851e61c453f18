//! A daemon for the tests, and what its commands do.

use std::error::Error;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};

use linkspan::Address;
use linkspan::daemon::{
    CancelCause, Command, CommandHandler, Config, DaemonServer, ExitCode, Serving, StartupReason,
};
use linkspan_test::wait;
use tempfile::TempDir;
use thiserror::Error;

use crate::support;

/// A daemon at work.
pub(super) struct Daemon {
    pub(super) serving: Option<Serving>,
    pub(super) address: Address,
    pub(super) shared: Arc<Shared>,
    directory: Option<TempDir>,
}

/// What commands and tests have in common.
pub(super) struct Shared {
    /// When and why tokens fired.
    fired: Mutex<mpsc::Receiver<(Instant, CancelCause)>>,
    /// As often as there are commands that hold it, and once more.
    pub(super) held: Arc<()>,
    firing: mpsc::SyncSender<(Instant, CancelCause)>,
    is_released: Mutex<bool>,
    released: Condvar,
}

impl Daemon {
    pub(super) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.cancel_grace = Duration::from_millis(200);
        set(&mut config);
        Self::of(|server| server.config(config)).await
    }

    pub(super) async fn of(change: impl FnOnce(DaemonServer) -> DaemonServer) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = support::address(support::LOCAL, &directory);
        let mut daemon = Self::begin(&address, change).await;
        daemon.directory = Some(directory);
        daemon
    }

    /// A daemon at an address where another was.
    pub(super) async fn at(address: &Address) -> Self {
        Self::begin(address, |server| server).await
    }

    async fn begin(address: &Address, change: impl FnOnce(DaemonServer) -> DaemonServer) -> Self {
        let (firing, fired) = mpsc::sync_channel(64);
        let shared = Arc::new(Shared {
            fired: Mutex::new(fired),
            firing,
            held: Arc::default(),
            is_released: Mutex::new(false),
            released: Condvar::new(),
        });
        let trial = Trial(Arc::clone(&shared));
        let server = DaemonServer::new("trial", trial)
            .build("b7", Some(1_767_225_600_000))
            .startup(StartupReason::AfterCrash { crashes: 3 });
        let serving = change(server).listen(address).await.unwrap();
        Self {
            serving: Some(serving),
            address: address.clone(),
            shared,
            directory: None,
        }
    }

    pub(super) fn serving(&self) -> &Serving {
        self.serving.as_ref().unwrap()
    }
}

impl Shared {
    /// Lets commands go on that block their threads.
    pub(super) fn release(&self) {
        *self.is_released.lock().unwrap() = true;
        self.released.notify_all();
    }

    fn block(&self) {
        let is_released = self.is_released.lock().unwrap();
        let waiting = self
            .released
            .wait_while(is_released, |is_released| !*is_released);
        drop(waiting.unwrap());
    }

    /// Waits until a token has fired.
    pub(super) fn fired(&self) -> (Instant, CancelCause) {
        let fired = self.fired.lock().unwrap();
        fired.recv_timeout(wait::PATIENCE).unwrap()
    }
}

/// Does what its first argument says.
struct Trial(Arc<Shared>);

#[derive(Debug, Error)]
#[error("cannot read words.txt")]
struct Outer(#[source] Inner);

#[derive(Debug, Error)]
#[error("no such file")]
struct Inner;

impl CommandHandler for Trial {
    type Error = Box<dyn Error + Send + Sync>;

    async fn run(&self, mut command: Command) -> Result<ExitCode, Self::Error> {
        let argument = |number: usize| {
            let argument = command.arguments.get(number);
            argument.map(|text| text.to_string_lossy().into_owned())
        };
        let (verb, number) = (argument(1).unwrap_or_default(), argument(2));
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
        match verb.as_str() {
            "cat" => cat(command).await?,
            "both" => {
                command.stdout.write_chunk("to stdout").await?;
                command.stderr.write_chunk("to stderr").await?;
            }
            "blast" => blast(command, number).await?,
            "exit" => return Ok(ExitCode::new(u8::try_from(number).unwrap())),
            "signal" => return Ok(ExitCode::signal(command.signals.recv().await)),
            "size" => {
                let size = command.terminal.resized().await.unwrap();
                let text = format!("{}x{}", size.columns, size.rows);
                command.stdout.write_chunk(text).await?;
            }
            "facts" => facts(command).await?,
            "fail" => return Err(Outer(Inner).into()),
            "panic" => panic!("out of {}", "spells"),
            "wait" => {
                let cause = command.cancellation.cancelled().await;
                self.0.firing.try_send((Instant::now(), cause)).unwrap();
                return Ok(ExitCode::CANCELLED);
            }
            "hold" => {
                let held = Arc::clone(&self.0.held);
                std::future::pending::<()>().await;
                drop(held);
            }
            "ignore" => std::future::pending().await,
            "block" => self.0.block(),
            other => return Err(format!("{other} is no trial").into()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn cat(mut command: Command) -> std::io::Result<()> {
    while let Some(chunk) = command.stdin.next_chunk().await? {
        command.stdout.write_chunk(&chunk).await?;
    }
    Ok(())
}

async fn blast(mut command: Command, bytes: usize) -> std::io::Result<()> {
    let piece = vec![7; 256 * 1024];
    let mut left = bytes;
    while left > 0 {
        let count = left.min(piece.len());
        command
            .stdout
            .write_chunk(piece.get(..count).unwrap())
            .await?;
        left -= count;
    }
    Ok(())
}

async fn facts(mut command: Command) -> std::io::Result<()> {
    let payload: Vec<u32> = command
        .decode_payload(linkspan::codec::Codec::Msgpack)
        .unwrap();
    let text = format!(
        "{:?} {:?} {:?} {payload:?} {} {:?} {}",
        command.arguments,
        command.cwd,
        command.environment,
        command.startup,
        command.variable("LANG"),
        command.principal().name,
    );
    command.stdout.write_chunk(text).await
}
