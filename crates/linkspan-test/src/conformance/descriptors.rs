//! A server that has no descriptors left.

use std::time::Duration;

use crate::conformance::bodies::check_alive;
use crate::conformance::limits::once;
use crate::conformance::{Place, Server, Setup};
use crate::raw::RawClient;
use crate::wait;

/// A server without descriptors stops accepting for a while, without spinning, and goes on when
/// there are some again.
pub async fn descriptor_exhaustion(place: Place) {
    // Its runtime and the test harness need about twenty; the limit leaves a few for connections.
    let setup = Setup {
        max_descriptors: Some(40),
        ..Setup::default()
    };
    let server = Server::spawn_with(place, &setup);
    let first = server.client().await;
    let mut raw = Vec::new();
    for _ in 0..60 {
        raw.push(
            RawClient::connect(&server.address)
                .await
                .expect("the system's queue takes it"),
        );
    }
    let before = cpu_ticks(server.pid());
    for _ in 0..20 {
        check_alive(&first).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ticks = cpu_ticks(server.pid()) - before;
    assert!(
        ticks < 50,
        "the server spins: {ticks} ticks of 10 ms in about a second"
    );

    drop(raw);
    let next = wait::within("a connection", async {
        loop {
            match once(&server).await {
                Ok(client) => break client,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    })
    .await;
    check_alive(&next).await;
}

/// Processor time of a process, in ticks of 10 ms.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The name may contain anything; the fields are counted from its end.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("fields")
        .split_whitespace()
        .collect();
    let field = |index: usize| {
        fields
            .get(index)
            .and_then(|field| field.parse::<u64>().ok())
    };
    field(11).expect("utime") + field(12).expect("stime")
}
