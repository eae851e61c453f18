//! The opening of a session, with every sort of peer.

mod case;
mod end;

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use proto::Role;
use proto::error::{HandshakeError, SessionError};
use proto::session::EndError;

use crate::fuzz::handshake::case::{Case, Side, Terms, encode, honest_frame, patched};
use crate::fuzz::handshake::end::End;
use crate::fuzz::wire::{RawHeader, reads};

/// Opens a session with a peer that says anything, or one between two correct sides.
///
/// - What is agreed on lies within what this side offered.
/// - A refusal is told to the peer, as the next frame and the last.
/// - Two correct sides agree on the same, or both know why not.
pub fn handshake(data: &[u8]) {
    let Ok(case) = Case::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    match case {
        Case::Bytes {
            side,
            lengths,
            bytes,
        } => meet(&side, bytes, lengths),
        Case::Frame {
            side,
            kind,
            number,
            payload,
        } => {
            let header = RawHeader {
                kind,
                flags: 0,
                id: 1,
                stream: 0,
                number: number.into(),
            };
            meet(&side, &header.frame(payload), [0, 0]);
        }
        Case::Changed {
            side,
            peer,
            changes,
        } => {
            let frame = changes.applied_to(honest_frame(&side, &peer));
            meet(&side, &encode(&frame), [0, 0]);
        }
        Case::Patched {
            side,
            peer,
            patches,
        } => {
            let frame = encode(&honest_frame(&side, &peer));
            meet(&side, &patched(frame, &patches), [0, 0]);
        }
        Case::Honest {
            client,
            server,
            lengths,
        } => agree(&client, &server, lengths),
    }
}

/// Lets one side read bytes and checks what comes of it.
fn meet(side: &Side, bytes: &[u8], lengths: [u8; 2]) {
    let mut end = End::new(side.role(), side.terms.config());
    for read in reads(bytes, lengths) {
        end.read(read);
    }
    end.check();
}

/// Lets two sides read what the other says, and checks that they come to the same conclusion.
fn agree(client: &Terms, server: &Terms, lengths: [u8; 2]) {
    let mut client = End::new(Role::Client, client.config());
    let mut server = End::new(Role::Server, server.config());
    for _ in 0..3 {
        reads(&client.say(), lengths).for_each(|read| server.read(read));
        reads(&server.say(), lengths).for_each(|read| client.read(read));
    }
    client.check();
    server.check();
    match (&client.error, &server.error) {
        (None, None) => check_same(&client, &server),
        // A client that accepts no choice says so in a session that the server holds for open. It
        // says it in the one version that every side speaks.
        (Some(_), _)
            if server
                .agreement()
                .is_some_and(|agreement| agreement.version != 1) => {}
        (Some(refusal), Some(told)) => check_told(refusal, told),
        (refusal, told) => panic!("only one side knows: {refusal:?}, {told:?}"),
    }
}

fn check_same(client: &End, server: &End) {
    let (here, there) = (client.agreement(), server.agreement());
    let (here, there) = (here.expect("no error"), there.expect("no error"));
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        (here.version, here.checksum),
        (there.version, there.checksum)
    );
    assert_eq!(set(&here.features), set(&there.features));
    assert_eq!(set(&here.codecs), set(&there.codecs));
    assert_eq!(
        (here.peer_limits, there.peer_limits),
        (there.limits(), here.limits())
    );
    assert_eq!(here.nonces, there.nonces);
}

/// One error is the other's refusal, word for word.
fn check_told(client: &EndError, server: &EndError) {
    let told = |error: &EndError| match error {
        EndError::Handshake(HandshakeError::Refused(failure))
        | EndError::Session(SessionError::Peer(failure)) => Some(failure.message.clone()),
        _ => None,
    };
    match (told(client), told(server)) {
        (Some(message), None) => assert_eq!(message, server.to_string()),
        (None, Some(message)) => assert_eq!(message, client.to_string()),
        _ => panic!("nobody told the other: {client:?}, {server:?}"),
    }
}
