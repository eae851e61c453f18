//! What a client of a broker costs that does nothing.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bus::{Bus, Client};
use crate::figures::{Figure, Sample};
use crate::scenarios::bus::PEERS;
use crate::scenarios::idle::{Resident, WARM_UP};
use crate::scenarios::{BusWork, Case, Effort, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "bus-idle",
    title: "Idle clients of a broker",
    text: "1,000 clients connect, get ready to answer calls, and stay; they send no more than what their \
           library sends by itself to stay connected. The figures are the growth of the resident memory \
           of each process (`VmRSS`) for each client; the kernel's own socket buffers are not in it.",
    cases,
    figures: &[Figure::ServerKib, Figure::ClientKib],
    ratios: &[(Figure::ServerKib, "busrt")],
};

/// The only case.
pub(crate) const CASE: &str = "1,000 clients";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: PEERS,
        setting: Setting::OneThread,
        work: Work::Bus(BusWork::Idle(BusIdle {
            clients: if effort.is_smoke { 100 } else { 1000 },
        })),
    }]
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BusIdle {
    clients: usize,
}

impl BusIdle {
    pub(super) async fn measure<B: Bus>(self, target: Target) -> Result<Sample> {
        // What a process allocates once, it shall have allocated before.
        let first = open::<B>(&target, "first", WARM_UP).await?;
        let before = Resident::settled(&target).await?;
        let clients = open::<B>(&target, "client", self.clients).await?;
        let after = Resident::settled(&target).await?;
        drop((first, clients));
        Ok(after.growth(&before, self.clients))
    }
}

/// So many clients, who all can be called.
async fn open<B: Bus>(
    target: &Target,
    name: &str,
    clients: usize,
) -> Result<Vec<<B::Client as Client>::Callee>> {
    let mut open = Vec::with_capacity(clients);
    for index in 0..clients {
        let client = B::connect(target.address.clone(), format!("{name}-{index}")).await?;
        open.push(client.answer().await?);
    }
    Ok(open)
}
