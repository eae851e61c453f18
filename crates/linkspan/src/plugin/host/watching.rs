//! Reloading a plugin when its files change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use crate::plugin::LogLevel;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{State, control};

/// Looks again and again whether the files of a plugin have changed, and has it reloaded when they have
/// and nobody is writing any more.
///
/// A plugin that has failed is started anew: what was changed may be what it failed of.
pub(super) async fn watch(plugin: Weak<Shared>) {
    let mut known: Option<Files> = None;
    while let Some(plugin) = plugin.upgrade() {
        let now = look(&plugin).await;
        let before = known.replace(now);
        let is_changed = before.is_some_and(|before| Some(&before) != known.as_ref());
        if is_changed {
            known = Some(settled(&plugin).await);
            reload(&plugin).await;
        }
        drop(plugin);
        tokio::time::sleep(EVERY).await;
    }
}

async fn reload(plugin: &Arc<Shared>) {
    let state = plugin.board.borrow().state();
    let result = match state {
        State::Created | State::Stopped | State::Stopping => return,
        State::Failed => control::start(plugin).await,
        _ => control::reload(plugin).await,
    };
    match result {
        Ok(()) => info!(plugin = %plugin.name, "plugin was reloaded, as its files have changed"),
        Err(error) => {
            let reason = &*error.to_string();
            warn!(plugin = %plugin.name, reason, "plugin stays as it is, though its files have changed");
            let text = format!("it is not reloaded: {reason}");
            plugin.logs.note(0, LogLevel::Warn, text);
        }
    }
}

/// Waits until two looks in a row are the same.
async fn settled(plugin: &Arc<Shared>) -> Files {
    let mut before = look(plugin).await;
    loop {
        tokio::time::sleep(SETTLED).await;
        let now = look(plugin).await;
        if now == before {
            return now;
        }
        before = now;
    }
}

/// Length and time of each file.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

async fn look(plugin: &Arc<Shared>) -> Files {
    let folder = plugin.board.borrow().facts.path.clone();
    let most = plugin.house.config.plugins.max_files;
    let looking = tokio::task::spawn_blocking(move || {
        let mut files = Files::new();
        look_into(&folder, most, &mut files);
        files
    });
    looking.await.unwrap_or_default()
}

/// What cannot be read is as if it were not there; reloading will say so.
fn look_into(folder: &Path, most: usize, files: &mut Files) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if files.len() >= most || is_hidden || entry.file_name() == "__pycache__" {
            continue;
        }
        match entry.metadata() {
            Ok(facts) if facts.is_dir() => look_into(&entry.path(), most, files),
            Ok(facts) => {
                let facts = (facts.len(), facts.modified().ok());
                files.insert(entry.path(), facts);
            }
            Err(_) => {}
        }
    }
}

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
/// For so long nobody has written when it is reloaded.
const SETTLED: Duration = Duration::from_millis(200);
