//! Services whose answers are not compressed.

use std::sync::Arc;

use crate::compression::Compress;
use crate::rpc::Router;
use crate::rpc::handler::Call;
use crate::rpc::router::Entry;

impl Router {
    /// The same methods and events, whose answers are sent as they are, whatever is agreed on: for
    /// answers with a secret beside something that their caller, or anybody else, has chosen.
    ///
    /// What callers send is theirs to compress or not, as
    /// [`Context::without_compression`](crate::session::Context::without_compression) says.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        self.behind(as_it_is, |event| event)
    }
}

fn as_it_is(entry: Arc<Entry>) -> Call {
    Box::new(move |request| {
        let entry = Arc::clone(&entry);
        Box::pin(async move {
            let mut response = (entry.call)(request).await?;
            response.compress = Compress::Never;
            Ok(response)
        })
    })
}
