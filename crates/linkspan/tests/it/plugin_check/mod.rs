//! Checks of plugins: those that keep to the protocol, and those that break one clause of it.

mod broken;
mod trial;

use std::collections::BTreeSet;

use linkspan::plugin::check::{Call, Clause, Verdict};
use serde_json::json;
use trial::{GREETER, GREETER_METHODS, Trial};

#[tokio::test]
async fn the_example_in_python_keeps_to_every_clause() {
    let trial = Trial::new("greeter", GREETER_METHODS, GREETER);
    let report = trial.run(Clause::all()).await;
    assert_eq!(trial::broken(&report), [""; 0], "{report:#?}");
    assert_eq!(report.skipped().count(), 0, "{report:#?}");
    assert_eq!(report.outcomes.len(), Clause::all().count());
    assert!(report.is_conformant());
}

#[tokio::test]
async fn the_example_in_rust_keeps_to_every_clause() {
    let trial = Trial::of_example("plugin_greeter", "greeter", GREETER_METHODS);
    let report = trial.run(Clause::all()).await;
    assert_eq!(trial::broken(&report), [""; 0], "{report:#?}");
    assert_eq!(report.skipped().count(), 0, "{report:#?}");
}

#[tokio::test]
async fn what_needs_a_call_is_skipped_unless_one_is_named() {
    let program = r#"
@plugin.method
def wait(seconds: float, cx: Context) -> None:
    cx.wait(seconds)
"#;
    let mut trial = Trial::of_program("waiter", "[methods.wait]", program);
    let clauses = ["busy", "cancel", "deadline", "end-of-file-in-call", "items"];
    let clauses = || clauses.iter().filter_map(|name| Clause::named(name));
    let report = trial.run(clauses()).await;
    let skipped: BTreeSet<_> = report
        .skipped()
        .map(|outcome| outcome.clause.name())
        .collect();
    let expected = ["busy", "deadline", "end-of-file-in-call", "items"];
    assert_eq!(skipped, expected.into(), "{report:#?}");

    let call = Call::new("waiter.wait", &json!({ "seconds": 60 })).unwrap();
    trial.config.call = Some(call);
    let report = trial.run(clauses()).await;
    assert_eq!(trial::broken(&report), [""; 0], "{report:#?}");
    let skipped: Vec<_> = report
        .skipped()
        .map(|outcome| outcome.clause.name())
        .collect();
    assert_eq!(skipped, ["items"], "{report:#?}");
}

#[tokio::test]
async fn a_plugin_that_cannot_start_breaks_clauses_with_its_last_words() {
    let trial = Trial::new(
        "greeter",
        "",
        "import sys\nsys.exit('there is no module')\n",
    );
    let report = trial.run([Clause::named("live").unwrap()]).await;
    let [outcome] = report.outcomes.as_slice() else {
        panic!("{report:#?}");
    };
    let Verdict::Broken { expected, found } = &outcome.verdict else {
        panic!("{outcome:#?}");
    };
    assert_eq!(
        (expected.as_str(), found.as_str()),
        ("its choice", "the end of the connection")
    );
    assert_eq!(outcome.said, ["there is no module"]);
}
