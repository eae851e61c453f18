//! What the kernel's tables of sockets say.

use std::fs;

use linkspan::rpc::Router;

use crate::support::pair;

/// TCP sockets that this process listens on, from the kernel's tables.
fn listening_tcp_sockets() -> usize {
    let mut own = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").unwrap().flatten() {
        if let Ok(target) = fs::read_link(entry.path())
            && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
        {
            own.push(inode.trim_end_matches(']').to_owned());
        }
    }
    let listens = |table: &str| {
        let text = fs::read_to_string(table).unwrap_or_default();
        let is_own = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.get(3) == Some(&"0A")
                && own
                    .iter()
                    .any(|inode| fields.get(9) == Some(&inode.as_str()))
        };
        text.lines().filter(is_own).count()
    };
    listens("/proc/self/net/tcp") + listens("/proc/self/net/tcp6")
}

#[tokio::test]
async fn no_network_socket_is_opened_unasked() {
    let before = listening_tcp_sockets();
    let _mem = pair("mem", Router::new()).await;
    let _unix = pair("unix", Router::new()).await;
    assert_eq!(listening_tcp_sockets(), before);
    let _tcp = pair("tcp", Router::new()).await;
    // Other tests of this program may listen, too.
    assert!(listening_tcp_sockets() > 0);
}
