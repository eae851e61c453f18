//! Who may do what: rights as texts, roles, conditions, and calls that are held back.

mod calls;
#[cfg(feature = "policy")]
mod conditions;
#[cfg(feature = "exchange")]
mod exchanges;
#[cfg(feature = "auth")]
mod quotas;

use linkspan::auth::Principal;
use linkspan::auth::policy::{Access, Action, Capability, Policy, Role, Roles};

#[test]
fn a_right_stands_for_what_its_mask_stands_for() {
    use Action::{
        BusPublish, BusSend, BusSubscribe, DaemonControl, ExchangeSend, RpcCall, RpcEvent,
    };
    for (right, action, resource, expected) in [
        ("*", RpcCall, "vault.open", true),
        ("*", BusSubscribe, "#", true),
        ("rpc.call:*", RpcCall, "vault.open", true),
        ("rpc.call:*", RpcEvent, "vault.open", false),
        ("rpc.call:host.*", RpcCall, "host.health", true),
        ("rpc.call:host.*", RpcCall, "host.disk.free", true),
        ("rpc.call:host.*", RpcCall, "host", false),
        ("rpc.call:host.*", RpcCall, "hostage.free", false),
        ("rpc.call:host.?", RpcCall, "host.disk.free", false),
        ("rpc.call:host.health", RpcCall, "host.health", true),
        // The name of a method is no mask, whatever it has in it.
        ("rpc.call:host.?", RpcCall, "host.*", false),
        ("rpc.event:user/+", RpcEvent, "user/action", true),
        ("bus.publish:news/#", BusPublish, "news/local", true),
        ("bus.publish:news/#", BusPublish, "news", false),
        ("bus.publish:news/#", BusSubscribe, "news/local", false),
        ("bus.subscribe:news/#", BusSubscribe, "news/+/today", true),
        ("bus.subscribe:news/#", BusSubscribe, "news/#", true),
        ("bus.subscribe:news/+", BusSubscribe, "news/#", false),
        ("bus.subscribe:news/+", BusSubscribe, "#", false),
        ("bus.subscribe:news/+", BusSubscribe, "+/local", false),
        ("bus.subscribe:*", BusSubscribe, "#", true),
        ("bus.send:worker.?", BusSend, "worker.7", true),
        ("bus.send:worker.?", BusSend, "worker.*", false),
        ("bus.send:worker.*", BusSend, "worker.?", true),
        ("exchange.send:detection", ExchangeSend, "detection", true),
        ("exchange.send:detection", ExchangeSend, "*", false),
        ("daemon.control:status", DaemonControl, "stop", false),
    ] {
        let parsed: Capability = right.parse().unwrap();
        assert_eq!(parsed.to_string(), right);
        let covers = parsed.covers(&Access::new(action, resource));
        assert_eq!(covers, expected, "{right} for {action} of {resource}");
    }
}

#[test]
fn what_is_no_right_is_an_error_that_says_why() {
    for (text, expected) in [
        (
            "host.*",
            r#""host.*" is no capability, which is ACTION:MASK as in rpc.call:host.*"#,
        ),
        (
            "rpc.call:",
            r#""rpc.call:" is no capability, which is ACTION:MASK as in rpc.call:host.*"#,
        ),
        (
            "rpc.cal:host.*",
            r#""rpc.cal" is no action; actions are rpc.call, rpc.event, bus.publish, bus.subscribe, bus.send, bus.tap, bus.dead_letters, exchange.send, daemon.command, daemon.control, plugin.start, plugin.stop, plugin.logs"#,
        ),
        (
            "bus.publish:a\0b",
            r#"the mask of "bus.publish:a\0b" cannot be used"#,
        ),
    ] {
        let error = text.parse::<Capability>().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn roles_are_had_by_credentials_and_by_membership() {
    let policy = Policy::new(
        Roles::new()
            .with("reader", role(&["bus.subscribe:news/#"], &["alice"]))
            .with("everybody", role(&["rpc.call:time.now"], &["*"]))
            .with("machines", role(&["rpc.call:disk.?"], &["cert:*", "key:"])),
    );
    let by_token = {
        let mut principal = Principal::named("bob");
        principal.roles.push("reader".into());
        principal
    };
    let news = Access::new(Action::BusSubscribe, "news/today");
    let time = Access::new(Action::RpcCall, "time.now");
    let vault = Access::new(Action::RpcCall, "vault.open");
    let disk = Access::new(Action::RpcCall, "disk.free");
    let machines = Some("role machines: rpc.call:disk.?");
    for (principal, access, expected) in [
        (&by_token, news, Some("role reader: bus.subscribe:news/#")),
        (
            &Principal::named("alice"),
            news,
            Some("role reader: bus.subscribe:news/#"),
        ),
        (&Principal::named("carol"), news, None),
        (
            &Principal::named("carol"),
            time,
            Some("role everybody: rpc.call:time.now"),
        ),
        (&Principal::anonymous(), time, None),
        (&Principal::named("cert:host-1"), disk, machines),
        (&Principal::named("certain"), disk, None),
        (&Principal::named("key:ci"), disk, None),
        (&by_token, vault, None),
        (&owner(), vault, Some("the owner may do everything")),
    ] {
        let decision = policy.decide(principal, &access);
        assert_eq!(
            decision.permitted,
            expected.is_some(),
            "{principal:?} {access}"
        );
        let rule = decision.rule.to_string();
        assert_eq!(rule, expected.unwrap_or("nothing permits it"));
    }
}

#[test]
fn without_roles_only_the_owner_may_do_anything() {
    let policy = Policy::default();
    let access = Access::new(Action::RpcCall, "any.thing");
    assert!(policy.decide(&owner(), &access).permitted);
    assert!(
        !policy
            .decide(&Principal::named("uid:4294967294"), &access)
            .permitted
    );
    assert!(!policy.decide(&Principal::anonymous(), &access).permitted);
}

/// The user who runs the tests, as transports name it.
fn owner() -> Principal {
    Principal::named(os::own_credentials().user.to_string())
}

fn role(capabilities: &[&str], members: &[&str]) -> Role {
    let capabilities = capabilities.iter().map(|text| text.parse().unwrap());
    Role::new(capabilities).with_members(members.iter().copied())
}
