//! A broker alone, and within a node.

use proto::frame::busrt::{Action, Route, Status};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::bus::peer::Peer;
use crate::support::{Lines, Place, pid};

/// A stand-alone broker.
struct Broker {
    lines: Lines,
    addresses: Vec<String>,
}

impl Broker {
    #[track_caller]
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(["bus", "serve", "--json"]);
        command.args(arguments);
        let lines = Lines::start(command);
        let ready = lines.find("it is ready", |line| line["event"] == "ready");
        let addresses = ready["addresses"].as_array().unwrap().iter();
        let addresses = addresses.map(|address| address.as_str().unwrap().to_owned());
        let addresses = addresses.collect();
        Self { lines, addresses }
    }

    /// Stops it; gives what it counted.
    #[track_caller]
    fn stop(mut self) -> Value {
        kill_process(pid(&self.lines.child), Signal::INT).unwrap();
        let mut last = self
            .lines
            .find("its report", |line| line["event"] == "stopped");
        let (code, log) = self.lines.ends();
        assert_eq!(code, Some(0), "{log}");
        last["bus"].take()
    }
}

#[test]
fn messages_pass_between_its_addresses() {
    let place = Place::new();
    let unix = format!("unix:{}", place.path("bus.sock").display());
    let broker = Broker::start(&place, &[&unix, "tcp:127.0.0.1:0"]);
    let [local, network] = broker.addresses.as_slice() else {
        panic!("{:?}", broker.addresses);
    };
    let mut reader = Peer::join(network, "reader");
    reader.subscribes("house/#");
    let mut writer = Peer::join(local, "writer");
    writer.publishes("house/light", "on");
    let got = reader.gets();
    assert_eq!((got.sender.as_str(), &*got.payload), ("writer", &b"on"[..]));
    let topic = "house/light".into();
    assert_eq!(got.route, Route::Publication { topic });
    let counts = broker.stop();
    drop((reader, writer));
    assert_eq!(counts["dropped"], 0, "{counts}");
    assert!(counts["frames_received"].as_u64() >= Some(2), "{counts}");
}

#[test]
fn settings_come_from_words_and_from_the_file() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "bus: { listen: ['tcp:127.0.0.1:0'], force_register: true }",
    );
    let broker = Broker::start(
        &place,
        &["--max-message", "1000", "--overflow", "drop-newest"],
    );
    let address = &broker.addresses[0];
    let _first = Peer::join(address, "same");
    let mut second = Peer::join(address, "same");
    let small = Action::Publish {
        topic: "a".into(),
        payload: vec![0; 900].into(),
    };
    assert_eq!(second.does(small), Status::Ok);
    let told = place
        .run(["bus", "serve", "--queue-messages", "1"])
        .fails(2);
    assert!(
        told.contains("queue_messages of 1 is less than 4"),
        "{told}"
    );
}

#[test]
fn without_a_place_nothing_is_served() {
    let place = Place::new();
    let told = place.run(["bus", "serve"]).fails(2);
    assert!(told.contains("bus: { listen:"), "{told}");
    let told = place.run(["bus", "serve", "tcp:0.0.0.0:0"]).fails(2);
    assert!(told.contains("allow_plaintext"), "{told}");
    let unix = format!("unix:{}", place.path("bus.sock").display());
    let _broker = Broker::start(&place, &[&unix]);
    let told = place.run(["bus", "serve", &unix]).fails(1);
    assert!(told.contains("in use by process"), "{told}");
}

#[test]
fn a_node_has_a_broker_if_it_is_configured() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "bus: { listen: ['./bus.sock', 'tcp:127.0.0.1:0'] }",
    );
    let node = place.node::<&str>([]);
    let addresses = node.ready["bus"].as_array().unwrap().clone();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    let unix = format!("unix:{}", place.path("bus.sock").display());
    let mut reader = Peer::join(&unix, "reader");
    reader.subscribes("a/#");
    let mut writer = Peer::join(addresses[1].as_str().unwrap(), "writer");
    writer.publishes("a/b", "hello");
    assert_eq!(&*reader.gets().payload, b"hello");

    let status = place.run(["status", "--json"]).json()["status"].take();
    assert_eq!(status["bus"]["clients"], 2, "{status}");
    let answers = status["listeners"].as_array().unwrap().iter();
    let answers: Vec<_> = answers.map(|one| one["answers"].clone()).collect();
    assert_eq!(answers, ["calls", "bus", "bus"]);
    let shown = place.run(["status"]).ok();
    assert!(shown.contains("bus clients  2"), "{shown}");

    place.write(
        "linkspan.yaml",
        "bus: { listen: ['./bus.sock', 'tcp:127.0.0.1:0'], queue_messages: 9 }",
    );
    node.signal(Signal::HUP);
    node.logs("needs_restart=[\"bus.queue_messages\"]");
    node.signal(Signal::TERM);
    assert_eq!(node.ends().0, Some(0));
    // Clients are told that the broker ends.
    let told = reader.gets();
    let topic = ".broker/warn".into();
    assert_eq!(told.route, Route::Publication { topic });
}
