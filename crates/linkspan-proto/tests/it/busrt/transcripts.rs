//! What BUS/RT's broker 0.5.6 and its clients were seen to send, byte for byte.

use bytes::Bytes;
use linkspan_proto::frame::busrt::{
    Action, BusEvent, Delivery, FromBroker, FromClient, Masks, Operation, Qos, Route, Rpc, RpcCode,
    Status,
};

use super::name;
use super::talk::replay;

#[test]
fn a_subscriber_gets_what_is_published_broadcast_and_sent_to_it() {
    let (said, heard) = replay(
        "< EB 01 00
         > EB 01 00
         < 01
         > 05 00 61 2E 6F 6E 65
         < 01
         > 01 00 00 00 42 0D 00 00 00 74 2F 31 00 74 2F 2B 2F 78 00 77 2F 23
         < FE 01 00 00 00 01
         < 01 0F 00 00 00 00 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F
         < 01 0F 00 00 00 01 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F
         < 01 10 00 00 00 00 62 2E 6F 6E 65 00 74 2F 31 00 66 6F 72 6F 6E 65
         < 12 09 00 00 00 00 62 2E 6F 6E 65 00 00 68 69
         < 13 08 00 00 00 00 62 2E 6F 6E 65 00 62 63
         > 00 00 00 00 00 00 00 00 00
         < 00 00 00 00 00 00",
    );
    let masks = Masks::new(["t/1", "t/+/x", "w/#"]).unwrap();
    assert_eq!(
        said,
        [
            FromClient::Greeting,
            FromClient::Name(name("a.one")),
            operation(1, Qos::Processed, Action::Subscribe(masks)),
            FromClient::Ping,
        ]
    );
    assert_eq!(
        heard,
        [
            FromBroker::Greeting,
            FromBroker::Status(Status::Ok),
            FromBroker::Status(Status::Ok),
            ack(1, Status::Ok),
            delivery("b.one", published("t/1"), false, "hello"),
            delivery("b.one", published("t/1"), true, "hello"),
            delivery("b.one", published("t/1"), false, "forone"),
            delivery("b.one", Route::Message, false, "\0hi"),
            delivery("b.one", Route::Broadcast, false, "bc"),
            FromBroker::Ping,
        ]
    );
}

#[test]
fn a_publisher_gets_acks_where_it_wants_them() {
    let (said, heard) = replay(
        "< EB 01 00
         > EB 01 00
         < 01
         > 05 00 62 2E 6F 6E 65
         < 01
         > 01 00 00 00 01 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F
         > 02 00 00 00 41 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F
         < FE 02 00 00 00 01
         > 03 00 00 00 81 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F
         > 04 00 00 00 C1 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F
         < FE 04 00 00 00 01
         > 05 00 00 00 46 10 00 00 00 74 2F 31 00 61 2E 6F 6E 65 00 66 6F 72 6F 6E 65
         < FE 05 00 00 00 01
         > 07 00 00 00 52 09 00 00 00 61 2E 6F 6E 65 00 00 68 69
         < FE 07 00 00 00 01
         > 08 00 00 00 52 09 00 00 00 6E 6F 62 6F 64 79 00 68 69
         < FE 08 00 00 00 71
         > 09 00 00 00 52 0A 00 00 00 62 2E 6F 6E 65 00 73 65 6C 66
         < 12 0A 00 00 00 00 62 2E 6F 6E 65 00 73 65 6C 66
         < FE 09 00 00 00 01
         > 0A 00 00 00 53 08 00 00 00 3F 2E 6F 6E 65 00 62 63
         < 13 08 00 00 00 00 62 2E 6F 6E 65 00 62 63
         < FE 0A 00 00 00 01",
    );
    let mut expected = vec![FromClient::Greeting, FromClient::Name(name("b.one"))];
    expected.extend((1..).zip(Qos::ALL).map(|(id, qos)| publish(id, qos)));
    expected.extend([
        operation(
            5,
            Qos::Processed,
            Action::PublishFor {
                topic: "t/1".into(),
                receiver: "a.one".into(),
                payload: Bytes::from("forone"),
            },
        ),
        message(7, "a.one", "\0hi"),
        message(8, "nobody", "hi"),
        message(9, "b.one", "self"),
        broadcast(10),
    ]);
    assert_eq!(said, expected);
    assert_eq!(
        heard[3..],
        [
            ack(2, Status::Ok),
            ack(4, Status::Ok),
            ack(5, Status::Ok),
            ack(7, Status::Ok),
            ack(8, Status::NotRegistered),
            delivery("b.one", Route::Message, false, "self"),
            ack(9, Status::Ok),
            delivery("b.one", Route::Broadcast, false, "bc"),
            ack(10, Status::Ok),
        ]
    );
}

#[test]
fn the_broker_answers_calls() {
    let (said, heard) = replay(
        "< EB 01 00 01 01
         > EB 01 00
         > 05 00 72 70 63 2E 61
         < 01 2F 00 00 00 00 2E 62 72 6F 6B 65 72 00 2E 62 72 6F 6B 65 72 2F 69 6E 66 6F 00
         < 83 A1 73 A3 72 65 67 A1 64 A5 72 70 63 2E 61 A1 74 CF 18 E9 EB 67 D4 F0 B0 48
         > 01 00 00 00 52 12 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 74 65 73 74 00
         < FE 01 00 00 00 01
         < 12 12 00 00 00 00 2E 62 72 6F 6B 65 72 00 11 07 00 00 00 81 A2 6F 6B C3
         > 07 00 00 00 52 12 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 6E 6F 70 65 00
         < FE 07 00 00 00 01
         < 12 0F 00 00 00 00 2E 62 72 6F 6B 65 72 00 12 07 00 00 00 A7 80
         > 06 00 00 00 52 13 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 74 65 73 74 00 78
         < FE 06 00 00 00 01
         < 12 0F 00 00 00 00 2E 62 72 6F 6B 65 72 00 12 07 00 00 00 A6 80
         < 12 11 00 00 00 00 72 70 63 2E 62 00 12 63 00 00 00 F7 FC 6F 6F 70 73",
    );
    let asked: Vec<_> = said.iter().filter_map(client_rpc).collect();
    assert_eq!(
        asked,
        [
            call(7, "test", ""),
            call(7, "nope", ""),
            call(7, "test", "x")
        ]
    );
    let answers: Vec<_> = heard.iter().filter_map(broker_rpc).collect();
    let failed = |id, code, data: &'static str| Rpc::Error {
        id,
        code,
        data: Bytes::from(data),
    };
    let result = Bytes::from_static(b"\x81\xa2ok\xc3");
    assert_eq!(
        answers,
        [
            Rpc::Reply { id: 7, result },
            failed(7, RpcCode::METHOD_NOT_FOUND, ""),
            failed(7, RpcCode::INVALID_PARAMS, ""),
            failed(99, RpcCode(-777), "oops"),
        ]
    );
    let FromBroker::Delivery(event) = &heard[3] else {
        panic!("{:?} is no event", heard[3]);
    };
    let registered = BusEvent::Registered {
        name: "rpc.a".to_owned(),
        at_ns: 0x18e9_eb67_d4f0_b048,
    };
    assert_eq!(event.route, published(registered.topic()));
    assert_eq!(BusEvent::decode(&event.payload), Some(registered.clone()));
    assert_eq!(registered.encode(), event.payload);
}

/// Recorded from `busrt` 0.1.2 of Python's index, which pings every second.
#[test]
fn the_client_for_python_is_understood() {
    let (said, _) = replay(
        "> eb 01 00
         > 05 00 61 2e 6f 6e 65
         > 01 00 00 00 02 0d 00 00 00 74 2f 31 00 74 2f 2b 2f 78 00 77 2f 23
         > 02 00 00 00 02 04 00 00 00 73 6f 6c 6f
         > 03 00 00 00 03 03 00 00 00 74 2f 31
         > 04 00 00 00 01 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 05 00 00 00 41 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 06 00 00 00 81 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 07 00 00 00 c1 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 08 00 00 00 52 0a 00 00 00 62 2e 6f 6e 65 00 73 65 6c 66
         > 09 00 00 00 53 08 00 00 00 3f 2e 6f 6e 65 00 62 63
         > 0a 00 00 00 52 09 00 00 00 62 2e 6f 6e 65 00 00 68 69
         > 0b 00 00 00 52 12 00 00 00 2e 62 72 6f 6b 65 72 00 01 00 00 00 00 74 65 73 74 00
         > 0c 00 00 00 52 13 00 00 00 2e 62 72 6f 6b 65 72 00 01 01 00 00 00 74 65 73 74 00 80
         > 0d 00 00 00 52 12 00 00 00 72 70 63 2e 62 00 11 63 00 00 00 6f 6b 3a 70 61 72 31
         > 0e 00 00 00 52 11 00 00 00 72 70 63 2e 62 00 12 64 00 00 00 f7 fc 6f 6f 70 73
         > 00 00 00 00 00 00 00 00 00",
    );
    assert_eq!(
        said[..2],
        [FromClient::Greeting, FromClient::Name(name("a.one"))]
    );
    let list = |masks: &[&str]| Masks::new(masks.iter().copied()).unwrap();
    let mut expected = vec![
        operation(
            1,
            Qos::No,
            Action::Subscribe(list(&["t/1", "t/+/x", "w/#"])),
        ),
        operation(2, Qos::No, Action::Subscribe(list(&["solo"]))),
        operation(3, Qos::No, Action::Unsubscribe(list(&["t/1"]))),
    ];
    expected.extend((4..).zip(Qos::ALL).map(|(id, qos)| publish(id, qos)));
    expected.extend([message(8, "b.one", "self"), broadcast(9)]);
    assert_eq!(said[2..11], expected);
    let calls: Vec<_> = said[11..].iter().filter_map(client_rpc).collect();
    assert_eq!(
        calls,
        [
            Rpc::Notification { data: "hi".into() },
            call(0, "test", ""),
            Rpc::Request {
                id: 1,
                method: "test".into(),
                params: Bytes::from_static(&[0x80]),
            },
            Rpc::Reply {
                id: 99,
                result: "ok:par1".into(),
            },
            Rpc::Error {
                id: 100,
                code: RpcCode(-777),
                data: "oops".into(),
            },
        ]
    );
    assert_eq!(said.last(), Some(&FromClient::Ping));
}

/// Recorded from `busrt-async` 0.1.3 of Python's index.
#[test]
fn the_async_client_for_python_is_understood() {
    let (said, _) = replay(
        "> eb 01 00
         > 05 00 61 2e 6f 6e 65
         > 01 00 00 00 02 0d 00 00 00 74 2f 31 00 74 2f 2b 2f 78 00 77 2f 23
         > 02 00 00 00 03 03 00 00 00 74 2f 31
         > 03 00 00 00 01 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 04 00 00 00 41 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 05 00 00 00 81 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 06 00 00 00 c1 09 00 00 00 74 2f 31 00 68 65 6c 6c 6f
         > 07 00 00 00 52 0a 00 00 00 62 2e 6f 6e 65 00 73 65 6c 66
         > 08 00 00 00 53 08 00 00 00 3f 2e 6f 6e 65 00 62 63
         > 09 00 00 00 52 09 00 00 00 62 2e 6f 6e 65 00 00 68 69
         > 0a 00 00 00 52 12 00 00 00 2e 62 72 6f 6b 65 72 00 01 00 00 00 00 74 65 73 74 00
         > 00 00 00 00 00 00 00 00 00",
    );
    assert_eq!(
        said[4..8],
        [
            publish(3, Qos::No),
            publish(4, Qos::Processed),
            publish(5, Qos::Realtime),
            publish(6, Qos::RealtimeProcessed)
        ]
    );
    assert_eq!(client_rpc(&said[11]), Some(call(0, "test", "")));
    assert_eq!(said.last(), Some(&FromClient::Ping));
}

fn operation(id: u32, qos: Qos, action: Action) -> FromClient {
    FromClient::Operation(Operation::new(id, qos, action))
}

fn publish(id: u32, qos: Qos) -> FromClient {
    let (topic, payload) = ("t/1".into(), Bytes::from("hello"));
    operation(id, qos, Action::Publish { topic, payload })
}

fn message(id: u32, target: &str, payload: &'static str) -> FromClient {
    let (target, payload) = (target.into(), Bytes::from(payload));
    operation(id, Qos::Processed, Action::Message { target, payload })
}

fn broadcast(id: u32) -> FromClient {
    let (mask, payload) = ("?.one".into(), Bytes::from("bc"));
    operation(id, Qos::Processed, Action::Broadcast { mask, payload })
}

fn ack(id: u32, status: Status) -> FromBroker {
    FromBroker::Ack { id, status }
}

fn published(topic: &str) -> Route {
    Route::Publication {
        topic: topic.into(),
    }
}

fn delivery(sender: &str, route: Route, is_realtime: bool, payload: &'static str) -> FromBroker {
    let payload = Bytes::from(payload);
    FromBroker::Delivery(Delivery::new(sender, route, is_realtime, payload))
}

fn call(id: u32, method: &'static str, params: &'static str) -> Rpc {
    let (method, params) = (method.into(), params.into());
    Rpc::Request { id, method, params }
}

/// What the payload of a client's message says; it is encoded to the same bytes.
fn client_rpc(said: &FromClient) -> Option<Rpc> {
    match said {
        FromClient::Operation(Operation {
            action: Action::Message { payload, .. },
            ..
        }) => Some(rpc(payload)),
        _ => None,
    }
}

fn broker_rpc(heard: &FromBroker) -> Option<Rpc> {
    match heard {
        FromBroker::Delivery(delivery) if delivery.route == Route::Message => {
            Some(rpc(&delivery.payload))
        }
        _ => None,
    }
}

fn rpc(payload: &Bytes) -> Rpc {
    let rpc = Rpc::decode(payload.clone()).unwrap();
    assert_eq!(rpc.encode().unwrap(), payload);
    rpc
}
