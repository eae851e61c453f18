//! Sessions past their opening: two honest sides, or one and an enemy.

mod attack;
mod endpoint;
mod hostile;
mod op;
mod pair;
mod program;
mod talk;

use arbitrary::Unstructured;
use proto::session::{Agreement, Handshake};
use proto::{Config, Role};

/// Does to a session what `data` says.
///
/// After every step, on both sides:
///
/// - what is unread lies within the limits that the side told its peer,
/// - what waits for the transport, or on a stream for credit, is bounded,
/// - no more streams are open than were allowed.
///
/// Two honest sides, in whatever portions the transport moves their bytes:
///
/// - never see the other break a rule,
/// - receive what was sent, in its order and its items,
/// - come to an end of everything that was begun, each stream once, with no credit lost,
/// - or lose the connection, and know which streams were certainly not handled.
///
/// A hostile peer is told what it did wrong, and has no other effect.
pub fn session(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // An input that ends too early says nothing.
    let _said = match input.arbitrary() {
        Ok(true) => hostile::run(&mut input),
        Ok(false) => pair::run(&mut input),
        Err(error) => Err(error),
    };
}

/// What a client and a server agree on, each in its own view.
fn open(client: &Config, server: &Config) -> [Agreement; 2] {
    let mut client = Handshake::new(Role::Client, client.clone(), [1; 32]);
    let mut server = Handshake::new(Role::Server, server.clone(), [2; 32]);
    let offer = client.poll_transmit().expect("a client offers");
    let there = server.handle_frame(offer).expect("the offer is correct");
    let choice = server.poll_transmit().expect("a server chooses");
    let here = client.handle_frame(choice).expect("the choice is correct");
    [here, there].map(|agreement| agreement.expect("an opening has two steps"))
}
