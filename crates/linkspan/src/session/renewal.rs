//! Sessions whose peer is believed for a time: how they are renewed, and how they end if not.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use proto::error::{Category, Code, HandshakeError, SessionError};
use proto::message::{Accepted, Failure, Renewal};
use tokio::sync::watch;
use tracing::debug;

use crate::auth::{Asked, Credential, Lease, Refused};
use crate::clock;
use crate::session::connection::Handle;
use crate::session::driver::Driver;
use crate::session::handler::{BoxFuture, Handler, Method, Placement};
use crate::session::shared::{Life, Shared, Stop};
use crate::session::{CallError, Connection, Event, Request, Response};

/// Drives a server's connection for as long as its client is believed.
pub(super) async fn drive(driver: Driver, lease: &Lease, shared: &Shared) {
    if !lease.can_lapse() {
        return driver.await;
    }
    let mut driver = pin!(driver);
    let lapse = tokio::select! {
        biased;
        () = &mut driver => return,
        lapse = lease.lapse() => lapse,
    };
    shared.stop(Stop {
        until: clock::now(),
        reason: "the client is believed no longer",
        lapse: Some(lapse),
    });
    driver.await;
}

/// A server's methods, and the one by which its client renews the session.
pub(super) struct Renewable {
    inner: Arc<dyn Handler>,
    renew: Arc<Renew>,
}

impl Renewable {
    /// What a server serves to the client of a lease.
    pub(super) fn around(inner: Arc<dyn Handler>, lease: &Arc<Lease>) -> Arc<dyn Handler> {
        if !lease.is_renewable() {
            return inner;
        }
        let renew = Arc::new(Renew {
            lease: Arc::clone(lease),
            placement: Placement::default(),
        });
        Arc::new(Self { inner, renew })
    }
}

impl Handler for Renewable {
    fn method(&self, name: &str) -> Arc<dyn Method> {
        match name {
            Renewal::METHOD => Arc::clone(&self.renew) as Arc<dyn Method>,
            name => self.inner.method(name),
        }
    }

    fn event(&self, event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        self.inner.event(event)
    }
}

struct Renew {
    lease: Arc<Lease>,
    placement: Placement,
}

impl Method for Renew {
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>> {
        let lease = Arc::clone(&self.lease);
        Box::pin(async move {
            let peer = request.peer().cloned();
            let body = request.body.collect().await?;
            let renewal = Renewal::decode(&body).ok().zip(peer);
            let Some((renewal, peer)) = renewal else {
                return Err(failed(Failure::new(
                    Category::Request,
                    Code::INVALID_PARAMETERS,
                    "this is no renewal",
                )));
            };
            let renewed = lease.renew(&peer, &renewal.method, &renewal.proof, renewal.round);
            match renewed {
                Ok(accepted) => Ok(Response::new(accepted.to_bytes())),
                Err(why) => Err(refused(why)),
            }
        })
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }
}

fn refused(why: Refused) -> CallError {
    let error = HandshakeError::from(why);
    match error.to_failure() {
        Some(failure) => failed(failure),
        None => CallError::not_accepted(&error),
    }
}

fn failed(failure: Failure) -> CallError {
    CallError::Failed(Box::new(failure))
}

impl Connection {
    /// Proves anew who this client is, so that the session goes on; says how long it does then, if
    /// it ends by itself.
    ///
    /// Clients with a [credential](crate::session::Config::credential) do so by themselves when three
    /// quarters of the time are over. It has to be the same principal, with the same roles.
    ///
    /// # Errors
    ///
    /// [`CallError::Failed`] with category `authentication`: the server does not believe it, or the
    /// credential has expired (code `expired`). The session goes on until its time is up.
    /// [`CallError::NotAccepted`] if the session was opened without proof.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the session may have been renewed or not.
    pub async fn renew(&self, credential: &Credential) -> Result<Option<Duration>, CallError> {
        let shared = &self.handle().shared;
        let Some(transcript) = &shared.agreement.transcript else {
            return Err(CallError::not_accepted(
                "the session was opened without proof",
            ));
        };
        let method = credential.methods(&shared.peer).into_iter().next();
        let method = method.ok_or_else(|| CallError::not_accepted("the link is open to others"))?;
        let round = shared.next_renewal();
        let asked = Asked {
            transcript,
            channel: shared.peer.channel.as_ref(),
            round,
        };
        let proved = credential.prove(&asked);
        let proved = proved.map_err(|error| CallError::not_accepted(&error))?;
        let renewal = Renewal::new(method, round, proved.proof.clone());
        let request = Request::new(Renewal::METHOD, renewal.to_bytes());
        let answer = self.call(request).await?.body.collect().await?;
        match Accepted::decode(&answer) {
            Ok(accepted) if proved.is_confirmed_by(&accepted) => Ok(lasts(&accepted)),
            _ => Err(failed(Failure::new(
                Category::Authentication,
                Code::DENIED,
                HandshakeError::Impostor.to_string(),
            ))),
        }
    }

    /// What renews the session until it is over, if that is needed.
    pub(super) fn renewing(&self) -> Option<Renewing> {
        let shared = &self.handle().shared;
        let accepted = shared.agreement.accepted.as_ref();
        let accepted = accepted.filter(|accepted| accepted.renewable)?;
        Some(Renewing {
            handle: Arc::downgrade(self.handle()),
            life: shared.life.subscribe(),
            credential: shared.config.credential.clone()?,
            lasts: lasts(accepted)?,
        })
    }
}

fn lasts(accepted: &Accepted) -> Option<Duration> {
    accepted.expires_in_ms.map(Duration::from_millis)
}

/// Renews a client's session. It keeps no connection open.
pub(super) struct Renewing {
    handle: Weak<Handle>,
    life: watch::Receiver<Life>,
    credential: Credential,
    lasts: Duration,
}

impl Renewing {
    /// Renews until the connection is over.
    pub(super) async fn run(mut self) {
        let mut pause = self.lasts * 3 / 4;
        while self.still_open_after(pause).await {
            let Some(handle) = self.handle.upgrade() else {
                return;
            };
            let connection = Connection::from_handle(handle);
            pause = match connection.renew(&self.credential).await {
                Ok(Some(lasts)) => lasts * 3 / 4,
                Ok(None) => return,
                Err(error) => {
                    debug!(%error, "the session was not renewed");
                    // There may be a new credential soon.
                    pause.min(self.lasts / 16).max(LEAST_PAUSE)
                }
            };
        }
    }

    async fn still_open_after(&mut self, pause: Duration) -> bool {
        let over = |life: &Life| !matches!(life, Life::Open);
        let ended = self.life.wait_for(over);
        tokio::time::timeout(pause, ended).await.is_err()
    }
}

/// Between attempts that fail.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
