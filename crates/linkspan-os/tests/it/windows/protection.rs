use std::io;

use linkspan_os::{
    PipeError, PipeListener, PipeOptions, Sid, connect_pipe, peer_credentials, security_descriptor,
};
use tokio::io::AsyncReadExt;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use crate::windows::support::{
    bind, child, child_argument, connect, is_gap, own_sid, pipe_name, soon,
};

fn options(sddl: &str) -> PipeOptions {
    let mut options = PipeOptions::default();
    options.security_descriptor = Some(sddl.to_owned());
    options
}

/// How the system writes this user in SDDL: some have an abbreviation.
fn user_in_sddl() -> String {
    match own_sid() {
        Sid::SYSTEM => "SY".to_owned(),
        sid if sid.to_string().ends_with("-500") => "LA".to_owned(),
        sid => sid.to_string(),
    }
}

async fn first_three(name: &str, listener: &mut PipeListener) -> Vec<NamedPipeServer> {
    let mut servers = Vec::new();
    for _ in 0..3 {
        let (client, server) = tokio::join!(connect(name), soon(listener.accept()));
        peer_credentials(&client).unwrap();
        servers.push(server.unwrap());
    }
    servers
}

#[tokio::test]
async fn every_instance_is_its_owners_by_default() {
    let name = pipe_name("owner-only");
    let mut listener = bind(&name);
    let user = user_in_sddl();
    let meant = format!("O:{user}D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{user})");
    for server in first_three(&name, &mut listener).await {
        assert_eq!(security_descriptor(&server).unwrap(), meant);
    }
}

#[tokio::test]
async fn every_instance_has_the_descriptor_that_was_asked_for() {
    let name = pipe_name("asked-for");
    let user = user_in_sddl();
    let meant = format!("O:{user}D:P(A;;FA;;;{user})(A;;FR;;;AU)");
    let mut listener = PipeListener::bind(&name, &options(&meant)).unwrap();
    for server in first_three(&name, &mut listener).await {
        assert_eq!(security_descriptor(&server).unwrap(), meant);
    }
}

#[tokio::test]
async fn a_pipe_without_a_named_owner_is_this_users() {
    let name = pipe_name("no-owner");
    let user = user_in_sddl();
    let list = format!("D:P(A;;FA;;;{user})");
    let mut listener = PipeListener::bind(&name, &options(&list)).unwrap();
    for server in first_three(&name, &mut listener).await {
        let told = security_descriptor(&server).unwrap();
        assert_eq!(told, format!("O:{user}{list}"));
    }
}

#[tokio::test]
async fn the_client_sees_the_same_descriptor() {
    let name = pipe_name("seen-by-client");
    let mut listener = bind(&name);
    let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
    let told = security_descriptor(&client).unwrap();
    assert_eq!(told, security_descriptor(server.unwrap()).unwrap());
}

#[tokio::test]
async fn a_descriptor_that_protects_nothing_is_refused() {
    let name = pipe_name("no-protection");
    let user = own_sid();
    for sddl in ["", &format!("O:{user}"), "rubbish", "D:(A;;FA"] {
        let bound = PipeListener::bind(&name, &options(sddl));
        let error = bound.expect_err(sddl);
        let PipeError::SecurityDescriptor { sddl: told, .. } = &error else {
            panic!("{sddl:?}: {error}");
        };
        assert_eq!(told, sddl);
        let text = format!("security descriptor {sddl:?} cannot be used");
        assert_eq!(error.to_string(), text);
    }
    let error = connect_pipe(&name).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound, "nothing was made");
}

#[tokio::test]
async fn a_descriptor_that_lets_everybody_in_by_name_is_refused() {
    let name = pipe_name("no-list");
    let bound = PipeListener::bind(&name, &options("D:NO_ACCESS_CONTROL"));
    if is_gap("NO_ACCESS_CONTROL in SDDL is read as a list without entries") {
        return;
    }
    let error = bound.unwrap_err();
    assert!(
        matches!(error, PipeError::SecurityDescriptor { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn whoever_is_not_on_the_list_is_refused() {
    let name = pipe_name("refused");
    let denied = options("D:P(D;;FA;;;WD)");
    let _listener = PipeListener::bind(&name, &denied).unwrap();
    let connected = connect_pipe(&name);
    if is_gap("access lists of pipes are kept and not obeyed") {
        return;
    }
    let error = connected.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn a_name_is_one_servers_at_a_time() {
    let name = pipe_name("in-use");
    let listener = bind(&name);
    let error = PipeListener::bind(&name, &PipeOptions::default()).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        error.to_string(),
        format!("pipe {name} is in use by process {pid}")
    );
    assert!(matches!(error, PipeError::InUse { pid: Some(told), .. } if told == pid));
    drop(listener);
    let bound = async {
        // The system has the last word about when an instance is gone.
        while PipeListener::bind(&name, &PipeOptions::default()).is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(bound).await;
}

#[tokio::test]
async fn a_name_is_free_when_its_server_was_killed() {
    if let Some(name) = child_argument() {
        let mut listener = bind(&name);
        let mut server = soon(listener.accept()).await.unwrap();
        // Until it is killed.
        soon(server.read_u8()).await.ok();
        return;
    }
    let name = pipe_name("killed-server");
    let own_name = "windows::protection::a_name_is_free_when_its_server_was_killed";
    let mut other = child(own_name, &name);
    let listening = async {
        loop {
            match connect_pipe(&name) {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        }
    };
    let mut client = soon(listening).await;
    assert_eq!(peer_credentials(&client).unwrap().pid, Some(other.id()));
    let error = PipeListener::bind(&name, &PipeOptions::default()).unwrap_err();
    assert!(matches!(error, PipeError::InUse { .. }), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(soon(client.read(&mut [0])).await.unwrap(), 0);
    drop(client);
    let bound = async {
        while PipeListener::bind(&name, &PipeOptions::default()).is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    soon(bound).await;
}

#[tokio::test]
async fn a_name_that_somebody_squats_on_is_in_use() {
    let name = pipe_name("squatted");
    let path = format!(r"\\.\pipe\{name}");
    let _squatter = ServerOptions::new().create(&path).unwrap();
    let bound = PipeListener::bind(&name, &PipeOptions::default());
    if is_gap("the flag for the first instance is ignored") {
        return;
    }
    let error = bound.unwrap_err();
    assert!(matches!(error, PipeError::InUse { .. }), "{error}");
}
