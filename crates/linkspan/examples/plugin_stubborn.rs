//! A plugin whose handlers do what handlers should not, for the tests: they keep their threads, panic,
//! flood the log, print, and die.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it misbehaves")]

use std::process::{Command, ExitCode, abort};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use linkspan::plugin::guest::{Host, Plugin};
use linkspan::rpc::{CallError, Context, Streaming};

#[linkspan::service]
trait Stubborn {
    /// Keeps its thread for so long, and gives it back.
    async fn block(&self, millis: u64) -> Result<u64, CallError>;

    /// Waits for so long without a thread.
    async fn wait(&self, millis: u64) -> Result<u64, CallError>;

    /// How many calls of `wait` were dropped before they were done.
    async fn dropped(&self) -> Result<u64, CallError>;

    /// Panics.
    async fn panic(&self) -> Result<(), CallError>;

    /// Logs so many records.
    async fn flood(&self, records: u64) -> Result<(), CallError>;

    /// Prints so many lines.
    async fn print(&self, lines: u64) -> Result<(), CallError>;

    /// Numbers up to this one, each of which keeps its thread for a while.
    async fn slowly(&self, upto: u64, millis: u64) -> Result<Streaming<u64>, CallError>;

    /// Numbers up to this one, and then no process any more.
    async fn die_after(&self, number: u64) -> Result<Streaming<u64>, CallError>;

    /// Blocks the runtime on which handlers spawn.
    async fn spawn_block(&self, millis: u64) -> Result<(), CallError>;

    /// What a child process finds of the connection.
    async fn child(&self) -> Result<String, CallError>;

    /// Says whether it is ready.
    async fn set_ready(&self, ready: bool, reason: String) -> Result<(), CallError>;

    /// Ends the plugin.
    async fn stop(&self) -> Result<(), CallError>;

    /// Publishes on a topic.
    async fn publish(&self, topic: String) -> Result<(), CallError>;

    /// What was heard on topics below `heard`, in its order.
    async fn heard(&self) -> Result<Vec<String>, CallError>;
}

struct Mule {
    host: Host,
    heard: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

/// Counts what was dropped.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Stubborn for Mule {
    async fn block(&self, millis: u64) -> Result<u64, CallError> {
        thread::sleep(Duration::from_millis(millis));
        Ok(millis)
    }

    async fn wait(&self, millis: u64) -> Result<u64, CallError> {
        let held = Held;
        tokio::time::sleep(Duration::from_millis(millis)).await;
        std::mem::forget(held);
        Ok(millis)
    }

    async fn dropped(&self) -> Result<u64, CallError> {
        Ok(DROPPED.load(Ordering::Relaxed))
    }

    #[expect(clippy::panic, reason = "it misbehaves")]
    async fn panic(&self) -> Result<(), CallError> {
        panic!("as it was asked to");
    }

    async fn flood(&self, records: u64) -> Result<(), CallError> {
        for number in 0..records {
            tracing::info!(number, "flood");
        }
        Ok(())
    }

    async fn print(&self, lines: u64) -> Result<(), CallError> {
        for number in 0..lines {
            println!("{number} on stdout");
            eprintln!("{number} on stderr");
        }
        Ok(())
    }

    async fn slowly(&self, upto: u64, millis: u64) -> Result<Streaming<u64>, CallError> {
        Ok(Streaming::from_values((1..=upto).inspect(move |_| {
            thread::sleep(Duration::from_millis(millis));
        })))
    }

    async fn die_after(&self, number: u64) -> Result<Streaming<u64>, CallError> {
        let (sender, numbers) = Streaming::channel(1);
        tokio::spawn(async move {
            for number in 1..=number {
                sender.send(Ok(number)).await.ok();
            }
            // What was sent should be read before there is nobody to send it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            abort();
        });
        Ok(numbers)
    }

    async fn spawn_block(&self, millis: u64) -> Result<(), CallError> {
        tokio::spawn(async move { thread::sleep(Duration::from_millis(millis)) });
        Ok(())
    }

    async fn child(&self) -> Result<String, CallError> {
        let script = r#"echo "${LINKSPAN_PLUGIN_FD:-no variable}, sockets: $(ls -l /proc/$$/fd | grep -c socket)""#;
        let output = Command::new("sh").args(["-c", script]).output();
        let output = output.map_err(|error| {
            let failure = (linkspan::Category::Handler, linkspan::Code::INTERNAL);
            CallError::from(linkspan::Failure::new(
                failure.0,
                failure.1,
                error.to_string(),
            ))
        })?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    async fn set_ready(&self, ready: bool, reason: String) -> Result<(), CallError> {
        self.host.set_ready(ready, &reason);
        Ok(())
    }

    async fn stop(&self) -> Result<(), CallError> {
        self.host.stop(Duration::from_secs(10));
        Ok(())
    }

    async fn publish(&self, topic: String) -> Result<(), CallError> {
        self.host.publish(&topic, &()).await
    }

    async fn heard(&self) -> Result<Vec<String>, CallError> {
        let heard = self.heard.lock();
        Ok(heard.map(|heard| heard.clone()).unwrap_or_default())
    }
}

fn main() -> ExitCode {
    let plugin = Plugin::new("stubborn", "2.0").doc("Does what it should not.");
    let host = plugin.host();
    let heard = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let mule = Mule {
        host,
        heard: std::sync::Arc::clone(&heard),
    };
    let plugin = plugin
        .service(StubbornServer::new(mule))
        .method("twice", async |number: i64, _: Context| {
            Ok::<_, CallError>(2 * number)
        })
        .on_event("heard/#", move |topic: String, body: String, _| {
            if let Ok(mut heard) = heard.lock() {
                heard.push(format!("{topic}: {body}"));
            }
            std::future::ready(())
        })
        .on_event("block/+", |_: String, millis: u64, _| {
            thread::sleep(Duration::from_millis(millis));
            std::future::ready(())
        })
        .on_stop(|| println!("stopped"));
    match std::env::args().nth(1).as_deref() {
        Some("fail") => plugin.on_start(async { Err("there is no cache") }).run(),
        Some("hang") => plugin
            .on_start(async {
                thread::sleep(Duration::from_secs(600));
                Ok::<_, String>(())
            })
            .run(),
        Some("reserved") => plugin
            .method("linkspan.mine", async |(): (), _: Context| {
                Ok::<_, CallError>(())
            })
            .run(),
        _ => plugin.run(),
    }
}

static DROPPED: AtomicU64 = AtomicU64::new(0);
