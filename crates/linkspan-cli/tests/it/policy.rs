//! `linkspan policy`, and the section `security.authorization` of a node.

use rustix::process::Signal;
use serde_json::json;

use crate::support::Place;

const ROLES: &str = r#"
security:
  authorization:
    roles:
      reader: [ "rpc.call:node.*", "bus.subscribe:news/#" ]
      writer: { capabilities: [ "bus.publish:news/+" ], members: [ "cert:host-1" ] }
"#;

#[test]
fn check_and_explain_tell_what_a_node_would_decide() {
    let place = Place::new();
    place.write("linkspan.yaml", ROLES);
    let check = |words: &[&str]| place.run(["policy", "check"].iter().chain(words));
    let yes = check(&["jwt:ada", "rpc.call", "node.info", "--role", "reader"]).ok();
    assert_eq!(yes, "permitted: role reader: rpc.call:node.*\n");
    let no = check(&["jwt:ada", "rpc.call", "node.info"]).fails(5);
    assert!(
        no.contains("jwt:ada may not rpc.call:node.info: nothing permits it"),
        "{no}"
    );
    check(&["cert:host-1", "bus.publish", "news/today"]).ok();
    check(&["cert:host-1", "bus.publish", "news/today/late"]).fails(5);
    check(&["jwt:ada", "bus.subscribe", "#", "--role", "reader"]).fails(5);
    let usage = check(&["jwt:ada", "rpc.cal", "x"]).fails(2);
    assert!(usage.contains("rpc.call, rpc.event"), "{usage}");

    let explain = ["policy", "explain", "cert:host-1", "rpc.call", "node.info"];
    let told = place.run(explain).ok();
    assert!(
        told.contains("role writer: bus.publish:news/+") && told.starts_with("no: "),
        "{told}"
    );
    let told = place.run(explain.iter().chain(&["--json"])).json();
    assert_eq!(told["permitted"], false);
    assert_eq!(told["missing"], "rpc.call:node.info");
    assert_eq!(told["roles"], json!({ "writer": ["bus.publish:news/+"] }));
}

#[test]
fn conditions_are_read_from_the_folder_and_are_right_or_an_error() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "security: { authorization: { policy_engine: production } }",
    );
    std::fs::create_dir(place.path("production")).unwrap();
    let check = ["policy", "check", "jwt:ada", "rpc.call", "node.info"];
    let empty = place.run(check).fails(3);
    assert!(
        empty.contains("no file whose name ends in .cedar"),
        "{empty}"
    );
    place.write(
        "production/ada.cedar",
        "@id(\"ada by name\")\npermit(principal == Principal::\"jwt:ada\", action, resource);",
    );
    assert_eq!(place.run(check).ok(), "permitted: condition ada by name\n");
    place.write(
        "production/wrong.cedar",
        "\npermit(principal, action, resurce);",
    );
    let wrong = place.run(check).fails(3);
    assert!(wrong.contains("production/wrong.cedar:2: "), "{wrong}");
}

#[test]
fn a_node_holds_back_what_is_not_permitted_and_writes_it_down() {
    let place = Place::new();
    let user = format!("uid:{}", rustix::process::geteuid().as_raw());
    let configure = |rights: &str| {
        let text = format!(
            "security:\n  audit: {{ file: audit.log }}\n  authorization:\n    owner_may_all: false\n    \
             roles: {{ tester: {{ capabilities: [{rights}], members: ['{user}'] }} }}\n"
        );
        place.write("linkspan.yaml", &text);
    };
    configure("'rpc.call:node.*', 'rpc.call:linkspan.*'");
    let node = place.node::<&str>([]);
    let address = node.address();
    let call = ["call", &address, "node.info"];
    place.run(call).ok();
    let denied = place.run(["call", &address, "host.processes"]).fails(5);
    let expected = format!("{user} may not rpc.call:host.processes");
    assert!(denied.contains(&expected), "{denied}");
    let audit = std::fs::read_to_string(place.path("audit.log")).unwrap();
    let line = audit.lines().find(|line| line.contains("host.processes"));
    let line: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["action"], "rpc.call");
    assert_eq!(line["decision"], "denied");
    assert_eq!(line["principal"], user);
    assert_eq!(line["reason"], "no_right");

    configure("'rpc.call:host.*'");
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    place.run(call).fails(5);
    let once = ["call", &address, "host.processes", r#"{"follow":false}"#];
    place.run(once).ok();
    // What is wrong changes nothing.
    configure("'rpc.cal:host.*'");
    node.signal(Signal::HUP);
    node.logs("nothing was changed");
    place.write("right.yaml", "");
    place.run(once.iter().chain(&["-c", "right.yaml"])).ok();
}

/// Only Linux tells whose a socket on loopback is.
#[cfg(target_os = "linux")]
#[test]
fn an_audit_log_takes_nobodys_name_away() {
    let place = Place::new();
    place.write(
        "linkspan.yaml",
        "transport: { default_type: tcp, tcp: { bind_address: 127.0.0.1:0 } }\n\
         security: { audit: { file: audit.log } }",
    );
    let node = place.node::<&str>([]);
    place.run(["call", &node.address(), "node.info"]).ok();
    let audit = std::fs::read_to_string(place.path("audit.log")).unwrap();
    let line: serde_json::Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    let user = format!("uid:{}", rustix::process::geteuid().as_raw());
    assert_eq!(
        (&line["decision"], &line["principal"]),
        (&json!("allowed"), &json!(user))
    );
}
