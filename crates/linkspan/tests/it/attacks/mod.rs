//! Attacks on a server as it is in use: with TLS, rights and a bus, and with others on it.
//!
//! | rows | where |
//! |---|---|
//! | who has few rights wants more: calls, events, topics, masks, names, what is others' | [`rights`] |
//! | the same in the words of BUS/RT, and many times | [`names`] |
//! | proofs are passed on to another connection | [`relays`] |
//! | TLS is stripped, or made older and weaker, by a peer or on the way | [`downgrades`] |
//! | records are altered, reordered, repeated, cut | [`records`] |
//! | another user of the system | [`users`] |
//! | who prints what holds a secret | `shown` |
//! | the policy is replaced while all this goes on | [`races`] |
//!
//! More rows, each with its own scene: credentials ([`crate::security`]), certificates
//! ([`crate::tls`]), sealed bodies (`crate::sealed`).

mod downgrades;
mod middle;
mod names;
mod races;
mod records;
mod relays;
mod rights;
#[cfg(feature = "seal")]
mod shown;
mod town;
#[cfg(target_os = "linux")]
mod users;

use std::future::Future;
use std::pin::Pin;

use linkspan_test::wait;

use self::town::Town;

/// One attack: what is done, and what comes of it.
struct Attack {
    name: &'static str,
    /// What the attacker does; gives what it is told.
    done: for<'a> fn(&'a Town) -> Doing<'a>,
    /// Is in that.
    told: &'static str,
    noted: Noted,
}

type Doing<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;

/// Where the server takes note of it.
enum Noted {
    /// In the audit log: what was wanted, why it was not done, and something that the line names. What
    /// a broker denies it counts, too.
    Audited(&'static str, &'static str, &'static str),
    /// In the audit log as the end of a session, and in the health of the listener as the last error: the
    /// reason, and what has happened to it.
    Broken(&'static str, &'static str),
    /// Nowhere: whoever does no harm by accident is told the same.
    Nowhere,
}

/// Each attack is refused and noted, and nobody else notices anything.
async fn all_are_refused(town: &Town, attacks: &[Attack]) {
    for attack in attacks {
        let (lines, denied) = (town.lines.count(), town.denied_by_broker());
        let told = wait::within(attack.name, (attack.done)(town)).await;
        assert!(told.contains(attack.told), "{}: {told}", attack.name);
        match attack.noted {
            Noted::Audited(action, reason, about) => {
                let line = town.lines.noted(lines, action, reason).await;
                assert_eq!(
                    line.get("decision"),
                    Some(&"denied".into()),
                    "{}: {line}",
                    attack.name
                );
                assert!(line.to_string().contains(about), "{}: {line}", attack.name);
                let is_counted = town.denied_by_broker() > denied;
                assert_eq!(is_counted, action.starts_with("bus."), "{}", attack.name);
            }
            Noted::Broken(reason, error) => {
                let line = town.lines.noted(lines, "session.end", reason).await;
                assert_eq!(
                    line.get("decision").unwrap(),
                    "ended",
                    "{}: {line}",
                    attack.name
                );
                assert_eq!(
                    line.get("principal").unwrap(),
                    "cert:eve",
                    "{}: {line}",
                    attack.name
                );
                assert!(line.to_string().contains(error), "{}: {line}", attack.name);
                wait::until(attack.name, || town.last_error().contains(error)).await;
            }
            Noted::Nowhere => {
                let lines = town.lines.since(lines);
                let is_denial = |line: &serde_json::Value| line["decision"] == "denied";
                assert!(!lines.iter().any(is_denial), "{}: {lines:?}", attack.name);
            }
        }
        town.others_are_undisturbed(attack.name).await;
    }
}
