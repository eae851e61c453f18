//! The beginning of a connection: greetings, and the client's name.

use std::sync::Arc;

use proto::frame::busrt::{FromBroker, FromClient, Name, Status};

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
                    // Each step has its own time, however its bytes come.
                    input.renew();
                }
                FromClient::Name(name) => return register(core, &name, origin, outlet).await,
                _ => {}
            }
        }
        if !input.fill().await? {
            return Ok(None);
        }
    }
}

async fn register(
    core: &Core,
    name: &Name,
    origin: Origin,
    outlet: &Arc<Outlet>,
) -> Result<Option<Arc<Member>>, ConnectionError> {
    // It lives for long; what was read with it need not.
    let name = name.detached();
    if !core.config.force_register {
        core.settle(&name).await;
    }
    let (sending, farewell) = (Arc::downgrade(outlet), Arc::downgrade(outlet));
    let member = core.join(&name, origin, Box::new(sending), Box::new(farewell))?;
    Ok(Some(member))
}

fn status(error: &JoinError) -> Status {
    match error {
        JoinError::InUse => Status::Busy,
        JoinError::NoPrimary => Status::NotRegistered,
        JoinError::ForeignSecondary => Status::AccessDenied,
    }
}
