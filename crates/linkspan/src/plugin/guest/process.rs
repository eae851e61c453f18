//! The process of a plugin, as its main thread sees it: that the session goes on, and how all ends.

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::plugin::guest::conversation::converse;
use crate::plugin::guest::crew::Crew;
use crate::plugin::guest::{Plugin, explain, subscriber};
use crate::plugin::wire::EXIT_SOFTWARE;

/// Serves the host at the other end until it is gone.
pub(super) fn serve(mut plugin: Plugin, inherited: os::Inherited) -> ExitCode {
    let (name, host) = (plugin.name.clone(), plugin.host());
    let stop = plugin.on_stop.take();
    let begun = match plugin.problem() {
        Some(problem) => Err(io::Error::other(problem)),
        None => Process::start(plugin, inherited),
    };
    let code = match begun {
        Ok(mut process) => {
            let code = process.watch();
            exit_soon(code);
            process.wait_idle();
            if let Some(stop) = stop {
                stop();
            }
            code
        }
        Err(error) => {
            explain::say(&format!("{name}: cannot start: {error}"));
            EXIT_SOFTWARE
        }
    };
    // Nobody takes them any more but who reads standard error.
    while let Some(record) = host.logs().take() {
        explain::say(&explain::line(&record));
    }
    ExitCode::from(code)
}

/// A plugin at work.
struct Process {
    crew: Arc<Crew>,
    lifeline: os::Lifeline,
    ended: Arc<Ended>,
}

/// With which exit code the session has ended, once it has.
#[derive(Debug, Default)]
struct Ended(Mutex<Option<u8>>);

impl Process {
    fn start(plugin: Plugin, inherited: os::Inherited) -> io::Result<Self> {
        let (lifeline, caller) = inherited.lifeline()?;
        subscriber::install(&plugin.host, plugin.log_level);
        let crew = Crew::start(plugin.threads, caller)?;
        let ended = Arc::new(Ended::default());
        let (serving, end) = (Arc::clone(&crew), Arc::clone(&ended));
        crew.spawn(async move {
            let code = converse(plugin, inherited, &serving).await;
            end.set(code);
            serving.call_watch();
        });
        Ok(Self {
            crew,
            lifeline,
            ended,
        })
    }

    /// Sees to it that the session goes on whatever handlers do, until it is over or the host is gone;
    /// gives the exit code.
    fn watch(&mut self) -> u8 {
        let mut deadline: Option<Instant> = None;
        loop {
            if let Some(code) = self.ended.get() {
                return code;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return 0;
            }
            let limit = [self.crew.tick(), left].into_iter().flatten().min();
            match self.lifeline.wait(limit) {
                Ok(os::Heard::Nothing) => self.crew.look(),
                Ok(os::Heard::End) => {
                    exit_soon(0);
                    // The session hears of it, too, and has its handlers dropped.
                    deadline = Some(Instant::now() + GRACE / 2);
                }
                Ok(_) => {}
                // Nobody else would end this process.
                Err(_) => return EXIT_SOFTWARE,
            }
        }
    }

    /// Gives handlers that block some time to notice that nobody wants them any more.
    fn wait_idle(&self) {
        let until = Instant::now() + GRACE / 2;
        while self.crew.is_polling() && Instant::now() < until {
            thread::sleep(PAUSE);
        }
    }
}

impl Ended {
    fn set(&self, code: u8) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
    }

    fn get(&self) -> Option<u8> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has this process end soon, whatever its threads do.
fn exit_soon(code: u8) {
    let last = thread::Builder::new().name("end".to_owned());
    let end = last.spawn(move || {
        thread::sleep(GRACE);
        os::exit_at_once(code)
    });
    if end.is_err() {
        os::exit_at_once(code);
    }
}

/// What is left of a process when its session is over has this long.
const GRACE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);
