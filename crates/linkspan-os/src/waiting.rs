//! Waiting until a deadline for a system call that has none.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// Lets a thread make a call that blocks, and waits for its result until `deadline`; `None` then.
///
/// Such a thread cannot be called back. It is left behind at the deadline, drops the result when
/// there is one, and ends; unless somebody waits for the same `key` before, who takes it over and
/// needs none of his own.
pub(crate) fn wait_before(
    key: Key,
    deadline: Instant,
    call: impl FnOnce() -> io::Result<File> + Send + 'static,
) -> io::Result<Option<File>> {
    let waiting = match take_over(key) {
        Some(waiting) => waiting,
        None => start(key, call)?,
    };
    let mut state = waiting.state();
    while state.result.is_none() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let waited = waiting.changed.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    drop(state);
    waiting.leave()
}

/// What tells files apart.
pub(crate) type Key = (u64, u64);

struct Waiting {
    key: Key,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    is_wanted: bool,
    result: Option<io::Result<File>>,
}

impl Waiting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the result, or leaves the thread behind.
    fn leave(self: Arc<Self>) -> io::Result<Option<File>> {
        let mut abandoned = abandoned();
        let mut state = self.state();
        let result = state.result.take();
        state.is_wanted = false;
        drop(state);
        match result {
            Some(result) => result.map(Some),
            None => {
                abandoned.push(self);
                Ok(None)
            }
        }
    }

    /// What the thread does with its result: a lock that nobody wants is given back.
    fn finish(self: &Arc<Self>, result: io::Result<File>) {
        let mut abandoned = abandoned();
        let mut state = self.state();
        if state.is_wanted {
            state.result = Some(result);
            self.changed.notify_one();
        } else {
            abandoned.retain(|other| !Arc::ptr_eq(other, self));
        }
    }
}

fn start(
    key: Key,
    call: impl FnOnce() -> io::Result<File> + Send + 'static,
) -> io::Result<Arc<Waiting>> {
    let waiting = Arc::new(Waiting {
        key,
        state: Mutex::new(State {
            is_wanted: true,
            result: None,
        }),
        changed: Condvar::new(),
    });
    let its_own = Arc::clone(&waiting);
    thread::Builder::new()
        .name("linkspan-lock".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || its_own.finish(call()))?;
    Ok(waiting)
}

fn take_over(key: Key) -> Option<Arc<Waiting>> {
    let mut abandoned = abandoned();
    let place = abandoned.iter().position(|waiting| waiting.key == key)?;
    let waiting = abandoned.swap_remove(place);
    waiting.state().is_wanted = true;
    Some(waiting)
}

/// Locked before any state, by whoever needs both.
fn abandoned() -> MutexGuard<'static, Vec<Arc<Waiting>>> {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Threads that nobody waits for; as many as there were callers at one time.
static ABANDONED: Mutex<Vec<Arc<Waiting>>> = Mutex::new(Vec::new());
const STACK_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn late() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn is_abandoned(key: Key) -> bool {
        abandoned().iter().any(|waiting| waiting.key == key)
    }

    #[test]
    fn who_comes_later_takes_the_thread_over_that_was_left_behind() {
        let key = (1, 1);
        let (go, gone) = sync_channel(1);
        let call = move || {
            gone.recv().unwrap();
            tempfile::tempfile()
        };
        assert!(wait_before(key, soon(), call).unwrap().is_none());
        assert!(is_abandoned(key));
        for _ in 0..3 {
            let never = || panic!("there is a thread already");
            assert!(wait_before(key, soon(), never).unwrap().is_none());
        }
        go.send(()).unwrap();
        // The result belongs to whoever waits when it comes, and to nobody if nobody does.
        let waited = wait_before(key, late(), tempfile::tempfile).unwrap();
        assert!(waited.is_some());
        assert!(!is_abandoned(key));
    }

    #[test]
    fn a_result_that_nobody_wants_is_dropped_and_the_thread_forgotten() {
        let key = (1, 2);
        let (go, gone) = sync_channel::<()>(1);
        let (file, path) = tempfile::NamedTempFile::new().unwrap().into_parts();
        let call = move || {
            gone.recv().ok();
            file.lock()?;
            Ok(file)
        };
        assert!(wait_before(key, soon(), call).unwrap().is_none());
        drop(go);
        let end = late();
        while is_abandoned(key) {
            assert!(Instant::now() < end);
            thread::yield_now();
        }
        let other = File::open(&path).unwrap();
        while other.try_lock().is_err() {
            assert!(Instant::now() < end);
            thread::yield_now();
        }
    }

    #[test]
    fn errors_come_through() {
        let call = || Err(io::ErrorKind::PermissionDenied.into());
        let error = wait_before((1, 3), late(), call).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
