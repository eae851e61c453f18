//! Two nodes that want the same path.

use std::io::Read;
use std::process::{Child, Stdio};

use crate::support::{Place, until};

#[test]
fn exactly_one_of_two_nodes_wins_in_each_of_200_rounds() {
    let place = Place::new();
    let socket = place.path("linkspan/node.sock");
    for round in 0..200 {
        let mut nodes = [start(&place), start(&place)];
        let winner = wait_for_loser(&mut nodes, round);
        let mut line = String::new();
        let mut byte = [0];
        let stdout = nodes[winner].stdout.as_mut().unwrap();
        while !line.ends_with('\n') {
            assert_eq!(
                stdout.read(&mut byte).unwrap(),
                1,
                "round {round}: nobody serves"
            );
            line.push(char::from(byte[0]));
        }
        assert!(line.contains("ready"), "round {round}: {line}");
        assert!(
            std::os::unix::net::UnixStream::connect(&socket).is_ok(),
            "round {round}"
        );
        // Half of the rounds begin with what a killed node leaves.
        if round % 2 == 0 {
            nodes[winner].kill().unwrap();
        } else {
            drop(nodes[winner].stdin.take());
        }
        nodes[winner].wait().unwrap();
    }
}

fn start(place: &Place) -> Child {
    let mut command = place.command(["up", "--json", "--until-stdin-closes"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Gives the number of the one that is left.
fn wait_for_loser(nodes: &mut [Child; 2], round: u32) -> usize {
    let mut loser = None;
    until(&format!("one of two gives up in round {round}"), || {
        loser = (0..2).find(|number| nodes[*number].try_wait().unwrap().is_some());
        loser.is_some()
    });
    let loser = loser.unwrap();
    assert_eq!(
        nodes[loser].wait().unwrap().code(),
        Some(1),
        "round {round}"
    );
    let winner = 1 - loser;
    assert!(
        nodes[winner].try_wait().unwrap().is_none(),
        "round {round}: both gave up"
    );
    winner
}
