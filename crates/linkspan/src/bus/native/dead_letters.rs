//! Dead letters over sessions.

use std::sync::Arc;

use bytes::Bytes;
use proto::message::Failure;
use serde::Serialize;

use crate::auth::policy::Refused;
use crate::bus::Action;
use crate::bus::broker::Chosen;
use crate::bus::native::Native;
use crate::bus::native::attachment::{Attachment, barred, denied, invalid};
use crate::bus::native::requests::parameters;
use crate::bus::wire::{DeadLetterFilter, DroppedDeadLetters, ListDeadLetters, ShowDeadLetter};
use crate::codec::Codec;
use crate::session::{CallError, Request, Response};

/// Lists dead letters.
pub(super) async fn list(native: Arc<Native>, mut request: Request) -> Result<Response, CallError> {
    let client = permitted(&native, &mut request)?;
    let wanted: ListDeadLetters = parameters(request).await?;
    let chosen = chosen(wanted.filter.clone())?;
    answer(&client.core.list_dead_letters(&chosen, &wanted))
}

/// Shows a dead letter; nothing if there is none.
pub(super) async fn show(native: Arc<Native>, mut request: Request) -> Result<Response, CallError> {
    let client = permitted(&native, &mut request)?;
    let ShowDeadLetter { id } = parameters(request).await?;
    match client.core.dead_letters.letter(id) {
        Some(letter) => answer(&letter.whole()),
        None => Ok(Response::new(Bytes::new())),
    }
}

/// Delivers dead letters after all.
pub(super) async fn replay(
    native: Arc<Native>,
    mut request: Request,
) -> Result<Response, CallError> {
    let client = permitted(&native, &mut request)?;
    let chosen = chosen(parameters(request).await?)?;
    answer(&client.core.replay(&client.member, &chosen))
}

/// Forgets dead letters.
pub(super) async fn forget(
    native: Arc<Native>,
    mut request: Request,
) -> Result<Response, CallError> {
    let client = permitted(&native, &mut request)?;
    let chosen = chosen(parameters(request).await?)?;
    let dropped = client.core.drop_dead_letters(&chosen);
    answer(&DroppedDeadLetters { dropped })
}

/// The client that asks, if it may.
fn permitted(native: &Native, request: &mut Request) -> Result<Arc<Attachment>, Failure> {
    let client = native.attachment(&request.context())?;
    let admitted = client.core.admit(&client.member, &[Action::DeadLetters]);
    // It is done before anybody could ask for more.
    let admitted = admitted.map(drop);
    admitted.map_err(|refused| match refused {
        Refused::Denied(_) => denied("dead letters"),
        refused => barred(&refused),
    })?;
    Ok(client)
}

fn chosen(filter: DeadLetterFilter) -> Result<Chosen, Failure> {
    Chosen::of(filter).map_err(|error| invalid("the mask", &error))
}

fn answer(answer: &impl Serialize) -> Result<Response, CallError> {
    let body = Codec::Msgpack.encode(answer).map_err(CallError::Encode)?;
    Ok(Response::new(body))
}
