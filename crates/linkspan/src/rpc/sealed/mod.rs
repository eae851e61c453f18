//! Calls whose bodies only the two ends can read (docs/protocol.md, section 21.2).

mod answering;
mod bodies;
mod calling;

pub use calling::Sealed;

use std::sync::Arc;

use crate::auth::seal::Sealing;
use crate::rpc::sealed::answering::Answering;
use crate::rpc::server::Finish;
use crate::rpc::{Client, Router, Server};

impl Client {
    /// The same client, which seals what it asks, and takes only sealed answers.
    ///
    /// Generated clients work on it: `GreeterClient::new(client.sealed(&sealing))`.
    pub fn sealed(self, sealing: &Sealing) -> Sealed<Self> {
        Sealed::new(self, sealing)
    }
}

impl Router {
    /// The same methods and events, for those who seal what they ask: it seals its answers, and answers
    /// nobody else. Methods that are added later are not among them.
    ///
    /// A handler finds the name of who sealed a request in the metadata `sealed-sender`. What it forbids
    /// to repeat it does not see twice. The list of methods, and that there is no such method, is told to
    /// everybody. A handler that forwards a request instead of answering it belongs into a router that is
    /// not sealed: what was sealed stays so.
    #[must_use]
    pub fn sealed(self, sealing: &Sealing) -> Self {
        let answering = Arc::new(Answering::new(sealing));
        let events = Arc::clone(&answering);
        self.behind(
            move |entry| Arc::clone(&answering).call(entry),
            move |handler| Arc::clone(&events).event(handler),
        )
    }
}

impl Server {
    /// Answers all its methods, whenever they are added, only to those who seal what they ask; see
    /// [`Router::sealed`]. Layers see envelopes.
    #[must_use]
    pub fn sealed(mut self, sealing: &Sealing) -> Self {
        let sealing = sealing.clone();
        let finish = move |router: Router| router.sealed(&sealing);
        self.finish.push(Finish(Box::new(finish)));
        self
    }
}
