//! Two honest sides and a transport that is as slow as it likes.

use std::time::Instant;

use arbitrary::{Result, Unstructured};
use proto::Config;
use proto::message::Request;
use proto::session::Fate;

use crate::fuzz::session::endpoint::Endpoint;
use crate::fuzz::session::op::{MAX_BODY_BYTES, Op, Settings, Side, tenths};
use crate::fuzz::session::open;

/// Lets anything happen between two honest sides, in any order, then lets them finish or cuts the
/// connection.
///
/// # Errors
///
/// The input says nothing more.
pub(super) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let mut pair = Pair::new(input.arbitrary()?, input.arbitrary()?);
    let cut: bool = input.arbitrary()?;
    while !input.is_empty() {
        let Ok(op) = input.arbitrary() else { break };
        if !pair.happen(op) {
            // One side heard nothing for too long and hung up.
            pair.lose();
            return Ok(());
        }
        pair.check();
    }
    if cut {
        pair.lose();
    } else {
        pair.finish();
    }
    Ok(())
}

struct Pair {
    client: Endpoint,
    server: Endpoint,
    now: Instant,
    stream_buffer_bytes: [usize; 2],
}

impl Pair {
    fn new(client: Settings, server: Settings) -> Self {
        let now = Instant::now();
        let (client, server) = (client.config(), server.config());
        let agreements = open(&client, &server);
        let [here, there] = agreements;
        Self {
            client: Endpoint::new(now, here, &client, true),
            server: Endpoint::new(now, there, &server, true),
            now,
            stream_buffer_bytes: [client.stream_buffer_bytes, server.stream_buffer_bytes],
        }
    }

    /// Says whether both sides are content to go on.
    fn happen(&mut self, op: Op) -> bool {
        match op {
            Op::Act { side, act } => {
                let now = self.now;
                self.side(side).0.act(now, act);
            }
            Op::Write { side, bytes } => {
                let (from, to) = self.side(side);
                to.wire.extend_from_slice(&from.write(bytes.bytes()));
            }
            Op::Read { side, bytes } => {
                self.read(side, bytes.bytes());
            }
            Op::Wait { tenths: count } => {
                self.now += tenths(count);
                let client = self.client.handle_time(self.now);
                let server = self.server.handle_time(self.now);
                return client.is_ok() && server.is_ok();
            }
        }
        true
    }

    /// The side, and the other one.
    fn side(&mut self, side: Side) -> (&mut Endpoint, &mut Endpoint) {
        match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }

    fn read(&mut self, side: Side, most: usize) -> bool {
        let now = self.now;
        let result = self.side(side).0.read(now, most);
        result.expect("an honest peer breaks no rule")
    }

    fn check(&self) {
        self.client.check();
        self.server.check();
        let [client_buffer, server_buffer] = self.stream_buffer_bytes;
        check_queues(&self.client, &self.server, client_buffer);
        check_queues(&self.server, &self.client, server_buffer);
    }

    /// Everything that was begun comes to its end, once.
    fn finish(&mut self) {
        let mut rounds = 0;
        while self.exchange() {
            rounds += 1;
            assert!(rounds < MAX_ROUNDS, "the sides go on for ever");
        }
        for end in [&self.client, &self.server] {
            assert_eq!(end.open, [], "{end:#?} waits for ever");
            assert!(end.send.is_drained() && end.unread.is_empty());
        }
        self.check_fates();
        self.check_talks();
        self.check_open_again();
    }

    /// Says whether anything moved.
    fn exchange(&mut self) -> bool {
        let mut moved = false;
        for side in [Side::Client, Side::Server] {
            let (from, to) = self.side(side);
            from.finish_all();
            let written = from.write(usize::MAX);
            to.wire.extend_from_slice(&written);
            moved |= !written.is_empty();
        }
        for side in [Side::Client, Side::Server] {
            moved |= self.read(side, usize::MAX);
        }
        moved
    }

    /// The connection is gone, with all that was on its way.
    fn lose(&mut self) {
        self.client.lose();
        self.server.lose();
        self.check_fates();
    }

    /// Every stream has closed, and who was told that it was never accepted can believe it.
    fn check_fates(&self) {
        for (end, peer) in [(&self.client, &self.server), (&self.server, &self.client)] {
            for (stream, talk) in &end.talks {
                let fate = talk.fate.expect("every stream closes");
                let handled = peer.talks.contains_key(stream);
                assert!(
                    !(fate == Fate::NotAccepted && handled),
                    "stream {stream} was handled"
                );
            }
        }
    }

    /// What was sent is what was received.
    fn check_talks(&self) {
        let features = &self.client.agreement.features;
        let joined = features.iter().any(|name| name == Config::CONTINUED);
        for (stream, here) in &self.client.talks {
            if let Some(there) = self.server.talks.get(stream) {
                here.check_received_from(there, joined);
                there.check_received_from(here, joined);
            }
        }
    }

    /// No credit was lost on the way: with nothing open, a request finds room.
    fn check_open_again(&mut self) {
        let request = Request::new("again", Vec::new().into());
        for end in [&self.client, &self.server] {
            let going_away = end.send.is_going_away();
            assert!(
                going_away || end.send.can_open(&request).is_ok(),
                "{:?} is stuck",
                end.role
            );
        }
    }
}

/// What waits at one side and on the way to the other is bounded for each stream: what may be
/// queued and the item that exceeded it, the answer or request and a failure, and what credit allows.
fn check_queues(from: &Endpoint, to: &Endpoint, stream_buffer_bytes: usize) {
    let credit = usize::try_from(to.agreement.limits().stream_credit).unwrap_or(usize::MAX);
    let most = stream_buffer_bytes + 3 * MAX_BODY_BYTES + credit;
    for stream in &from.open {
        let sent = from.talks.get(stream).map_or(0, |talk| talk.sent.bytes);
        let received = match to.talks.get(stream) {
            Some(talk) if talk.fate.is_none() && !talk.cut => talk.received.bytes,
            None => 0,
            Some(_) => continue,
        };
        assert!(
            sent - received <= most,
            "stream {stream} holds {} bytes",
            sent - received
        );
    }
}

/// Far more than the longest input needs.
const MAX_ROUNDS: usize = 100_000;
