//! What others send, as a stream of items.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use proto::frame::busrt::DeliveryKind;

use crate::auth::policy::Refused;
use crate::bus::broker::{Core, Member, Tap, Wish};
use crate::bus::native::Native;
use crate::bus::native::attachment::{barred, denied};
use crate::bus::native::feed::{End, Feed, encode, failure};
use crate::bus::native::requests::{masks, parameters, within};
use crate::bus::wire::{self, Record, RecordKind, TapKind};
use crate::bus::{Action, QueueLimits};
use crate::session::{Body, CallError, Request, Response};

/// Gives a client what others send to each other.
pub(super) async fn tap(native: Arc<Native>, mut request: Request) -> Result<Response, CallError> {
    let attachment = native.attachment(&request.context())?;
    let wanted = parameters::<wire::Tap>(request).await?;
    let core = Arc::clone(&attachment.core);
    let admitted = core.admit(&attachment.member, &[Action::Tap]);
    let place = admitted.map_err(|refused| match refused {
        Refused::Denied(_) => denied("the traffic of others"),
        refused => barred(&refused),
    })?;
    let most = core.config.queue_limits();
    let limits = QueueLimits {
        messages: within(wanted.queue_messages, most.messages),
        bytes: within(wanted.queue_bytes, most.bytes),
    };
    let wish = Wish {
        masks: masks(wanted.masks)?,
        sender: wanted.sender,
        receiver: wanted.receiver,
        kinds: wanted.kinds.into_iter().map(kind).collect(),
    };
    let watching = Watching {
        tap: core.taps.open(wish, limits, Arc::clone(&core.memory)),
        member: Arc::clone(&attachment.member),
        feed: attachment.feeds.add(),
        core,
        long: None,
    };
    Ok(Response::new(Body::streaming(
        Bytes::new(),
        place.keep(watching),
    )))
}

fn kind(kind: TapKind) -> DeliveryKind {
    match kind {
        TapKind::Publication => DeliveryKind::Publication,
        TapKind::Direct => DeliveryKind::Message,
        TapKind::Broadcast => DeliveryKind::Broadcast,
    }
}

/// What a tap sees, until its client goes.
struct Watching {
    core: Arc<Core>,
    member: Arc<Member>,
    tap: Arc<Tap>,
    /// Tells that nothing more will come.
    feed: Arc<Feed>,
    /// What goes as an item of its own.
    long: Option<Bytes>,
}

impl Stream for Watching {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(long) = self.long.take() {
            return Poll::Ready(Some(Ok(long)));
        }
        let mut end = self.feed.listen(cx.waker());
        let mut item = Vec::new();
        if !self.core.still_permits(&self.member, Action::Tap) {
            self.core.taps.close(&self.tap);
            end = Some(End::Revoked);
        }
        while item.len() < BATCH_BYTES
            && self.long.is_none()
            && let Poll::Ready(Some((dropped, tapped))) = self.tap.poll_next(cx)
        {
            if dropped > 0 {
                Record::encode_gap(dropped, &mut item);
            }
            let receiver = tapped.receiver.as_bytes();
            Record::encode_message(RecordKind::Receiver, 0, &[], receiver, false, &mut item);
            self.long = encode(&tapped.message, &mut item);
        }
        match (item.is_empty(), end) {
            (false, _) => Poll::Ready(Some(Ok(item.into()))),
            (true, Some(end)) => Poll::Ready(Some(Err(failure(end).into()))),
            (true, None) => Poll::Pending,
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.core.taps.close(&self.tap);
    }
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").finish_non_exhaustive()
    }
}

/// What leaves at once, about.
const BATCH_BYTES: usize = 32 * 1024;
