//! The collector of procwatch: a plugin that looks at the machine's processes, and can do nothing else.
//!
//! It publishes what starts and what ends, and takes detection tasks over a connection of its own.

mod lookout;
mod table;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkspan::auth::Principal;
use linkspan::exchange::{Context, Server};
use linkspan::plugin::guest::{Host, Plugin};
use linkspan::transport::{Connected, Inherited};
use procwatch::wire::{Found, TASKS_VARIABLE, Task};
use tokio::time::{MissedTickBehavior, interval};

use lookout::Lookout;

fn main() -> ExitCode {
    // Before there is a second thread.
    let tasks = Inherited::from_environment(TASKS_VARIABLE);
    let plugin = Plugin::new("collector", env!("CARGO_PKG_VERSION")).doc("Looks at processes.");
    let host = plugin.host();
    let start = async move {
        let tasks = tasks?.ok_or("there is no connection for tasks")?;
        let tasks = Connected::inherited(tasks, Principal::named("host"))?;
        begin(host, tasks).map_err(Failure::from)
    };
    plugin.on_start(start).run()
}

/// Takes tasks and looks at processes from now on, as long as this process lives.
fn begin(host: Host, tasks: Connected) -> std::io::Result<()> {
    let lookout = Arc::new(Mutex::new(Lookout::begin()?));
    let asked = Arc::clone(&lookout);
    let server = Server::new().message_handler(move |task: Task, _: Context| {
        let found = lock(&asked).handle(task);
        async { Ok::<_, Found>(found) }
    });
    tokio::spawn(server.serve(tasks));
    tokio::spawn(look_out(host, lookout));
    Ok(())
}

/// Publishes what happens to processes.
async fn look_out(host: Host, lookout: Arc<Mutex<Lookout>>) {
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let seen = lock(&lookout).look();
        match &seen {
            Ok(_) => host.set_ready(true, ""),
            Err(error) => host.set_ready(false, &format!("/proc cannot be read: {error}")),
        }
        for (topic, event) in seen.unwrap_or_default() {
            if host.publish(&topic, &event).await.is_err() {
                // The session is over, and so is this process, soon.
                return;
            }
        }
    }
}

fn lock(lookout: &Mutex<Lookout>) -> std::sync::MutexGuard<'_, Lookout> {
    lookout.lock().unwrap_or_else(PoisonError::into_inner)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What lives shorter may not be seen.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
