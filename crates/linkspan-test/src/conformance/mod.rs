//! What every transport has to do.
//!
//! The suite is written once, against a [`Place`]; [`conformance_suite!`](crate::conformance_suite)
//! makes a test of each part for each transport.

mod bodies;
mod child;
#[cfg(unix)]
mod descriptors;
mod ends;
mod limits;
mod methods;
mod place;
mod server;

pub use bodies::{echo, large, many, slow_reader, slow_writer};
pub use child::{Setup, child_main};
#[cfg(unix)]
pub use descriptors::descriptor_exhaustion;
pub use ends::{half_close, peer_killed, server_killed, server_stops_in_order};
pub use limits::{
    broken_frames_harm_only_their_sender, connection_limit, idle_begun_frame, silent_client,
    unread_answers,
};
pub use methods::serve;
pub use place::Place;
pub use server::Server;

/// Makes a test of each part of the suite for one transport.
#[macro_export]
macro_rules! conformance_suite {
    ($transport:ident, $place:ident; $($part:ident),* $(,)?) => {
        mod $transport {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $part() {
                    $crate::conformance::$part($crate::conformance::Place::$place).await;
                }
            )*
        }
    };
}
