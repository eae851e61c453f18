//! Daemons that only finish their commands, and their end.

use linkspan_test::wait::until;

use super::bed::{Bed, find, shown, text, wait_end};

/// Starts a command that takes its time, and has its daemon replaced meanwhile; gives the daemon.
async fn drainer(bed: &Bed) -> (std::process::Child, u32) {
    let old = bed.pid();
    let sleeper = bed.start(["sleep", "600", "--silent"]);
    let is_running = || text(&bed.run(["--daemon", "status"]).stdout).contains("1 commands run");
    until("the command runs", is_running).await;
    let restarted = bed.run(["--daemon", "restart"]);
    assert!(restarted.status.success(), "{}", shown(&restarted));
    (sleeper, old)
}

#[tokio::test]
async fn stop_tells_of_older_daemons_and_ends_them_if_it_is_to_be_now() {
    let bed = Bed::new();
    let (sleeper, old) = drainer(&bed).await;
    let process = find(old);
    let stopped = bed.run(["--daemon", "stop"]);
    let hint = format!("process {old}, an older one, finishes its commands; --daemon stop --now");
    assert!(text(&stopped.stdout).contains(&hint), "{}", shown(&stopped));

    let stopped = bed.run(["--daemon", "stop", "--now"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
    let said = text(&stopped.stdout);
    let ended = format!("an older one has ended, process {old}\n");
    assert!(
        said.starts_with("no daemon runs") && said.ends_with(&ended),
        "{said}"
    );
    wait_end(process);
    let output = sleeper.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains("was cancelled by the daemon"),
        "{}",
        shown(&output)
    );
}

#[tokio::test]
async fn one_signal_has_commands_cancelled() {
    let bed = Bed::new();
    let (sleeper, old) = drainer(&bed).await;
    let process = find(old);
    process.terminate().unwrap();
    wait_end(process);
    let output = sleeper.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains("was cancelled by the daemon"),
        "{}",
        shown(&output)
    );
}
