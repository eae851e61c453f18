//! Frames of BUS/RT, from either side, and what calls are in their payloads.

use std::fmt::Debug;

use bytes::{Buf, Bytes, BytesMut};
use proto::error::BusrtDecodeError;
use proto::frame::Segments;
use proto::frame::busrt::{
    Action, BusEvent, FromBroker, FromBrokerDecoder, FromClient, FromClientDecoder, Limits, Name,
    Operation, Rpc,
};

use crate::fuzz::wire::reads;

/// Decodes `data` after its first seven bytes, which say how.
///
/// - However the bytes are cut into reads, the same comes out, and the same error.
/// - What waits for the rest of a frame is never longer than the longest frame.
/// - What was decoded is encoded to the bytes that it was decoded from, but for those of pings and
///   the like that mean nothing.
/// - After an error nothing is taken, and the error stays.
/// - No name that is let in lets its client write into another one's frames.
/// - A payload that is a call, or an event, is encoded to itself or to one that says the same.
pub fn busrt(data: &[u8]) {
    let Some((head, wire)) = data.split_first_chunk::<7>() else {
        return;
    };
    let [options, a, b, name, masks, lengths @ ..] = *head;
    let mut limits = Limits::default();
    limits.max_body_bytes = u16::from_le_bytes([a, b]).into();
    limits.max_name_bytes = name.into();
    limits.max_masks = masks.into();
    let mut wire = wire.to_vec();
    if options & BROKER != 0 {
        if options & OPENED != 0 {
            wire.splice(..0, *b"\xeb\x01\0\x01\x01");
        }
        for delivery in check::<FromBrokerDecoder>(limits, &wire, lengths) {
            check_from_broker(&delivery);
        }
    } else {
        if options & OPENED != 0 {
            wire.splice(..0, *b"\xeb\x01\0\x01\0x");
        }
        for operation in check::<FromClientDecoder>(limits, &wire, lengths) {
            check_from_client(&operation);
        }
    }
}

/// What the decoders of both sides do.
trait Side {
    type Item: Debug + PartialEq;

    fn new(limits: Limits) -> Self;
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Self::Item>, BusrtDecodeError>;
    fn missing_bytes(&self, input: &BytesMut) -> usize;
    fn has_begun(&self, input: &BytesMut) -> bool;
    fn longest(limits: &Limits) -> u32;
    fn encode(item: &Self::Item, limits: &Limits) -> Bytes;
    /// Whether bytes of what it was decoded from mean nothing.
    fn has_waste(item: &Self::Item) -> bool;
}

impl Side for FromClientDecoder {
    type Item = FromClient;

    fn new(limits: Limits) -> Self {
        Self::new(limits)
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<FromClient>, BusrtDecodeError> {
        self.decode(input)
    }

    fn missing_bytes(&self, input: &BytesMut) -> usize {
        self.missing_bytes(input)
    }

    fn has_begun(&self, input: &BytesMut) -> bool {
        self.has_begun(input)
    }

    fn longest(limits: &Limits) -> u32 {
        limits.max_body_bytes.max(limits.max_name_bytes.into())
    }

    fn encode(item: &FromClient, limits: &Limits) -> Bytes {
        let mut out = Segments::new();
        item.encode(limits, &mut out)
            .expect("it is within the limits");
        out.copy_to_bytes(out.remaining())
    }

    fn has_waste(item: &FromClient) -> bool {
        let is_nothing = |operation: &Operation| operation.action == Action::Nothing;
        match item {
            FromClient::Operation(operation) => is_nothing(operation),
            item => *item == FromClient::Ping,
        }
    }
}

impl Side for FromBrokerDecoder {
    type Item = FromBroker;

    fn new(limits: Limits) -> Self {
        Self::new(limits)
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<FromBroker>, BusrtDecodeError> {
        self.decode(input)
    }

    fn missing_bytes(&self, input: &BytesMut) -> usize {
        self.missing_bytes(input)
    }

    fn has_begun(&self, input: &BytesMut) -> bool {
        self.has_begun(input)
    }

    fn longest(limits: &Limits) -> u32 {
        limits.max_delivery_bytes()
    }

    fn encode(item: &FromBroker, limits: &Limits) -> Bytes {
        let mut out = Segments::new();
        item.encode(limits, &mut out)
            .expect("it is within the limits");
        out.copy_to_bytes(out.remaining())
    }

    fn has_waste(item: &FromBroker) -> bool {
        match item {
            FromBroker::Delivery(delivery) => delivery.is_realtime,
            item => *item == FromBroker::Ping,
        }
    }
}

/// Decodes bytes at once and in pieces; gives what came out.
fn check<S: Side>(limits: Limits, wire: &[u8], lengths: [u8; 2]) -> Vec<S::Item> {
    let whole = decode::<S>(limits, [wire].into_iter());
    let pieces = decode::<S>(limits, reads(wire, lengths));
    assert_eq!(whole, pieces);
    whole.0
}

/// All that comes out of some reads, how it ends, and whether that is in the middle of something.
fn decode<'a, S: Side>(
    limits: Limits,
    reads: impl Iterator<Item = &'a [u8]>,
) -> (Vec<S::Item>, Option<BusrtDecodeError>, bool) {
    let mut decoder = S::new(limits);
    let (mut input, mut items) = (BytesMut::new(), Vec::new());
    for read in reads {
        input.extend_from_slice(read);
        if let Err(error) = decode_all(&mut decoder, &limits, &mut input, &mut items) {
            check_failed(error, &mut decoder, &mut input);
            return (items, Some(error), false);
        }
        let missing = decoder.missing_bytes(&input);
        assert_eq!(decoder.has_begun(&input), !input.is_empty());
        assert_eq!(missing == 0, input.is_empty(), "something is lacking");
        let longest = S::longest(&limits) as usize + LONGEST_HEADER_BYTES;
        assert!(input.len() + missing <= longest, "a frame is too long");
    }
    let is_cut = decoder.has_begun(&input);
    (items, None, is_cut)
}

fn decode_all<S: Side>(
    decoder: &mut S,
    limits: &Limits,
    input: &mut BytesMut,
    items: &mut Vec<S::Item>,
) -> Result<(), BusrtDecodeError> {
    loop {
        let before = input.clone();
        let Some(item) = decoder.decode(input)? else {
            assert_eq!(before, *input, "nothing is taken of a part");
            return Ok(());
        };
        let taken = before.get(..before.len() - input.len()).unwrap_or_default();
        let encoded = S::encode(&item, limits);
        if !S::has_waste(&item) {
            assert_eq!(encoded, taken);
        }
        items.push(item);
    }
}

/// A stream that failed once is not read again, whatever comes.
fn check_failed<S: Side>(error: BusrtDecodeError, decoder: &mut S, input: &mut BytesMut) {
    let bytes = input.len();
    for more in ["", "more"] {
        input.extend_from_slice(more.as_bytes());
        assert_eq!(decoder.decode(input).err(), Some(error));
        assert_eq!(input.len(), bytes + more.len());
        assert_eq!(decoder.missing_bytes(input), 0);
        assert!(!decoder.has_begun(input));
    }
}

fn check_from_client(item: &FromClient) {
    match item {
        FromClient::Name(name) => check_name(name),
        FromClient::Operation(operation) => match &operation.action {
            Action::Message { payload, .. } => check_rpc(payload),
            Action::Subscribe(masks) => {
                assert_eq!(masks.iter().count() as u64, masks.count());
                assert!(masks.iter().all(|mask| !mask.contains('\0')));
            }
            _ => {}
        },
        _ => {}
    }
}

fn check_from_broker(item: &FromBroker) {
    if let FromBroker::Delivery(delivery) = item {
        assert!(!delivery.sender.contains('\0'));
        check_rpc(&delivery.payload);
    }
}

fn check_name(name: &Name) {
    assert!(!name.is_empty() && !name.starts_with('.'));
    assert!(!name.contains(char::is_control));
    assert!(name.starts_with(name.primary()));
}

fn check_rpc(payload: &Bytes) {
    if let Ok(rpc) = Rpc::decode(payload.clone()) {
        assert_eq!(rpc.encode().expect("its method has no NUL"), payload);
    }
    if let Some(event) = BusEvent::decode(payload) {
        assert_eq!(BusEvent::decode(&event.encode()), Some(event));
    }
}

/// The bytes are read as a broker's.
const BROKER: u8 = 1;
/// The opening is over.
const OPENED: u8 = 1 << 1;
const LONGEST_HEADER_BYTES: usize = 9;
