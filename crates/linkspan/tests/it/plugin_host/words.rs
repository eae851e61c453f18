//! What plugins say of themselves takes no memory of their host, and forges nothing.

use linkspan::plugin::host::{RunError, State};
use linkspan_test::wait;

use super::support::{Stage, trusted};

/// A plugin that says something else of itself.
fn describing(changes: &str) -> String {
    format!(
        "described = plugin.describe()\ndescribed.update({changes})\nplugin.describe = lambda: described"
    )
}

#[tokio::test]
async fn a_description_is_not_read_that_is_longer_than_any_needs_to_be() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.restart = Some(never());
    let script = describing("events=[''] * 2_000_000");
    let plugin = stage.load("talker", &script, terms).await;
    let error = wait::within("its refusal", plugin.start())
        .await
        .unwrap_err();
    let text = format!("{error:?}");
    assert!(text.contains("TooLarge"), "{text:.300}");
    assert_eq!(plugin.state(), State::Failed);
}

#[tokio::test]
async fn of_many_masks_the_first_are_named_and_the_others_counted() {
    let stage = Stage::new();
    let script = describing("events=['secret/#'] * 50_000 + ['x' * 100_000]");
    let plugin = stage.start("talker", &script, trusted()).await;
    let said = plugin.logs().recent(usize::MAX);
    let told: Vec<_> = said
        .iter()
        .filter(|entry| entry.text.contains("to hear of"))
        .collect();
    assert_eq!(told.len(), 17);
    assert_eq!(told[16].text, "was not granted to hear of 49985 others");
}

#[tokio::test]
async fn words_of_plugins_are_cut() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.restart = Some(never());
    let script = describing("version='1' * 500_000");
    let plugin = stage.load("talker", &script, terms).await;
    let error = wait::within("its refusal", plugin.start())
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Mismatch { .. }), "{error:.300}");
    assert!(error.to_string().len() < 2_000);

    let script = "@plugin.method\ndef tire():\n    plugin.set_ready(False, 'r' * 200_000)\n";
    let plugin = stage.start("tired", script, trusted()).await;
    wait::within("an answer", plugin.send_request::<()>("tired.tire", &()))
        .await
        .unwrap();
    let reason = || plugin.status().instances.remove(0).ready.reason;
    wait::until("a reason", || !reason().is_empty()).await;
    assert!(reason().len() < 2_000 && reason().ends_with("r…"));
}

fn never() -> linkspan::plugin::Restart {
    let mut restart = linkspan::plugin::Restart::default();
    restart.policy = linkspan::plugin::RestartPolicy::Never;
    restart
}
