//! Exchanges with peers that mean harm, or are broken, over everything that carries bytes.
//!
//! | peer | what holds | where |
//! |---|---|---|
//! | flips a bit, announces a bad length, sends no protobuf | closed without a byte, counted by kind | [`frames`] |
//! | sends a frame in pieces, or several at once | answered, in order | [`frames`] |
//! | is silent, trickles, or never reads | closed in time, counted by kind | [`slow`] |
//! | ends between frames, or within one | told apart | [`ends`] |
//! | comes in crowds | the next one gets its answer | [`crowds`] |
//! | announces much memory | gets none; a thousand connections leave nothing | [`resources`] |
//! | is there when the server stops | drained, then cut | [`stopping`] |
//! | is a server that answers with anything else | outcome unknown, nothing sent twice | [`servers`] |
//! | is a server that speaks unasked | never taken for an answer | [`unasked`] |
//! | is a server that hangs, or is killed | another endpoint answers | [`failing`] |
//!
//! During each attack on a server a [witness](victim::Victim) keeps exchanging with it, on one
//! connection, without a failure.
#![expect(
    clippy::indexing_slicing,
    reason = "tests fail by panicking and read as scripts"
)]

mod child;
mod crowds;
mod ends;
mod failing;
mod fake;
mod frames;
#[cfg(unix)]
mod live_paths;
mod raw;
#[cfg(target_os = "linux")]
mod resources;
mod servers;
mod slow;
mod stopping;
mod unasked;
mod victim;

/// Makes a test of each part, over one transport.
macro_rules! suite {
    ($transport:ident, $place:ident; $($module:ident: $part:ident,)*) => {
        mod $transport {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $part() {
                    let place = linkspan_test::conformance::Place::$place;
                    super::$module::$part(place).await;
                }
            )*
        }
    };
}

/// Makes a test of each part, over each transport of bytes and each backend.
macro_rules! everywhere {
    ($($module:ident: $part:ident,)*) => {
        suite!(tcp, Tcp; $($module: $part,)*);
        #[cfg(unix)]
        suite!(unix, Unix; $($module: $part,)*);
        #[cfg(unix)]
        suite!(unix_through_interprocess, UnixInterprocess; $($module: $part,)*);
        #[cfg(unix)]
        suite!(unix_through_threads, UnixLegacy; $($module: $part,)*);
    };
}

// What a test says by closing half a connection, or as a server, cannot be said over a pipe.
#[cfg(windows)]
suite! {
    pipe, Pipe;
    frames: bad_lengths,
    frames: longest_message,
    frames: bytes_one_by_one,
    frames: cuts_at_every_place,
    frames: three_in_one_write,
    frames: a_bad_frame_after_good_ones,
    slow: silence,
    slow: a_stalled_frame,
    slow: a_trickle,
    crowds: ten_attackers_at_a_limit_of_two,
    crowds: over_the_limit,
    crowds: idle_ones_make_room,
    stopping: drains_then_cuts,
    stopping: silent_and_stalled_ones,
}

everywhere! {
    frames: flipped_bits,
    frames: bad_lengths,
    frames: longest_message,
    frames: bytes_one_by_one,
    frames: cuts_at_every_place,
    frames: three_in_one_write,
    frames: a_bad_frame_after_good_ones,
    slow: silence,
    slow: a_stalled_frame,
    slow: a_trickle,
    slow: an_unread_answer,
    slow: an_answer_read_too_slowly,
    ends: between_frames,
    ends: within_a_frame,
    ends: resets,
    crowds: ten_attackers_at_a_limit_of_two,
    crowds: over_the_limit,
    crowds: idle_ones_make_room,
    crowds: a_lower_limit_is_reached,
    stopping: drains_then_cuts,
    stopping: silent_and_stalled_ones,
    servers: wrong_answers,
    servers: slow_answers,
    servers: busy_ones,
    servers: idempotent_questions_are_repeated,
    unasked: frames_with_the_answer,
    unasked: frames_after_the_answer,
    unasked: parts_of_frames,
    failing: killed_servers,
    failing: hanging_servers,
    failing: recovered_servers,
}

// What needs no bytes of the test's own holds in memory, too.
suite! {
    memory, Memory;
    crowds: over_the_limit,
    crowds: idle_ones_make_room,
    stopping: drains_then_cuts,
    failing: recovered_servers,
}

#[cfg(feature = "prost")]
mod messages {
    use super::frames;

    everywhere! {
        frames: wrong_messages,
    }
}
