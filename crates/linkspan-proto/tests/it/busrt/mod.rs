//! Frames of BUS/RT: what is written, what is read, and what is refused.

mod broker;
mod client;
mod name;
mod rpc;
mod talk;
mod transcripts;

use bytes::{Buf, BytesMut};
use linkspan_proto::error::BusrtDecodeError;
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::busrt::{
    FromBroker, FromBrokerDecoder, FromClient, FromClientDecoder, Limits, Name,
};

/// Bytes from `01 ab`; what follows a `#` is for people.
fn hex(text: &str) -> Vec<u8> {
    let digits = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    let byte = |byte: &str| u8::from_str_radix(byte, 16).unwrap();
    digits.map(byte).collect()
}

fn name(text: &str) -> Name {
    Name::new(text, &Limits::default()).unwrap()
}

fn client_wire(items: &[FromClient], limits: &Limits) -> Vec<u8> {
    let mut out = Segments::new();
    for item in items {
        item.encode(limits, &mut out).unwrap();
    }
    out.copy_to_bytes(out.remaining()).to_vec()
}

fn broker_wire(items: &[FromBroker], limits: &Limits) -> Vec<u8> {
    let mut out = Segments::new();
    for item in items {
        item.encode(limits, &mut out).unwrap();
    }
    out.copy_to_bytes(out.remaining()).to_vec()
}

/// A decoder of a client that is registered.
fn client_decoder(limits: Limits) -> FromClientDecoder {
    let mut decoder = FromClientDecoder::new(limits);
    let opening = [FromClient::Greeting, FromClient::Name(name("x"))];
    let mut input = BytesMut::from(&client_wire(&opening, &limits)[..]);
    assert_eq!(drain_client(&mut decoder, &mut input).unwrap(), opening);
    decoder
}

/// A decoder of a broker that has registered us.
fn broker_decoder(limits: Limits) -> FromBrokerDecoder {
    let mut decoder = FromBrokerDecoder::new(limits);
    let mut input = BytesMut::from(&hex("eb 01 00 01 01")[..]);
    assert_eq!(drain_broker(&mut decoder, &mut input).unwrap().len(), 3);
    decoder
}

/// All that is complete.
fn drain_client(
    decoder: &mut FromClientDecoder,
    input: &mut BytesMut,
) -> Result<Vec<FromClient>, BusrtDecodeError> {
    let mut items = Vec::new();
    while let Some(item) = decoder.decode(input)? {
        items.push(item);
    }
    Ok(items)
}

fn drain_broker(
    decoder: &mut FromBrokerDecoder,
    input: &mut BytesMut,
) -> Result<Vec<FromBroker>, BusrtDecodeError> {
    let mut items = Vec::new();
    while let Some(item) = decoder.decode(input)? {
        items.push(item);
    }
    Ok(items)
}
