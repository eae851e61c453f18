//! What the node answers in exchanges: which processes of the machine fit a description.

mod wire;

use linkspan::exchange::{Context, Server, Serving};
use linkspan::transport::ListenError;

use crate::config::Config;
use crate::node::detection::wire::{DetectedProcess, DetectionResult, DetectionTask};
use crate::node::guard::Guard;
use crate::node::processes::Processes;
use crate::node::wire::Process;

/// Begins to answer where the configuration says so, if it does: all who may connect, unless rights or
/// limits are given.
pub(crate) async fn serve(config: &Config, guard: &Guard) -> Result<Option<Serving>, ListenError> {
    let Some(address) = config.ipc.address()? else {
        return Ok(None);
    };
    let mut server = Server::new()
        .config(config.ipc.exchange())
        .transport(config.server().transport)
        // Reading the table is many system calls.
        .blocking_message_handler(|task: DetectionTask, _: Context| {
            Ok::<_, DetectionResult>(detect(&task, table()))
        });
    if config.security.is_about_clients() {
        server = server.guard(guard.rights.clone(), NAME);
    }
    server.listen(address).await.map(Some)
}

fn table() -> Vec<Process> {
    let looked = Processes::default().look();
    looked.into_iter().map(|event| event.process).collect()
}

fn detect(task: &DetectionTask, table: Vec<Process>) -> DetectionResult {
    let looked_at = table.len();
    let mut fitting: Vec<_> = table
        .into_iter()
        .filter(|process| fits(task, process))
        .collect();
    let found = fitting.len();
    fitting.sort_by_key(|process| process.pid);
    let limit = task.limit.unwrap_or(USUAL_LIMIT).min(LARGEST_LIMIT);
    fitting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    DetectionResult {
        task_id: task.task_id.clone(),
        processes: fitting.into_iter().map(describe).collect(),
        found: u32::try_from(found).unwrap_or(u32::MAX),
        looked_at: u32::try_from(looked_at).unwrap_or(u32::MAX),
    }
}

fn fits(task: &DetectionTask, process: &Process) -> bool {
    let name = task.name_contains.as_ref();
    let has_name = name.is_none_or(|part| process.name.contains(part));
    let is_of = task.user.is_none() || task.user == process.user;
    let memory = task.min_memory_bytes;
    has_name && is_of && memory.is_none_or(|least| process.memory_bytes >= least)
}

fn describe(process: Process) -> DetectedProcess {
    DetectedProcess {
        pid: process.pid,
        parent: process.parent.unwrap_or_default(),
        name: process.name,
        user: process.user.unwrap_or_default(),
        memory_bytes: process.memory_bytes,
        started_at: process.started_at,
    }
}

/// By this name rights tell it.
const NAME: &str = "detection";
/// So many processes fit into the usual longest message, whatever they are called.
const LARGEST_LIMIT: u32 = 1_000;
const USUAL_LIMIT: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, name: &str, user: &str, memory_bytes: u64) -> Process {
        Process {
            pid,
            parent: None,
            name: name.to_owned(),
            user: Some(user.to_owned()),
            command: Vec::new(),
            started_at: 0,
            memory_bytes,
        }
    }

    fn found(task: &DetectionTask) -> Vec<u32> {
        let table = vec![
            process(3, "sshd", "root", 100),
            process(1, "init", "root", 50),
            process(2, "ssh", "ada", 200),
        ];
        let result = detect(task, table);
        assert_eq!((result.task_id.as_str(), result.looked_at), ("t", 3));
        let pids = result.processes.iter().map(|process| process.pid);
        pids.collect()
    }

    #[test]
    fn every_condition_has_to_hold() {
        let task = || DetectionTask {
            task_id: "t".to_owned(),
            ..DetectionTask::default()
        };
        assert_eq!(found(&task()), [1, 2, 3]);
        let named = DetectionTask {
            name_contains: Some("ssh".to_owned()),
            ..task()
        };
        assert_eq!(found(&named), [2, 3]);
        let of_root = DetectionTask {
            user: Some("root".to_owned()),
            ..named
        };
        assert_eq!(found(&of_root), [3]);
        let large = DetectionTask {
            min_memory_bytes: Some(101),
            ..of_root
        };
        assert_eq!(found(&large), [0_u32; 0]);
        let few = DetectionTask {
            limit: Some(2),
            ..task()
        };
        assert_eq!(found(&few), [1, 2]);
    }
}
