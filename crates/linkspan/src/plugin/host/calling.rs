//! From a call to the process that answers it.

use std::error::Error;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::error::{Category, Code};
use proto::message::Failure;

use crate::clock;
use crate::plugin::PluginName;
use crate::plugin::host::instance::Instance;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{Cause, RunError, State};
use crate::session::{CallError, Request, Response};

/// Calls a plugin: a process that takes calls now, or one as soon as there is one. What was certainly
/// not accepted goes to the next one, and so does what may have been handled if it is idempotent.
pub(super) async fn call(
    plugin: &Arc<Shared>,
    mut request: Request,
) -> Result<Response, CallError> {
    let began = clock::now();
    let limit = request.timeout;
    let until = clock::after(began, limit.unwrap_or(plugin.terms.patience));
    let mut last = None;
    loop {
        let Some(lease) = plugin.lease(until).await else {
            return Err(last.unwrap_or_else(|| missing(plugin, limit.is_some())));
        };
        request.timeout = limit.map(|limit| left(limit, began));
        let again = request.try_clone();
        let error = match lease.instance().connection.call(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let instance = lease.into_instance();
        let again = again.filter(|again| may_repeat(&error, again));
        let is_worth_it = again.is_some() && waits(&error, &instance, until).await;
        request = match again.filter(|_| is_worth_it) {
            Some(again) => again,
            None => return Err(explained(error, &plugin.name, &instance).await),
        };
        last = Some(error);
    }
}

/// Says of a call that was cut off what became of the process.
async fn explained(error: CallError, name: &PluginName, instance: &Instance) -> CallError {
    match error {
        CallError::OutcomeUnknown { reason } => match instance.fate().await {
            Some(fate) => CallError::OutcomeUnknown {
                reason: format!("plugin {name} {fate}"),
            },
            None => CallError::OutcomeUnknown { reason },
        },
        error => error,
    }
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
async fn waits(error: &CallError, asked: &Instance, until: Instant) -> bool {
    match error.retry_after() {
        Some(pause) if clock::after(clock::now(), pause) < until => {
            tokio::time::sleep(pause).await;
            true
        }
        Some(_) => false,
        None => !asked.connection.is_open(),
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

/// What led to an error. What the plugin wrote before is not for all who may call it.
fn causes(error: &RunError) -> Vec<String> {
    let first = match error {
        RunError::GivenUp { last, .. } => match &last.cause {
            Cause::NotRun(error) => error.source(),
            _ => None,
        },
        error => error.source(),
    };
    let sources = iter::successors(first, |error: &&dyn Error| Error::source(*error));
    sources.map(ToString::to_string).collect()
}
