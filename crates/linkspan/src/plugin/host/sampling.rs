//! Looking what plugins use.

use std::sync::{Arc, Weak};
use std::time::Duration;

use os::sandbox::ProcessTable;
use tracing::debug;

use crate::plugin::host::house::House;

/// Looks again and again what all processes of a host's plugins use, and has those ended that use too
/// much memory. One look at the system's processes serves all of them.
pub(super) async fn sample(house: Weak<House>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(house) = house.upgrade() else {
            return;
        };
        if tokio::task::spawn_blocking(move || look(&house))
            .await
            .is_err()
        {
            return;
        }
    }
}

fn look(house: &Arc<House>) {
    let instances = house.instances();
    if instances.is_empty() {
        return;
    }
    match ProcessTable::read() {
        Ok(processes) => instances
            .iter()
            .for_each(|instance| instance.check(&processes)),
        Err(error) => debug!(%error, "the system does not say what plugins use"),
    }
}
