//! Hosts that stand still for a while.

use std::process::{Command, Stdio};
use std::time::Duration;

use linkspan_test::wait;

use super::support::{Stage, trusted};

/// A host in a process of its own stands still for longer than its plugin may be silent.
#[tokio::test]
async fn a_host_that_stood_still_kills_nothing() {
    let place = tempfile::tempdir().unwrap();
    let report = place.path().join("report");
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "plugin_host::clocks::be_a_host", "--nocapture"])
        .env(REPORT, &report)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let read = || std::fs::read_to_string(&report).unwrap_or_default();
    wait::until("its plugin", || read().starts_with("runs ")).await;
    for _ in 0..2 {
        signal("STOP", host.id());
        tokio::time::sleep(Duration::from_secs(3)).await;
        signal("CONT", host.id());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    std::fs::write(&report, "go on").unwrap();
    wait::until("its report", || read().starts_with("same ")).await;
    host.wait().unwrap();
    assert_eq!(read(), "same true restarts 0");
}

/// The process of the test above; does nothing otherwise.
#[tokio::test]
async fn be_a_host() {
    let Ok(report) = std::env::var(REPORT) else {
        return;
    };
    let stage = Stage::new();
    let mut terms = trusted();
    terms.liveness_timeout = Some(Duration::from_secs(1));
    let script = "@plugin.method\ndef pid() -> int:\n    return os.getpid()";
    let plugin = stage.start("steady", script, terms).await;
    let pid = plugin.status().instances[0].pid;
    std::fs::write(&report, format!("runs {pid}")).unwrap();
    let is_over = || std::fs::read_to_string(&report).unwrap_or_default() == "go on";
    wait::until("the end", is_over).await;
    let same: u32 = plugin.send_request("steady.pid", &()).await.unwrap();
    let restarts = plugin.status().restarts;
    std::fs::write(&report, format!("same {} restarts {restarts}", same == pid)).unwrap();
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}

const REPORT: &str = "LINKSPAN_TEST_HOST_REPORT";
