//! Clients of a node's broker, with clients of BUS/RT beside them.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use proto::frame::busrt::{Action, Route, Rpc, RpcCode, Status};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use crate::bus::node::{Bus, next};
use crate::support::{Lines, Place, pid, run_with_input, until};

#[test]
fn what_is_published_comes_to_subscribers_of_both_kinds() {
    let bus = Bus::start();
    let sub = bus.listen(&["sub", "house/#", "--exclude", "house/secret"]);
    let mut peer = bus.peer("peer");
    peer.subscribes("house/+");
    let publish = |arguments: &[&str]| bus.run(&[&["pub"], arguments].concat()).ok();
    publish(&["house/secret", "x", "--only", "nobody"]);
    publish(&["house/light", "on"]);
    publish(&[
        "house/state",
        r#"{"a": [1, null]}"#,
        "--as",
        "msgpack",
        "--header",
        "unit=c",
    ]);
    publish(&["house/json", "21.5", "--as", "json"]);
    publish(&["house/bytes", "00 ff", "--as", "hex"]);
    let got = next(&sub);
    let sender = got["sender"].as_str().unwrap();
    assert!(sender.starts_with("cli."), "{got}");
    assert_eq!(
        (&got["topic"], &got["payload"]),
        (&json!("house/light"), &json!("on"))
    );
    assert_eq!(
        (&got["kind"], &got["format"]),
        (&json!("publication"), &json!("text"))
    );
    let got = next(&sub);
    assert_eq!(
        (&got["format"], &got["payload"]),
        (&json!("msgpack"), &json!({ "a": [1, null] }))
    );
    assert_eq!(got["headers"], json!({ "unit": "c" }));
    let got = next(&sub);
    assert_eq!(
        (&got["format"], &got["payload"]),
        (&json!("json"), &json!(21.5))
    );
    let got = next(&sub);
    assert_eq!(
        (&got["format"], &got["payload"]),
        (&json!("hex"), &json!("00ff"))
    );
    for payload in [&b"on"[..], b"\x81\xa1a\x92\x01\xc0", b"21.5", b"\x00\xff"] {
        assert_eq!(&*peer.gets().payload, payload);
    }
    peer.publishes("house/door", &b"\x81\xa4open\xc3"[..]);
    let got = next(&sub);
    assert_eq!(
        (&got["sender"], &got["payload"]),
        (&json!("peer"), &json!({ "open": true }))
    );
}

#[test]
fn what_became_of_a_publication_is_told() {
    let bus = Bus::start();
    let nobody = bus.run(&["pub", "a/b", "x"]);
    assert!(
        nobody.stderr.contains("nobody has subscribed"),
        "{nobody:?}"
    );
    assert_eq!(nobody.code, Some(0));
    let mut peer = bus.peer("peer");
    peer.subscribes("a/#");
    let told = bus.run(&["pub", "a/b", "hello", "--json"]).json();
    assert_eq!(
        told,
        json!({ "topic": "a/b", "bytes": 5, "delivery": "delivered" })
    );
    let lines = run_with_input(
        bus.command(&["pub", "a/l", "--lines", "--json"]),
        "one\ntwo\n",
    );
    assert_eq!(lines.ok().lines().count(), 2);
    let both = bus.run(&["pub", "a/b", "x", "--lines"]).fails(2);
    assert!(both.contains("--lines reads standard input"), "{both}");
    for payload in [&b"hello"[..], b"one", b"two"] {
        assert_eq!(&*peer.gets().payload, payload);
    }
    let wrong = bus.run(&["pub", "a/b", "{", "--as", "json"]).fails(2);
    assert!(wrong.contains("not JSON"), "{wrong}");
    for mask in ["a/#", "+/b", "#"] {
        let told = bus.run(&["pub", mask, "x"]).fails(2);
        assert!(
            told.contains("is a mask") && told.contains("bus sub"),
            "{told}"
        );
    }
    // Within a level they are nothing special, and --literal takes them everywhere.
    bus.run(&["pub", "a/b#", "x"]).ok();
    let told = bus.run(&["pub", "a/#", "x", "--literal", "--json"]).json();
    assert_eq!(told["topic"], "a/#");
    let reserved = bus.run(&["pub", ".broker/info", "x"]).fails(5);
    assert!(reserved.contains(".broker"), "{reserved}");
}

#[test]
fn lines_are_published_when_they_come() {
    let bus = Bus::start();
    let mut peer = bus.peer("peer");
    peer.subscribes("a/#");
    let mut command = bus.command(&["pub", "a/l", "--lines"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in ["one", "two"] {
        writeln!(stdin, "{line}").unwrap();
        assert_eq!(&*peer.gets().payload, line.as_bytes());
    }
    drop(stdin);
    until("it ends", || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success());
}

#[test]
fn clients_are_sent_to_and_notified_by_name() {
    let bus = Bus::start();
    let mut peer = bus.peer("house.kitchen");
    bus.run(&["send", "house.kitchen", "direct"]).ok();
    let got = peer.gets();
    assert_eq!((got.route, &*got.payload), (Route::Message, &b"direct"[..]));
    bus.run(&["send", "house.*", "all", "--name", "one"]).ok();
    let got = peer.gets();
    assert_eq!(
        (got.route, &*got.payload, got.sender.as_str()),
        (Route::Broadcast, &b"all"[..], "one")
    );
    bus.run(&["notify", "house.kitchen", "{}", "--as", "msgpack"])
        .ok();
    let got = Rpc::decode(peer.gets().payload).unwrap();
    assert_eq!(
        got,
        Rpc::Notification {
            data: (&b"\x80"[..]).into()
        }
    );
    let nobody = bus.run(&["send", "house.cellar", "x"]).fails(5);
    assert!(
        nobody.contains("no client \"house.cellar\"") && nobody.contains("bus clients"),
        "{nobody}"
    );
}

#[test]
fn calls_are_answered_or_say_why_not() {
    let bus = Bus::start();
    let mut peer = bus.peer("callee");
    let answering = std::thread::spawn(move || {
        for answer in [Ok(&b"\xc4\x02\x00\xff"[..]), Ok(b""), Err(RpcCode(-7))] {
            let question = peer.gets();
            let Ok(Rpc::Request { id, method, params }) = Rpc::decode(question.payload) else {
                panic!("no call");
            };
            assert_eq!(
                (&*method, &*params),
                (&b"set"[..], &b"\x82\xa2on\xc3\xa4name\xa3Ada"[..])
            );
            let reply = match answer {
                Ok(result) => Rpc::Reply {
                    id,
                    result: result.into(),
                },
                Err(code) => Rpc::Error {
                    id,
                    code,
                    data: (&b"too hot"[..]).into(),
                },
            };
            let payload = reply.encode().unwrap();
            let target = question.sender;
            assert_eq!(peer.does(Action::Message { target, payload }), Status::Ok);
        }
        peer
    });
    let call = ["call", "callee", "set", "on=true", "name=Ada"];
    assert_eq!(bus.run(&call).ok(), "\"00ff\"\n");
    assert_eq!(
        bus.run(&[&call[..], &["--json"]].concat()).json(),
        Value::Null
    );
    let failed = bus
        .run(&["call", "callee", "set", r#"{"on": true, "name": "Ada"}"#])
        .fails(1);
    assert!(failed.contains("-7: too hot"), "{failed}");
    let _peer = answering.join().unwrap();
    let late = bus
        .run(&["call", "callee", "set", "--timeout", "100ms"])
        .fails(7);
    assert!(late.contains("--timeout"), "{late}");
    let nobody = bus.run(&["call", "nobody", "set"]).fails(5);
    assert!(
        nobody.contains("nobody") && nobody.contains("bus clients"),
        "{nobody}"
    );
    let wrong = bus.run(&["call", "callee", "set", "Ada"]).fails(2);
    assert!(wrong.contains("neither name=value nor JSON"), "{wrong}");
    let list = bus
        .run(&["call", ".broker", "client.list", "--json"])
        .json();
    assert!(list["clients"].as_array().unwrap().len() >= 2, "{list}");
}

#[test]
fn who_is_there_comes_and_goes() {
    let bus = Bus::start();
    let _peer = bus.peer("peer.one");
    let clients = bus.run(&["clients", "--json", "--name", "me"]).json();
    let named = |clients: &Value, name: &str| {
        let mut clients = clients.as_array().unwrap().iter();
        clients.any(|client| client["name"] == name)
    };
    assert!(
        named(&clients, "peer.one") && !named(&clients, "me"),
        "{clients}"
    );
    assert!(bus.run(&["clients"]).ok().contains("peer.one"));
    let follow = Lines::start(bus.command(&["clients", "--follow", "--json"]));
    follow.find("the list", |line| line.is_array());
    drop(bus.peer("peer.two"));
    follow.find("it came", |line| {
        *line == json!({ "event": "came", "name": "peer.two" })
    });
    follow.find("it went", |line| {
        *line == json!({ "event": "went", "name": "peer.two" })
    });
    let stats = bus.run(&["stats", "--json"]).json();
    assert!(stats["clients"].as_u64() >= Some(1), "{stats}");
    assert!(stats["frames_sent"].as_u64() > Some(0), "{stats}");
    assert!(bus.run(&["stats"]).ok().contains("Linkspan"));
}

#[test]
fn a_name_is_given_once() {
    let bus = Bus::start();
    let _peer = bus.peer("same");
    let taken = bus.run(&["pub", "a", "x", "--name", "same"]).fails(5);
    assert!(
        taken.contains("in use") && taken.contains("--name"),
        "{taken}"
    );
    let place = Place::new();
    let nobody = place.run(["bus", "stats"]).fails(4);
    assert!(nobody.contains("linkspan up"), "{nobody}");
}

#[test]
fn a_subscriber_ends_quietly() {
    let bus = Bus::start();
    let mut sub = bus.listen(&["sub", "#"]);
    kill_process(pid(&sub.child), Signal::INT).unwrap();
    assert_eq!(sub.ends(), (Some(0), String::new()));

    // Whoever reads has seen enough.
    let mut child = bus
        .command(&["sub", "a/#", "--payloads"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peer = bus.peer("peer");
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    until("it has subscribed", || {
        let stats = bus.run(&["pub", "a/b", "text", "--json"]).json();
        stats["delivery"] == "delivered"
    });
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first, "text\n");
    drop(stdout);
    until("it ends", || {
        peer.publishes("a/b", "more");
        child.try_wait().unwrap().is_some()
    });
    let ended = child.wait_with_output().unwrap();
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
}

#[test]
fn a_broker_that_is_lost_is_waited_for() {
    let bus = Bus::start();
    let sub = bus.listen(&["sub", "a/#"]);
    let Bus { place, node } = bus;
    node.signal(Signal::KILL);
    drop(node);
    sub.find("it is lost", |line| line["event"] == "lost");
    let early = place.command([
        "bus", "pub", "a/b", "x", "--retry", "30s", "--only", "nobody",
    ]);
    let mut early = Lines::start(early);
    let node = place.node::<&str>([]);
    sub.find("it is there again", |line| line["event"] == "connected");
    assert_eq!(early.ends().0, Some(0));
    let bus = Bus { place, node };
    until("it has subscribed again", || {
        bus.run(&["pub", "a/b", "x", "--json"]).json()["delivery"] == "delivered"
    });
    let got = next(&sub);
    assert_eq!(got["missing_before"]["disconnected"], true, "{got}");
}

#[test]
fn subscribers_do_not_keep_a_node_from_stopping() {
    let bus = Bus::start();
    let mut sub = bus.listen(&["sub", "#"]);
    let plain = Place::new();
    let without = plain.node::<&str>([]);
    let address = without.address();
    let other = bus.listen(&["sub", "#", "--address", &address]);
    let began = std::time::Instant::now();
    for node in [bus.node, without] {
        node.signal(Signal::TERM);
        assert_eq!(node.ends().0, Some(0));
    }
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    for lines in [&sub, &other] {
        lines.find("it is lost", |line| line["event"] == "lost");
    }
    kill_process(pid(&sub.child), Signal::TERM).unwrap();
    assert_eq!(sub.ends().0, Some(0));
}
