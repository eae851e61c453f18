//! What a client and a broker said, as text: `>` to the broker, `<` to the client.

use bytes::BytesMut;
use linkspan_proto::frame::busrt::{
    FromBroker, FromBrokerDecoder, FromClient, FromClientDecoder, Limits,
};

use super::{broker_wire, client_wire, drain_broker, drain_client, hex};

/// Both directions of one connection, decoded; what is encoded from them is what was said.
pub(super) fn replay(talk: &str) -> (Vec<FromClient>, Vec<FromBroker>) {
    let limits = Limits::default();
    let said = |mark: char| {
        let lines = talk
            .lines()
            .filter_map(|line| line.trim().strip_prefix(mark));
        lines.flat_map(hex).collect::<Vec<u8>>()
    };
    let (to_broker, to_client) = (said('>'), said('<'));
    let mut input = BytesMut::from(&to_broker[..]);
    let from_client = drain_client(&mut FromClientDecoder::new(limits), &mut input).unwrap();
    assert!(input.is_empty(), "the client's last frame is cut");
    assert_eq!(client_wire(&from_client, &limits), to_broker);

    let mut input = BytesMut::from(&to_client[..]);
    let from_broker = drain_broker(&mut FromBrokerDecoder::new(limits), &mut input).unwrap();
    assert!(input.is_empty(), "the broker's last frame is cut");
    assert_eq!(broker_wire(&from_broker, &limits), to_client);
    (from_client, from_broker)
}
