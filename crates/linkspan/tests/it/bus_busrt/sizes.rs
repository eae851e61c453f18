//! Messages just within the limit, and just beyond.

use super::raw::{Client, MESSAGE, OK, PUBLISH, body};
use super::scene::Scene;

const LIMIT: usize = 100_000;

#[tokio::test]
async fn a_message_is_as_long_as_the_broker_takes_and_no_longer() {
    let scene = Scene::with(|config| config.max_message_bytes = LIMIT.try_into().unwrap()).await;
    for address in scene.addresses() {
        let mut other = Client::join(address, "other").await;
        other.subscribe(&["t"]).await;
        for (code, text) in [(PUBLISH, "t"), (MESSAGE, "other")] {
            let of = |bytes: usize| body(&[text], &vec![7; bytes - text.len() - 1]);
            let mut client = Client::join(address, "one").await;
            for bytes in [LIMIT - 1, LIMIT] {
                assert_eq!(of(bytes).len(), bytes);
                assert_eq!(client.ask(code, &of(bytes)).await, OK);
                let got = other.delivery().await.payload.len();
                assert_eq!(got, bytes - text.len() - 1);
            }
            // The header alone ends it.
            let mut header = vec![9, 0, 0, 0, code];
            header.extend(u32::try_from(LIMIT + 1).unwrap().to_le_bytes());
            client.raw.send(&header).await;
            client.raw.expect_end().await;
            scene.until_clients(1).await;
        }
        drop(other);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}
