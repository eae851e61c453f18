//! The plugin: does as it should until it is told what to do.

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use proto::StreamId;
use proto::frame::Flags;
use proto::message::{Heartbeat, Message, Request, VersionRange};
use serde_json::json;

use crate::attacks::{self, Attacker};
use crate::session::Session;

/// Serves the host, or not, as its argument says.
pub(crate) fn run() -> ExitCode {
    let inherited = os::Inherited::from_environment("LINKSPAN_PLUGIN_FD");
    let Ok(Some(inherited)) = inherited else {
        return ExitCode::from(64);
    };
    let socket = inherited.into_socket();
    let versions = match std::env::args().nth(1).as_deref() {
        Some("mute") => stay(),
        Some("noise") => return end(&attacks::noise(&socket)),
        Some("newer") => VersionRange::new(2, 3),
        Some("older-and-newer") => VersionRange::new(1, 3),
        _ => VersionRange::SUPPORTED,
    };
    let served = Session::open(socket, versions).and_then(|session| {
        let mut attacker = Attacker::new(session);
        serve(&mut attacker)?;
        match attacker.is_deaf {
            true => stay(),
            false => Ok(()),
        }
    });
    end(&served)
}

fn end(result: &io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(76),
    }
}

/// Serves the host as it should, until it is told what to do.
fn serve(attacker: &mut Attacker) -> io::Result<()> {
    while let Some(frame) = attacker.session.receive()? {
        match frame.message {
            Message::Request(request) => answer(attacker, frame.stream, &request)?,
            Message::Heartbeat(Heartbeat::Ask) => {
                let yes = Message::Heartbeat(Heartbeat::Answer);
                attacker
                    .session
                    .send(StreamId::CONNECTION, Flags::NONE, yes)?;
            }
            Message::Goodbye(_) if !attacker.is_deaf => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn answer(attacker: &mut Attacker, stream: StreamId, request: &Request) -> io::Result<()> {
    let value = match &*request.method {
        "linkspan.plugin.describe" => {
            json!({ "name": "hostile", "version": "1.0", "methods": [] })
        }
        "linkspan.plugin.ready" => json!({ "ready": true }),
        "linkspan.plugin.live" => json!(null),
        "hostile.stream" => return attacker.die_in_mid_stream(stream),
        _ => {
            let words: String = rmp_serde::from_slice(&request.body).map_err(io::Error::other)?;
            return attacker.act(stream, &words);
        }
    };
    attacker.session.respond(stream, &value)
}

/// Does nothing more, not even end.
fn stay() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
