//! Keys, and what is sealed with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use linkspan::auth::seal::{KeyRing, Sealing};
use linkspan::rpc::{CallError, Context, Server};
use serde_json::json;

use crate::bus::node::{Bus, next};
use crate::support::Place;

/// Makes a ring; gives what its file holds.
#[track_caller]
fn ring(place: &Place) -> String {
    place.run(["key", "new", "private/app.ring"]).ok();
    fs::read_to_string(place.path("private/app.ring")).unwrap()
}

#[test]
fn keys_are_made_replaced_and_listed_without_being_shown() {
    let place = Place::new();
    let text = ring(&place);
    let path = place.path("private/app.ring");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let secret = text.split_whitespace().last().unwrap();

    let again = place.run(["key", "new", "private/app.ring"]).fails(2);
    assert!(again.contains("exists already") && again.contains("key rotate"));
    let rotate = ["key", "rotate", "private/app.ring"];
    let algorithm = ["--algorithm", "ChaCha20Poly1305"];
    let rotated = place.run(rotate.iter().chain(&algorithm)).ok();
    assert!(rotated.contains("chacha20-poly1305") && rotated.contains("seals and opens"));
    place.run(rotate.iter().chain(&["--in", "1h"])).ok();
    let shown = place.run(["key", "list", "private/app.ring"]).ok();
    assert!(
        shown.contains("seals in") && !shown.contains(secret),
        "{shown}"
    );
    let listed = place
        .run(["key", "list", "private/app.ring", "--json"])
        .json();
    let keys = listed["keys"].as_array().unwrap();
    let current: Vec<_> = keys.iter().map(|key| key["is_current"].clone()).collect();
    assert_eq!(current, [json!(false), json!(true), json!(false)]);
    assert!(!listed.to_string().contains(secret));
    place.run(rotate.iter().chain(&["--keep", "2"])).ok();
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        kept.lines().count() == 3 && !kept.contains(secret),
        "{kept}"
    );
}

#[test]
fn rings_that_others_can_read_are_refused() {
    let place = Place::new();
    let secret = ring(&place);
    let secret = secret.split_whitespace().last().unwrap();
    let path = place.path("private/app.ring");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    for command in ["list", "rotate"] {
        let told = place.run(["key", command, "private/app.ring"]).fails(5);
        assert!(
            told.contains("0640") && told.contains("chmod 600"),
            "{told}"
        );
        assert!(!told.contains(secret));
    }
    let missing = place.run(["key", "list", "private/other.ring"]).fails(2);
    assert!(missing.contains("linkspan key new"), "{missing}");
}

#[test]
fn a_broker_passes_on_what_it_cannot_read() {
    let bus = Bus::start();
    ring(&bus.place);
    let key_ring = ["--key-ring", "private/app.ring"];
    let sealed = bus.listen(&[&["sub", MASK], &key_ring[..]].concat());
    let stranger = bus.listen(&["sub", MASK]);
    let mut peer = bus.peer("peer");
    peer.subscribes(MASK);

    let publish = [&["pub", TOPIC, CANARY, "--as", "raw"], &key_ring[..]].concat();
    bus.run(&publish).ok();
    let message = next(&sealed);
    assert_eq!(
        (&message["topic"], &message["payload"]),
        (&json!(TOPIC), &json!(CANARY))
    );
    let message = next(&stranger);
    assert_eq!(message["sealed"], true);
    assert_eq!(message["format"], "hex");
    let envelope = peer.gets().payload;
    assert_eq!(envelope[0], 0xE1, "an envelope");

    // What somebody without the key publishes is told, and others follow.
    bus.run(&["pub", TOPIC, "forged"]).ok();
    let told = sealed.find("what is not sealed", |line| line["event"] == "unopened");
    assert_eq!(told["error"], "the body is not sealed");
    bus.run(&publish).ok();
    assert_eq!(next(&sealed)["payload"], CANARY);

    let memory = memory_of(bus.node.child.id());
    let holds = |text: &str| memory.windows(text.len()).any(|at| at == text.as_bytes());
    assert!(holds(MASK), "the memory of the broker was read");
    assert!(!holds(CANARY), "the broker has the plaintext");
}

#[test]
fn calls_are_sealed() {
    let place = Place::new();
    ring(&place);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sealing = KeyRing::open(place.path("private/app.ring")).unwrap();
    let address = format!("unix:{}", place.path("vault.sock").display());
    let server = Server::new()
        .method("vault.read", async |name: String, context: Context| {
            let who = context.metadata("sealed-sender").unwrap_or_default();
            Ok::<_, CallError>(format!("{name} for {who}"))
        })
        .sealed(&Sealing::new(sealing, "vault"));
    let _serving = runtime.block_on(server.listen(address.as_str())).unwrap();
    let call = ["call", address.as_str(), "vault.read", r#""gold""#];
    let plain = place.run(call).fails(5);
    assert!(plain.contains("not sealed"), "{plain}");
    let sealed = call
        .iter()
        .chain(&["--key-ring", "private/app.ring", "--json"]);
    let answer = place.run(sealed).json();
    assert_eq!(answer, "gold for linkspan call");
    place.run(["key", "rotate", "private/app.ring"]).ok();
    let sealed = call
        .iter()
        .chain(&["--key-ring", "private/app.ring", "--json"]);
    assert_eq!(place.run(sealed).json(), "gold for linkspan call");
}

/// All that a process can write to in its memory.
#[cfg(target_os = "linux")]
fn memory_of(pid: u32) -> Vec<u8> {
    use std::os::unix::fs::FileExt;

    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut bytes = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let (end, _) = rest.split_once(' ').unwrap();
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let length = usize::try_from(number(end) - number(start)).unwrap();
        let mut region = vec![0; length];
        // Some of it is the system's own.
        if memory.read_exact_at(&mut region, number(start)).is_ok() {
            bytes.extend(region);
        }
    }
    bytes
}

/// Elsewhere nobody can look; what goes through the broker is tested with the library.
#[cfg(not(target_os = "linux"))]
fn memory_of(_: u32) -> Vec<u8> {
    MASK.as_bytes().to_vec()
}

const MASK: &str = "vault/orders/7731/#";
const TOPIC: &str = "vault/orders/7731/new";
const CANARY: &str = "the combination is 3-14-15";
