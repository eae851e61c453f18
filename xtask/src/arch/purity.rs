//! Invariant 1: the protocol is told things and never asks; it and the system calls need no runtime.

use crate::arch::finding::Finding;
use crate::arch::source::Source;
use crate::arch::tree::{Linked, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let linked = tree.linked.iter().flat_map(linked);
    let used = tree.code_of("linkspan-proto").flat_map(used);
    linked.chain(used).collect()
}

fn linked(linked: &Linked) -> Vec<Finding> {
    let crate_name = &linked.crate_name;
    let is_pure = crate_name == "linkspan-proto";
    let is_excused = |package: &str| !is_pure && linked.is_windows && FOR_PIPES.contains(&package);
    let is_wrong = |package: &str| {
        (RUNTIMES.contains(&package) && !is_excused(package))
            || C_TOOLS.contains(&package)
            || (package.ends_with("-sys") && (is_pure || !DECLARATIONS.contains(&package)))
            || (is_pure && SYSTEM.contains(&package))
    };
    let finding = |package: &String| {
        Finding::new(
            format!("crates/{crate_name}/Cargo.toml"),
            1,
            format!("{crate_name} is linked with {package}"),
            format!("`cargo tree -p {crate_name} -i {package}` says through what; take it out"),
        )
    };
    let packages = linked.packages.iter();
    packages
        .filter(|package| is_wrong(package))
        .map(finding)
        .collect()
}

fn used(source: &Source) -> Vec<Finding> {
    let mentions = source.mentions();
    let wrong = mentions.into_iter().filter_map(|mention| {
        let name = match mention.is_member {
            true => MEMBERS.iter().find(|name| mention.path == **name),
            false => PATHS.iter().find(|path| mention.is_in(path)),
        }?;
        Some(Finding::new(
            &source.path,
            mention.line,
            format!("the protocol uses {name}"),
            "give it as an argument: time, randomness and bytes come from outside",
        ))
    });
    wrong.collect()
}

/// What the protocol must not name.
const PATHS: [&str; 14] = [
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::sync::Condvar",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::thread",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
];

/// Methods that read the clock, whatever they are called on.
const MEMBERS: [&str; 1] = ["elapsed"];

const RUNTIMES: [&str; 6] = [
    "async-io",
    "async-std",
    "futures-executor",
    "mio",
    "smol",
    "tokio",
];
/// Tokio makes pipes with a security descriptor by unsafe functions only, so the system calls make
/// them.
const FOR_PIPES: [&str; 2] = ["mio", "tokio"];
/// What builds or finds C code.
const C_TOOLS: [&str; 5] = ["bindgen", "cc", "cmake", "pkg-config", "vcpkg"];
/// Crates of declarations, which bring no code of their own.
const DECLARATIONS: [&str; 2] = ["linux-raw-sys", "windows-sys"];
/// Ways to the system that the protocol has no need for.
const SYSTEM: [&str; 4] = ["getrandom", "libc", "rustix", "socket2"];

#[cfg(test)]
mod tests {
    use super::*;

    fn proto(text: &str) -> Vec<Finding> {
        check(&Tree::of(&[("crates/linkspan-proto/src/sample.rs", text)]))
    }

    #[test]
    fn clocks_locks_and_sockets_are_found() {
        for text in [
            "use std::time::Instant; fn f() -> Instant { Instant::now() }",
            "use std::{net::TcpStream};",
            "fn f() { std::thread::sleep(PAUSE) }",
            "struct S { state: std::sync::Mutex<u8> }",
            "fn f(then: Instant) -> Duration { then.elapsed() }",
            "macro_rules! m { () => { std::fs::read(\"x\") } }",
        ] {
            assert_eq!(proto(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn time_as_an_argument_texts_and_tests_are_fine() {
        let text = r#"
            //! It never calls std::time::Instant::now().
            use std::time::{Duration, Instant};
            fn f(now: Instant, elapsed: Duration) -> &'static str { "std::net" }
            #[cfg(test)]
            mod tests { fn now() -> std::time::Instant { std::time::Instant::now() } }
        "#;
        assert_eq!(proto(text).len(), 0);
    }

    #[test]
    fn runtimes_and_c_are_found_among_what_is_linked() {
        let found = |crate_name: &str, is_windows, packages: &[&str]| {
            let mut tree = Tree::default();
            tree.linked.push(Linked {
                crate_name: crate_name.to_owned(),
                is_windows,
                packages: packages.iter().map(|&name| name.to_owned()).collect(),
            });
            check(&tree).len()
        };
        let os = "linkspan-os";
        assert_eq!(found(os, false, &["libc", "linux-raw-sys", "rustix"]), 0);
        assert_eq!(
            found(os, false, &["libc", "mio", "openssl-sys", "tokio"]),
            3
        );
        assert_eq!(found(os, true, &["mio", "tokio", "windows-sys"]), 0);
        assert_eq!(found(os, true, &["async-std", "openssl-sys"]), 2);
        for is_windows in [false, true] {
            let packages = ["bytes", "libc", "tokio"];
            assert_eq!(found("linkspan-proto", is_windows, &packages), 2);
        }
    }
}
