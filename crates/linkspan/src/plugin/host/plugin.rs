//! A plugin, as programs hold it.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task;
use tower_service::Service;

use crate::codec::{Codec, Decode, Encode};
use crate::plugin::host::board::Facts;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{Logs, RunError, State, States, Status, Terms, calling, control};
use crate::plugin::{Manifest, PluginName};
use crate::session::{BoxFuture, CallError, Request, Response};

/// A plugin of a [`PluginHost`](crate::plugin::host::PluginHost), to start, to stop and to call.
///
/// It is a `tower_service::Service<Request>`, so that generated clients work on it. Clones are the same
/// plugin; dropping them ends nothing.
///
/// # Calls
///
/// A call goes to a process that is ready. While there is none because the plugin starts, or is started
/// again, it waits until its deadline, or as long as [`Terms::patience`] says. A call that was never
/// accepted goes to the next process, and so does an idempotent one whose outcome is not known; others
/// then fail with [`CallError::OutcomeUnknown`]. Calls of a plugin that does not run, and is not going to,
/// fail at once with a failure of category `plugin`. Deadlines, cancelling and streams in both directions
/// are as with any server.
#[derive(Debug, Clone)]
pub struct Plugin {
    pub(super) shared: Arc<Shared>,
}

impl Plugin {
    /// Its name.
    pub fn name(&self) -> &PluginName {
        &self.shared.name
    }

    /// What it says of itself: the manifest of what runs, or ran last.
    pub fn manifest(&self) -> Manifest {
        self.facts().manifest.clone()
    }

    /// What its host grants to it.
    pub fn terms(&self) -> &Terms {
        &self.shared.terms
    }

    /// Has it run, and waits until all of its processes are ready. One that runs already is left as it
    /// is; one that failed before begins anew.
    ///
    /// # Errors
    ///
    /// [`RunError`], once it is certain that it is not going to run: at once if another attempt cannot
    /// help, else when it is given up.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is started nevertheless.
    pub async fn start(&self) -> Result<(), RunError> {
        self.detached(async |plugin| control::start(&plugin).await)
            .await
            .unwrap_or(Err(RunError::Unloaded))
    }

    /// Has all of its processes end, and waits for that: calls that are under way may be finished
    /// within [`Terms::drain_timeout`], then the connection is closed, and who does not end by that is
    /// ended. It is not started again by itself.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is stopped nevertheless.
    pub async fn stop(&self) {
        self.detached(async |plugin| control::stop(&plugin).await)
            .await;
    }

    /// Stops it and starts it again as its files are now. Calls wait meanwhile, as for any start; with
    /// [`reload`](Self::reload) they do not need to.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is restarted nevertheless.
    pub async fn restart(&self) -> Result<(), RunError> {
        self.detached(async |plugin| control::restart(&plugin).await)
            .await
            .unwrap_or(Err(RunError::Unloaded))
    }

    /// Has it run as its files are now, without a gap: they are verified anew, new processes are
    /// started, and once all of them are ready calls go to them; the earlier ones finish what they have
    /// and end. If it does not run, its files are only verified.
    ///
    /// # Errors
    ///
    /// [`RunError`] of the first new process that fails. Then everything is as before.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is reloaded nevertheless.
    pub async fn reload(&self) -> Result<(), RunError> {
        self.detached(async |plugin| control::reload(&plugin).await)
            .await
            .unwrap_or(Err(RunError::Unloaded))
    }

    /// Sends a request and waits for the answer, or for its first piece if it is a stream.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`](crate::session::Connection::call), and [`CallError::Failed`] if the plugin
    /// does not run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the plugin.
    pub async fn call(&self, request: Request) -> Result<Response, CallError> {
        calling::call(&self.shared, request).await
    }

    /// Calls a method by its name, with any body, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the method's own error is [`CallError::Application`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the plugin.
    pub async fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        let response = self.call(Request::with_payload(method, payload)).await?;
        let payload = response.collect().await?;
        R::decode(&payload).map_err(CallError::Decode)
    }

    /// Tells all of its processes something, without an answer: it returns once the event is on its way
    /// to each.
    ///
    /// # Errors
    ///
    /// [`CallError::Encode`] and [`CallError::TooLarge`] for the body. A plugin that does not run, or a
    /// process that ends meanwhile, is told nothing.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some of its processes may not be told.
    pub async fn send_event(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), CallError> {
        let instances = self.shared.board.borrow().up().to_vec();
        for instance in instances {
            // Any other error is one of a process that is ending.
            if let Err(error @ (CallError::Encode(_) | CallError::TooLarge { .. })) =
                instance.connection.send_event(topic, body).await
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        self.shared.board.borrow().state()
    }

    /// How far it comes from now on.
    pub fn states(&self) -> States {
        States::of(&self.shared)
    }

    /// All that is known of it now.
    pub fn status(&self) -> Status {
        self.shared.board.borrow().status()
    }

    /// What it says.
    pub fn logs(&self) -> &Logs {
        &self.shared.logs
    }

    fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.shared.board.borrow().facts)
    }

    /// Does something to its end, even if nobody waits for that; none if the runtime is gone.
    async fn detached<T: Send + 'static, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        task::spawn(work(Arc::clone(&self.shared))).await.ok()
    }
}

impl Service<Request> for Plugin {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { calling::call(&shared, request).await })
    }
}
