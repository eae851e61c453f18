//! What answering a call costs, for callers that ask.

use std::future::poll_fn;
use std::time::Duration;

use proto::message::{Metadata, Usage};

use crate::clock;
use crate::rpc::handler::Call;
use crate::session::{BoxFuture, CallError, Request, Response};

/// Whether the caller wants to know.
pub(crate) fn is_wanted(request: &Request) -> bool {
    request
        .metadata
        .as_ref()
        .is_some_and(|metadata| metadata.text(Metadata::USAGE).is_some())
}

/// Calls a method and notes the cost in its response.
pub(crate) fn measure(request: Request, call: &Call) -> BoxFuture<Result<Response, CallError>> {
    let began = clock::now();
    let received_bytes = request.body.head_bytes();
    let mut answer = call(request);
    Box::pin(async move {
        let mut cpu_time = Duration::ZERO;
        let answer = poll_fn(|cx| {
            let before = os::thread_cpu_time();
            let poll = answer.as_mut().poll(cx);
            cpu_time += os::thread_cpu_time().saturating_sub(before);
            poll
        });
        let mut response = answer.await?;
        let mut usage = Usage::default();
        usage.time = clock::now() - began;
        usage.cpu_time = Some(cpu_time);
        usage.peak_bytes = os::peak_memory_bytes();
        usage.received_bytes = received_bytes;
        usage.sent_bytes = response.body.head_bytes();
        response.metadata.get_or_insert_default().set_usage(&usage);
        Ok(response)
    })
}
