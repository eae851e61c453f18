use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Barrier};
use std::thread;

use super::*;
use crate::{Pipe, PipeOptions, open_pipe};

fn pipe(sort: &str) -> Pipe {
    let name = format!("linkspan-test-{}-{sort}", std::process::id());
    Pipe::create(&name, &PipeOptions::default()).unwrap()
}

/// A client's end, whose one operation at a time need not overlap.
fn connect(name: &str) -> File {
    File::from(open_pipe(name).unwrap())
}

#[test]
fn a_client_is_found_before_and_during_the_wait() {
    let (pipe, stop) = (pipe("found"), PipeStop::new().unwrap());
    let before = pipe.instance().unwrap();
    let _early = connect(pipe.name());
    assert!(before.wait(&stop).unwrap());

    let during = pipe.instance().unwrap();
    let waiting = thread::spawn(move || during.wait(&stop).unwrap());
    let _late = connect(pipe.name());
    assert!(waiting.join().unwrap());
}

#[test]
fn a_stop_ends_the_present_wait_and_later_ones() {
    let (pipe, stop) = (pipe("stop"), Arc::new(PipeStop::new().unwrap()));
    let instance = pipe.instance().unwrap();
    let begun = Arc::new(Barrier::new(2));
    let (told, reached) = (Arc::clone(&stop), Arc::clone(&begun));
    let waiting = thread::spawn(move || {
        reached.wait();
        (instance.wait(&told).unwrap(), instance)
    });
    begun.wait();
    stop.stop();
    let (has_client, instance) = waiting.join().unwrap();
    assert!(!has_client);
    assert!(!instance.wait(&stop).unwrap());

    let _client = connect(pipe.name());
    assert!(instance.wait(&stop).unwrap(), "a client goes first");
}

#[test]
fn a_client_at_the_moment_of_the_stop_is_not_lost() {
    let pipe = pipe("moment");
    let mut instance = pipe.instance().unwrap();
    let mut seen_by_first = 0;
    for round in 0..ROUNDS {
        let stop = PipeStop::new().unwrap();
        let start = Barrier::new(3);
        let (is_first, client) = thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                start.wait();
                instance.wait(&stop).unwrap()
            });
            let client = scope.spawn(|| {
                start.wait();
                connect(pipe.name())
            });
            start.wait();
            stop.stop();
            (waiting.join().unwrap(), client.join().unwrap())
        });
        seen_by_first += usize::from(is_first);
        // Whom the first wait has not seen, the next one sees at once, stopped or not.
        assert!(is_first || instance.wait(&stop).unwrap(), "round {round}");
        drop(client);
        instance = pipe.instance().unwrap();
    }
    println!("{seen_by_first} of {ROUNDS} clients came before the stop");
}

#[test]
fn an_instance_whose_client_has_gone_is_for_the_next() {
    let (pipe, stop) = (pipe("gone"), PipeStop::new().unwrap());
    let instance = pipe.instance().unwrap();
    drop(connect(pipe.name()));
    let waiting = thread::spawn(move || {
        assert!(instance.wait(&stop).unwrap());
        instance
    });
    // Where the system takes the first one for a client like any other, there is no place for this.
    let second = loop {
        match open_pipe(pipe.name()) {
            Ok(client) => break Some(client),
            Err(_) if waiting.is_finished() => break None,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        thread::yield_now();
    };
    drop((waiting.join().unwrap(), second));
}

#[tokio::test]
async fn what_has_waited_on_a_thread_can_be_watched_by_the_runtime() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (pipe, stop) = (pipe("watched"), PipeStop::new().unwrap());
    let instance = pipe.instance().unwrap();
    let name = pipe.name().to_owned();
    let client = thread::spawn(move || {
        let mut client = connect(&name);
        client.write_all(&[1]).unwrap();
        let mut answer = [0];
        client.read_exact(&mut answer).unwrap();
        answer
    });
    assert!(instance.wait(&stop).unwrap());
    let mut server = instance.into_server().unwrap();
    assert_eq!(server.read_u8().await.unwrap(), 1);
    server.write_u8(2).await.unwrap();
    assert_eq!(client.join().unwrap(), [2]);
}

const ROUNDS: usize = 500;
