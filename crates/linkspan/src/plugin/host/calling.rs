//! From a call to the process that answers it.

use std::error::Error;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::error::{Category, Code};
use proto::message::Failure;

use crate::clock;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{RunError, State};
use crate::session::{CallError, Request, Response};

/// Calls a plugin: a process that takes calls now, or one as soon as there is one. What was certainly
/// not accepted goes to the next one, and so does what may have been handled if it is idempotent.
pub(super) async fn call(plugin: &Arc<Shared>, request: Request) -> Result<Response, CallError> {
    let began = clock::now();
    let limit = request.timeout;
    let until = clock::after(began, limit.unwrap_or(plugin.terms.patience));
    let mut next = Some(request);
    let mut last = None;
    while let Some(mut request) = next {
        let Some(lease) = plugin.lease(until).await else {
            return Err(last.unwrap_or_else(|| missing(plugin, limit.is_some())));
        };
        request.timeout = limit.map(|limit| left(limit, began));
        let again = request.try_clone();
        let error = match lease.instance().connection.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let is_open = lease.instance().connection.is_open();
        drop(lease);
        next = again.filter(|request| may_repeat(&error, request));
        if next.is_some() && !waits(&error, is_open, until).await {
            return Err(error);
        }
        last = Some(error);
    }
    Err(last.unwrap_or(CallError::Cancelled))
}

/// The rest of a caller's time.
fn left(limit: Duration, began: Instant) -> Duration {
    limit.saturating_sub(clock::now().saturating_duration_since(began))
}

fn may_repeat(error: &CallError, request: &Request) -> bool {
    match error {
        CallError::NotAccepted { .. } => true,
        CallError::OutcomeUnknown { .. } => request.idempotent,
        _ => false,
    }
}

/// Waits as long as the process that refused a call says; without its word only another process is
/// asked, not the same one over and over.
async fn waits(error: &CallError, is_open: bool, until: Instant) -> bool {
    match error.retry_after() {
        Some(pause) if clock::after(clock::now(), pause) < until => {
            tokio::time::sleep(pause).await;
            true
        }
        Some(_) => false,
        None => !is_open,
    }
}

/// Why there is no process for a call.
fn missing(plugin: &Shared, has_deadline: bool) -> CallError {
    let status = plugin.board.borrow().status();
    let name = &plugin.name;
    let message = match (status.state, &status.failure, &status.last_end) {
        (State::Failed, Some(failure), _) => format!("plugin {name} does not run: {failure}"),
        (State::Created, ..) => format!("plugin {name} was not started"),
        (State::Stopped | State::Stopping, ..) => format!("plugin {name} was stopped"),
        (_, _, _) if has_deadline => return CallError::DeadlineExceeded,
        (State::Running, ..) => {
            let mut reasons = status.instances.iter().map(|one| one.ready.reason.as_str());
            let reason = reasons.find(|reason| !reason.is_empty());
            format!(
                "plugin {name} is not ready: {}",
                reason.unwrap_or("it does not say why")
            )
        }
        (state, _, Some(end)) => format!("plugin {name} is {state}; at last it {end}"),
        (state, _, None) => format!("plugin {name} is {state}"),
    };
    let mut failure = Failure::new(Category::Plugin, Code::UNAVAILABLE, message);
    failure.retryable = !status.state.is_at_rest();
    if let Some(error) = &status.failure {
        failure.causes = causes(error);
    }
    CallError::Failed(Box::new(failure))
}

/// What led to an error, and what the plugin wrote before.
fn causes(error: &RunError) -> Vec<String> {
    let first = error.source();
    let sources = iter::successors(first, |error: &&dyn Error| Error::source(*error));
    let sources = sources.map(ToString::to_string);
    let words = error.last_words().iter();
    sources
        .chain(words.map(|line| format!("stderr: {line}")))
        .collect()
}
