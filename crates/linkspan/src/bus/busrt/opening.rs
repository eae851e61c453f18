//! The beginning of a connection: greetings, and the client's name.

use std::sync::Arc;

use proto::frame::busrt::{FromBroker, FromClient, Status};

use crate::bus::JoinError;
use crate::bus::broker::{Core, Member, Origin};
use crate::bus::busrt::input::Input;
use crate::bus::busrt::outlet::Outlet;
use crate::bus::error::ConnectionError;

/// Lets a client in; nothing if it goes away before it is in.
pub(super) async fn open(
    core: &Core,
    origin: Origin,
    input: &mut Input,
    outlet: &Arc<Outlet>,
) -> Result<Option<Arc<Member>>, ConnectionError> {
    outlet.say(&FromBroker::Greeting).await?;
    let opened = introduce(core, origin, input, outlet).await;
    let refusal = match &opened {
        Err(ConnectionError::Protocol(error)) => error.status(),
        Err(ConnectionError::Join(error)) => Some(status(error)),
        _ => None,
    };
    if let Some(refusal) = refusal {
        outlet.say(&FromBroker::Status(refusal)).await?;
    }
    opened
}

async fn introduce(
    core: &Core,
    origin: Origin,
    input: &mut Input,
    outlet: &Arc<Outlet>,
) -> Result<Option<Arc<Member>>, ConnectionError> {
    loop {
        while let Some(said) = input.next()? {
            match said {
                FromClient::Greeting => {
                    outlet.say(&FromBroker::Status(Status::Ok)).await?;
                }
                FromClient::Name(name) => {
                    let (sending, farewell) = (Arc::clone(outlet), Arc::clone(outlet));
                    let member = core.join(&name, origin, Box::new(sending), Box::new(farewell))?;
                    return Ok(Some(member));
                }
                _ => {}
            }
        }
        if !input.fill().await? {
            return Ok(None);
        }
    }
}

fn status(error: &JoinError) -> Status {
    match error {
        JoinError::InUse => Status::Busy,
        JoinError::NoPrimary => Status::NotRegistered,
        JoinError::ForeignSecondary => Status::AccessDenied,
    }
}
