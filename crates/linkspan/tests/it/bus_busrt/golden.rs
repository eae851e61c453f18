//! What goes over the wire, byte for byte, as BUS/RT's own broker was seen to do it.

use super::raw::{Raw, bytes};
use super::scene::Scene;

/// What two clients send and get, in order: the client, the direction, bytes.
type Transcript = &'static [(Who, Way, &'static str)];

#[derive(Debug, Clone, Copy)]
enum Who {
    A,
    B,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    /// From the client to the broker.
    Up,
    /// From the broker to the client.
    Down,
    /// From the broker, which then ends the connection.
    Last,
}

use Way::{Down, Last, Up};
use Who::{A, B};

async fn play(transcript: Transcript) {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let mut a = Raw::connect(address).await;
        let mut b = Raw::connect(address).await;
        let openings = [
            (&mut a, "05 00 61 2E 6F 6E 65"),
            (&mut b, "05 00 62 2E 6F 6E 65"),
        ];
        for (raw, name) in openings {
            raw.expect(&bytes("EB 01 00")).await;
            raw.send(&bytes("EB 01 00")).await;
            raw.expect(&bytes("01")).await;
            raw.send(&bytes(name)).await;
            raw.expect(&bytes("01")).await;
        }
        for (who, way, text) in transcript {
            let raw = match who {
                A => &mut a,
                B => &mut b,
            };
            match way {
                Up => raw.send(&bytes(text)).await,
                Down => raw.expect(&bytes(text)).await,
                Last => {
                    raw.expect(&bytes(text)).await;
                    raw.expect_end().await;
                }
            }
        }
        drop((a, b));
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

/// Makes a test of each transcript.
macro_rules! transcripts {
    ($($name:ident: [$($who:ident $way:ident $text:literal)*])*) => {
        $(
            #[tokio::test]
            async fn $name() {
                play(&[$(($who, $way, $text)),*]).await;
            }
        )*
    };
}

transcripts! {
    publications_by_each_quality: [
        A Up   "01 00 00 00 42 0D 00 00 00 74 2F 31 00 74 2F 2B 2F 78 00 77 2F 23"
        A Down "FE 01 00 00 00 01"
        B Up   "01 00 00 00 01 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F"
        A Down "01 0F 00 00 00 00 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F"
        B Up   "02 00 00 00 41 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F"
        A Down "01 0F 00 00 00 00 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F"
        B Down "FE 02 00 00 00 01"
        B Up   "03 00 00 00 81 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F"
        A Down "01 0F 00 00 00 01 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F"
        B Up   "04 00 00 00 C1 09 00 00 00 74 2F 31 00 68 65 6C 6C 6F"
        A Down "01 0F 00 00 00 01 62 2E 6F 6E 65 00 74 2F 31 00 68 65 6C 6C 6F"
        B Down "FE 04 00 00 00 01"
        B Up   "05 00 00 00 46 10 00 00 00 74 2F 31 00 61 2E 6F 6E 65 00 66 6F 72 6F 6E 65"
        A Down "01 10 00 00 00 00 62 2E 6F 6E 65 00 74 2F 31 00 66 6F 72 6F 6E 65"
        B Down "FE 05 00 00 00 01"
    ]
    messages_to_one_to_nobody_and_to_oneself: [
        B Up   "07 00 00 00 52 09 00 00 00 61 2E 6F 6E 65 00 00 68 69"
        A Down "12 09 00 00 00 00 62 2E 6F 6E 65 00 00 68 69"
        B Down "FE 07 00 00 00 01"
        B Up   "08 00 00 00 52 09 00 00 00 6E 6F 62 6F 64 79 00 68 69"
        B Down "FE 08 00 00 00 71"
        B Up   "09 00 00 00 52 0A 00 00 00 62 2E 6F 6E 65 00 73 65 6C 66"
        B Down "12 0A 00 00 00 00 62 2E 6F 6E 65 00 73 65 6C 66"
        B Down "FE 09 00 00 00 01"
    ]
    a_broadcast_reaches_its_sender_too: [
        B Up   "0A 00 00 00 53 08 00 00 00 3F 2E 6F 6E 65 00 62 63"
        A Down "13 08 00 00 00 00 62 2E 6F 6E 65 00 62 63"
        B Down "13 08 00 00 00 00 62 2E 6F 6E 65 00 62 63"
        B Down "FE 0A 00 00 00 01"
    ]
    calls_of_the_broker: [
        A Up   "01 00 00 00 52 12 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 74 65 73 74 00"
        A Down "FE 01 00 00 00 01"
        A Down "12 12 00 00 00 00 2E 62 72 6F 6B 65 72 00 11 07 00 00 00 81 A2 6F 6B C3"
        A Up   "07 00 00 00 52 12 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 6E 6F 70 65 00"
        A Down "FE 07 00 00 00 01"
        A Down "12 0F 00 00 00 00 2E 62 72 6F 6B 65 72 00 12 07 00 00 00 A7 80"
        A Up   "06 00 00 00 52 13 00 00 00 2E 62 72 6F 6B 65 72 00 01 07 00 00 00 74 65 73 74 00 78"
        A Down "FE 06 00 00 00 01"
        A Down "12 0F 00 00 00 00 2E 62 72 6F 6B 65 72 00 12 07 00 00 00 A6 80"
    ]
    an_error_between_clients: [
        A Up   "01 00 00 00 52 11 00 00 00 62 2E 6F 6E 65 00 12 63 00 00 00 F7 FC 6F 6F 70 73"
        B Down "12 11 00 00 00 00 61 2E 6F 6E 65 00 12 63 00 00 00 F7 FC 6F 6F 70 73"
        A Down "FE 01 00 00 00 01"
    ]
    pings_have_no_answer_and_the_rest_of_them_does_not_count: [
        A Up   "00 00 00 00 00 00 00 00 00"
        A Up   "07 00 00 00 00 05 00 00 00"
        A Up   "08 00 00 00 52 09 00 00 00 6E 6F 62 6F 64 79 00 68 69"
        A Down "FE 08 00 00 00 71"
    ]
    an_operation_that_does_nothing_has_no_ack: [
        A Up   "01 00 00 00 40 01 00 00 00 00"
        A Up   "08 00 00 00 52 09 00 00 00 6E 6F 62 6F 64 79 00 68 69"
        A Down "FE 08 00 00 00 71"
    ]
    an_empty_list_is_the_empty_mask: [
        A Up   "00 00 00 00 42 00 00 00 00"
        A Down "FE 00 00 00 00 01"
        A Up   "01 00 00 00 44 00 00 00 00"
        A Down "FE 01 00 00 00 01"
        B Up   "01 00 00 00 41 02 00 00 00 00 78"
        B Down "FE 01 00 00 00 01"
        A Up   "02 00 00 00 45 00 00 00 00"
        A Down "FE 02 00 00 00 01"
        B Up   "02 00 00 00 41 02 00 00 00 00 79"
        A Down "01 08 00 00 00 00 62 2E 6F 6E 65 00 00 79"
        B Down "FE 02 00 00 00 01"
    ]
    an_unknown_operation_ends_the_connection_without_a_word: [
        A Up   "01 00 00 00 60 01 00 00 00 00"
        A Last ""
    ]
    a_missing_nul_ends_the_connection_without_a_word: [
        A Up   "01 00 00 00 41 03 00 00 00 74 2F 31"
        A Last ""
    ]
    a_topic_that_is_no_text_ends_the_connection_without_a_word: [
        A Up   "01 00 00 00 41 03 00 00 00 FF FE 00"
        A Last ""
    ]
    what_came_before_an_error_holds: [
        A Up   "08 00 00 00 52 09 00 00 00 6E 6F 62 6F 64 79 00 68 69 01 00 00 00 60 01 00 00 00 00"
        A Last "FE 08 00 00 00 71"
    ]
}
