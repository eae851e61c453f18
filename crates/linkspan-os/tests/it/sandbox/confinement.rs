//! What guests reach of the host.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};

use linkspan_os::sandbox::{Access, Grant, Identity, Launch, LaunchError, Level, Network};

use super::host::{
    ALL, CONFINED, Scenario, guest, is_let, open_directory, open_directory_at, play,
};

pub(super) const SCENARIOS: &[Scenario] = &[
    ("files", files),
    ("grants", grants),
    ("links", links),
    ("mount-points", mount_points),
    ("sockets", sockets),
    ("ports", ports),
    ("signals", signals),
    ("identity", identity),
];

#[test]
fn files_that_were_not_granted_are_out_of_reach() {
    play("files", &ALL);
}

fn files(level: Level) {
    let base = open_directory();
    let secret = base.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let is_trusted = level == Level::None;
    for action in [
        format!("reads {}", secret.display()),
        format!("lists {}", base.path().display()),
        format!("writes {}", base.path().join("new").display()),
        "reads /etc/passwd".to_owned(),
        "lists /proc/1/task".to_owned(),
    ] {
        if is_trusted && action.contains("/proc") {
            continue;
        }
        let Some(is_let) = is_let(guest(level, &action)) else {
            return;
        };
        // Pid 1 is another one there, and may be looked at as far as anybody may.
        let is_own = level == Level::Strict && action.contains("/proc");
        assert!(is_let == is_trusted || is_own, "{action}: {is_let}");
    }
}

#[test]
fn grants_let_guests_do_what_they_say_and_no_more() {
    play("grants", &CONFINED);
}

fn grants(level: Level) {
    let base = open_directory();
    let [read, write] = ["read", "write"].map(|name| base.path().join(name));
    for directory in [&read, &write] {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(
            directory,
            std::os::unix::fs::PermissionsExt::from_mode(0o777),
        )
        .unwrap();
        fs::write(directory.join("file"), "text").unwrap();
    }
    for (directory, access) in [(&read, Access::Read), (&write, Access::Write)] {
        let has_access = |action: &str, name: &str| {
            let path = directory.join(name);
            let mut launch = guest(level, &format!("{action} {}", path.display()));
            launch.grants = vec![Grant::new(directory, access)];
            is_let(launch)
        };
        let Some(is_read) = has_access("reads", "file") else {
            return;
        };
        assert!(is_read);
        assert_eq!(has_access("lists", "."), Some(true));
        let may_write = access == Access::Write;
        assert_eq!(has_access("writes", "new"), Some(may_write), "{access:?}");
        assert_eq!(directory.join("new").exists(), may_write);
    }
    seen_elsewhere(level, &read);
}

fn seen_elsewhere(level: Level, directory: &std::path::Path) {
    let mut launch = guest(level, "reads /data/deep/file");
    launch.grants = vec![Grant::seen_at(directory, Access::Read, "/data/deep")];
    if level == Level::Strict {
        assert_eq!(is_let(launch), Some(true));
    } else {
        let error = launch.start().unwrap_err();
        assert!(matches!(error, LaunchError::Invalid { .. }), "{error}");
    }
}

#[test]
fn a_grant_does_not_follow_a_link_that_a_guest_has_made() {
    play("links", &CONFINED);
}

fn links(level: Level) {
    let base = open_directory();
    let [own, inner, secret] = ["own", "own/inner", "secret"].map(|name| base.path().join(name));
    [&own, &inner, &secret]
        .into_iter()
        .for_each(|path| open_directory_at(path));
    fs::write(secret.join("file"), "secret").unwrap();
    let both = vec![
        Grant::new(&own, Access::Write),
        Grant::new(&inner, Access::Read),
    ];
    let mut launch = guest(
        level,
        &format!("relinks {} {}", inner.display(), secret.display()),
    );
    // At the strict level nobody can remove what something is mounted at.
    launch.grants = vec![Grant::new(&own, Access::Write)];
    match is_let(launch) {
        Some(is_let) => assert!(is_let && inner.is_symlink()),
        None => return,
    }
    let reads = || guest(level, &format!("reads {}", inner.join("file").display()));
    let refused = |launch: Launch| {
        let error = launch.start().unwrap_err();
        let expected = format!(
            "granted path {inner:?} leads through a link that a confined program could have made"
        );
        assert_eq!(error.to_string(), expected);
    };
    let mut again = reads();
    again.grants = both;
    refused(again);
    let mut other = reads();
    other.grants = vec![Grant::new(&inner, Access::Read)];
    other.no_links_below = vec![base.path().join("nowhere"), own.clone()];
    refused(other);
    let mut trusting = reads();
    trusting.grants = vec![Grant::new(&inner, Access::Read)];
    assert_eq!(is_let(trusting), Some(true), "links of the host's lead on");
}

#[test]
fn a_mount_point_is_not_made_through_a_link_that_a_guest_has_made() {
    play("mount-points", &[Level::Strict]);
}

/// Were links followed there, root's hand would make directories wherever a guest wants them.
fn mount_points(level: Level) {
    let base = open_directory();
    let [own, other, target] = ["own", "other", "target"].map(|name| base.path().join(name));
    [&own, &other, &target]
        .into_iter()
        .for_each(|path| open_directory_at(path));
    let through = std::path::Path::new("/.host").join(target.strip_prefix("/").unwrap());
    std::os::unix::fs::symlink(&through, own.join("link")).unwrap();
    let mut launch = guest(level, "shows");
    launch.grants = vec![
        Grant::seen_at(&own, Access::Write, "/data"),
        Grant::seen_at(&other, Access::Write, "/data/link/made/deep"),
    ];
    match launch.start() {
        Err(LaunchError::Unavailable { .. }) => return,
        result => assert!(
            matches!(result, Err(LaunchError::Step { .. })),
            "{result:?}"
        ),
    }
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn sockets_of_the_host_are_out_of_reach() {
    play("sockets", &ALL);
}

fn sockets(level: Level) {
    let base = open_directory();
    let path = base.path().join("socket");
    let name = format!("linkspan-test-{}", std::process::id());
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _stream = UnixListener::bind(&path).unwrap();
    let hidden = SocketAddr::from_abstract_name(&name).unwrap();
    let _hidden = UnixListener::bind_addr(&hidden).unwrap();
    let datagram = base.path().join("datagram");
    let _datagram = UnixDatagram::bind(&datagram).unwrap();
    for path in [&path, &datagram] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    for action in [
        format!("connects-tcp {}", tcp.local_addr().unwrap()),
        format!("connects-unix {}", path.display()),
        format!("connects-abstract {name}"),
        format!("sends-datagram {}", datagram.display()),
    ] {
        let mut launch = guest(level, &action);
        // Not even if their directory is not.
        launch.grants = vec![Grant::new(base.path(), Access::Write)];
        let Some(is_let) = is_let(launch) else {
            return;
        };
        assert_eq!(is_let, level == Level::None, "{action}");
    }
}

#[test]
fn ports_that_were_granted_can_be_connected_to_and_no_others() {
    play("ports", &CONFINED);
}

fn ports(level: Level) {
    let [granted, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = granted.local_addr().unwrap().port();
    for (listener, expected) in [(&granted, true), (&other, false)] {
        let action = format!("connects-tcp {}", listener.local_addr().unwrap());
        let mut launch = guest(level, &action);
        launch.network = Network::TcpPorts(vec![port]);
        let Some(is_let) = is_let(launch) else {
            return;
        };
        assert_eq!(is_let, expected);
    }
    let mut launch = guest(level, "connects-abstract linkspan-nobody");
    launch.network = Network::TcpPorts(vec![port]);
    assert_eq!(is_let(launch), Some(false));
}

#[test]
fn the_host_cannot_be_signalled() {
    play("signals", &ALL);
}

fn signals(level: Level) {
    let action = format!("signals {}", std::process::id());
    if let Some(is_let) = is_let(guest(level, &action)) {
        assert_eq!(is_let, level == Level::None);
    }
}

#[test]
fn root_lends_everybody_another_user_and_others_get_a_namespace() {
    play("identity", &ALL);
}

fn identity(level: Level) {
    let launch: Launch = guest(level, "shows");
    let uids = launch.uids.clone();
    let Some(running) = super::host::start(launch) else {
        return;
    };
    let identity = running.applied().identity;
    let has_namespace = running.applied().has_pid_namespace;
    let (exit, text) = super::host::finish(running);
    assert!(exit.is_success(), "{text}");
    let own = linkspan_os::effective_uid();
    let expected = match identity {
        Identity::Same => {
            assert!(!has_namespace, "whoever has one is somebody else");
            own
        }
        Identity::Own { uid } => {
            assert!(own == 0 && uids.contains(&uid), "{uid}");
            uid
        }
        Identity::Namespace { uid } => {
            assert!(uid != 0);
            uid
        }
        _ => panic!("{identity:?}"),
    };
    assert!(text.contains(&format!("id {expected}\n")), "{text}");
}
