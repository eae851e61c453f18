//! Plugins that mean harm, real processes in real sandboxes, and hosts that are killed.
//!
//! A test starts a process for each level and user, the host: this test program again, with a part to
//! play. What its plugins get from it is in a place that the test has made.
#![expect(
    clippy::print_stdout,
    reason = "hosts are programs, and say how far they are"
)]

mod attacks;
mod bystander;
mod killed;
mod place;
mod table;
mod versions;

use place::{Part, User};

/// Not a test by itself: a host, when another test has started this program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn be_a_host() {
    let Some((part, level, base)) = place::own_part() else {
        return;
    };
    match part {
        Part::Attacked => attacks::all(level, &base).await,
        Part::Killed => killed::work(level, &base).await,
        Part::Clean => killed::work_once(level, &base).await,
    }
}

macro_rules! for_each_level_and_user {
    ($test:path: $($name:ident: $level:ident, $user:ident;)*) => {
        $(
            #[test]
            fn $name() {
                $test(linkspan::plugin::SandboxLevel::$level, $crate::plugin_hostile::User::$user);
            }
        )*
    };
}
use for_each_level_and_user;
