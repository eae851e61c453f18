//! Conditions in Cedar, from files.

use std::fs;

use linkspan::auth::Principal;
use linkspan::auth::policy::{Access, Action, Policy, Roles};
use tempfile::TempDir;

use super::{owner, role};

#[test]
fn a_condition_permits_what_no_role_does() {
    let folder = folder(&[(
        "readers.cedar",
        r#"
            @id("by day")
            permit(principal, action == Action::"rpc.call", resource)
            when { principal.hasTag("team") && principal.getTag("team") == "ops"
                && resource.name like "host.*" && context.time > 0 };
        "#,
    )]);
    let policy = Policy::default().conditions(folder.path()).unwrap();
    let mut ada = Principal::named("ada");
    ada.attributes.insert("team".into(), "ops".into());
    let health = Access::new(Action::RpcCall, "host.health");
    let decision = policy.decide(&ada, &health);
    assert!(decision.permitted);
    assert_eq!(decision.rule.to_string(), "condition by day");
    for (principal, access) in [
        (&ada, Access::new(Action::RpcCall, "vault.open")),
        (&ada, Access::new(Action::RpcEvent, "host.health")),
        (&Principal::named("bob"), health),
    ] {
        let decision = policy.decide(principal, &access);
        assert_eq!(decision.rule.to_string(), "nothing permits it", "{access}");
    }
}

#[test]
fn a_condition_that_forbids_is_stronger_than_roles_and_the_owner() {
    let folder = folder(&[(
        "a.cedar",
        r#"
            forbid(principal, action, resource) when { resource.name == "vault.open" };
            forbid(principal in Role::"guest", action == Action::"bus.subscribe", resource)
                when { resource.is_mask };
        "#,
    )]);
    let roles = Roles::new().with("guest", role(&["*"], &["ada"]));
    let policy = Policy::new(roles).conditions(folder.path()).unwrap();
    let ada = Principal::named("ada");
    for (principal, action, resource, rule) in [
        (&ada, Action::RpcCall, "vault.open", "condition a:policy0"),
        (
            &owner(),
            Action::RpcCall,
            "vault.open",
            "condition a:policy0",
        ),
        (
            &owner(),
            Action::RpcCall,
            "vault.look",
            "the owner may do everything",
        ),
        (&ada, Action::RpcCall, "vault.look", "role guest: *"),
        (&ada, Action::BusSubscribe, "news/+", "condition a:policy1"),
        (&ada, Action::BusSubscribe, "news/today", "role guest: *"),
    ] {
        let decision = policy.decide(principal, &Access::new(action, resource));
        assert_eq!(decision.rule.to_string(), rule, "{action} of {resource}");
    }
}

#[test]
fn a_condition_that_forbids_and_cannot_be_judged_forbids() {
    let folder = folder(&[(
        "overflow.cedar",
        r#"
            @id("overflows")
            forbid(principal, action, resource)
                when { context.time * 9223372036854775807 > 0 };
            permit(principal, action, resource);
        "#,
    )]);
    let policy = Policy::default().conditions(folder.path()).unwrap();
    let access = Access::new(Action::RpcCall, "any.thing");
    let decision = policy.decide(&Principal::named("ada"), &access);
    assert!(!decision.permitted);
    let rule = decision.rule.to_string();
    assert!(
        rule.starts_with("condition overflows cannot be judged: "),
        "{rule}"
    );
}

#[test]
fn texts_that_mean_nothing_are_errors_that_tell_where() {
    for (text, expected) in [
        (
            "permit(principal, action, resource);\npermit(;\n",
            "p.cedar:2: ",
        ),
        (
            "permit(principal, action, resource) when { principal.nmae == \"x\" };",
            "condition p:policy0: ",
        ),
        (
            "permit(principal, action == Action::\"rpc.cal\", resource);",
            "condition p:policy0: ",
        ),
        (
            "permit(principal == ?principal, action, resource);",
            "templates",
        ),
        (
            "@id(\"x\") permit(principal, action, resource);\n@id(\"x\") forbid(principal, action, resource);",
            "there are two conditions x",
        ),
    ] {
        let folder = folder(&[("p.cedar", text)]);
        let error = Policy::default().conditions(folder.path()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error:?} for {text}");
    }
    let empty = folder(&[("readme.txt", "")]);
    let error = Policy::default().conditions(empty.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("has no file whose name ends in .cedar")
    );
    let missing = empty.path().join("missing");
    let error = Policy::default().conditions(&missing).unwrap_err();
    assert!(
        error.to_string().ends_with("missing cannot be read"),
        "{error}"
    );
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}
