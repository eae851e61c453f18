//! `linkspan doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::Place;

#[test]
fn a_healthy_node_is_found_healthy() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let findings = place.run(["doctor", "--json"]).json();
    for finding in findings.as_array().unwrap() {
        assert_eq!(finding["state"], "good", "{finding}");
    }
    assert!(
        findings
            .to_string()
            .contains(&format!("process {}", node.child.id()))
    );
}

#[test]
fn a_left_socket_is_told_from_a_missing_one() {
    let place = Place::new();
    assert!(place.run(["doctor"]).ok().contains("no node runs"));
    let mut node = place.node::<&str>([]);
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    assert!(
        place
            .run(["doctor"])
            .ok()
            .contains("was left by a node that died")
    );
}

#[test]
fn a_directory_that_others_can_write_is_repaired_by_the_command() {
    let place = Place::new();
    let directory = place.path("linkspan");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    let ran = place.run(["doctor", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let findings: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let bad = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["state"] == "bad")
        .unwrap();
    let repair = bad["repair"].as_str().unwrap();
    place.run(["up"]).fails(1);
    assert!(
        std::process::Command::new("sh")
            .args(["-c", repair])
            .status()
            .unwrap()
            .success()
    );
    place.run(["doctor"]).ok();
    place.node::<&str>([]);
}

#[test]
fn a_file_at_the_sockets_path_is_named() {
    let place = Place::new();
    place.write("linkspan.yaml", "transport: { socket_path: file }");
    place.write("file", "data");
    let ran = place.run(["doctor"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("is not a socket"), "{ran:?}");
}

#[test]
fn a_wrong_configuration_is_the_first_finding() {
    let place = Place::new();
    place.write("linkspan.yaml", "transpot: {}");
    let ran = place.run(["doctor"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("did you mean `transport`?"), "{ran:?}");
}
