//! What a server writes down about its peers.

use std::sync::{Arc, Mutex};

use linkspan::auth::Audit;
use linkspan_test::wait;
use serde_json::Value;

/// The lines of an audit log.
#[derive(Clone, Default)]
pub(crate) struct AuditLines(Arc<Mutex<Vec<String>>>);

impl AuditLines {
    /// A log that is kept here.
    pub(crate) fn audit(&self) -> Audit {
        let sink = Arc::clone(&self.0);
        Audit::to(move |line| {
            sink.lock().unwrap().push(line.to_owned());
            Ok(())
        })
    }

    /// The last line.
    pub(crate) fn last(&self) -> Value {
        self.since(0).pop().expect("a line")
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Those after the first `count`.
    pub(crate) fn since(&self, count: usize) -> Vec<Value> {
        let lines = self.0.lock().unwrap();
        let lines = lines.iter().skip(count);
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// All as they are in the file.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    /// Waits until something was written down for that reason after the first `count` lines.
    pub(crate) async fn noted(&self, count: usize, action: &str, reason: &str) -> Value {
        let what = format!("{action} {reason} in the audit log");
        let mut found = None;
        wait::until(&what, || {
            let mut lines = self.since(count).into_iter();
            found = lines.find(|line| line["action"] == action && line["reason"] == reason);
            found.is_some()
        })
        .await;
        found.unwrap()
    }
}
