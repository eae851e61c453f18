//! What was granted may be taken back while it is in use.

use tokio::sync::watch;

/// Takes back what was granted by one credential.
#[derive(Debug)]
pub struct Revoker(watch::Sender<bool>);

/// Says when that was done.
#[derive(Debug, Clone)]
pub struct Revocation(watch::Receiver<bool>);

impl Revoker {
    /// A credential that holds.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Takes it back: sessions that are open by it end.
    pub fn revoke(&self) {
        self.0.send_replace(true);
    }

    /// Whether anybody may be there by it.
    #[cfg(feature = "auth")]
    pub(crate) fn is_watched(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// For a [`Grant`](crate::auth::Grant) by this credential.
    pub fn revocation(&self) -> Revocation {
        Revocation(self.0.subscribe())
    }
}

impl Default for Revoker {
    fn default() -> Self {
        Self::new()
    }
}

impl Revocation {
    /// Whether it was taken back.
    pub fn is_revoked(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is. For ever, if nobody can do it any more.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn revoked(&mut self) {
        if self.0.wait_for(|revoked| *revoked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
