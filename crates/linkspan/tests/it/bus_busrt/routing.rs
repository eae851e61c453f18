//! Who gets what.

use super::raw::{
    ACKED, BAD_DATA, BROADCAST, EXCLUDE, FAILED, MESSAGE, OK, PUBLISH, PUBLISH_FOR, SUBSCRIBE,
    UNEXCLUDE, UNSUBSCRIBE, body,
};
use super::scene::Scene;

const TOPICS: [&str; 8] = ["a", "a/", "a/b", "a/b/c", "/a", "a//b", "b", ""];

/// As BUS/RT's own broker was seen to do it: `Y` where the mask stands for the topic.
const MATRIX: [(&str, &str); 12] = [
    ("#", "YYYYYYYY"),
    ("a/#", "-YYY-Y--"),
    ("a/+", "-YY-----"),
    ("+", "Y-----YY"),
    ("+/+", "-YY-Y---"),
    ("a/+/c", "---Y----"),
    ("a/#/c", "-YYY-Y--"),
    ("+/#", "-YYYYY--"),
    ("/#", "----Y---"),
    ("+/", "-Y------"),
    ("a", "Y-------"),
    ("", "-------Y"),
];

#[tokio::test]
async fn masks_stand_for_what_they_did_at_the_old_broker() {
    let scene = Scene::start().await;
    let mut publisher = scene.client("publisher").await;
    for (mask, row) in MATRIX {
        let mut subscriber = scene.client("subscriber").await;
        let mut excluding = scene.client("excluding").await;
        subscriber.subscribe(&[mask]).await;
        excluding.subscribe(&["#"]).await;
        assert_eq!(excluding.ask(EXCLUDE, mask.as_bytes()).await, OK);
        for topic in TOPICS {
            assert_eq!(publisher.publish(topic, topic.as_bytes()).await, OK);
        }
        let split = |wanted| {
            let each = TOPICS.into_iter().zip(row.chars());
            let with = each.filter(|(_, letter)| (*letter == 'Y') == wanted);
            with.map(|(topic, _)| topic).collect::<Vec<_>>()
        };
        subscriber.expect_payloads(&split(true)).await;
        excluding.expect_payloads(&split(false)).await;
        drop((subscriber, excluding));
        scene.until_clients(1).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn wildcards_in_a_topic_are_letters() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["a/b", "a/+/c"]).await;
    assert_eq!(one.publish("a/#", b"no").await, OK);
    assert_eq!(one.publish("a/+", b"no").await, OK);
    assert_eq!(one.publish("a/#/c", b"yes").await, OK);
    one.expect_payloads(&["yes"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn several_masks_give_one_copy_also_to_oneself() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["a/b", "a/+", "#", "a/b"]).await;
    assert_eq!(one.publish("a/b", b"once").await, OK);
    one.expect_payloads(&["once"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn unsubscribing_and_unexcluding_need_the_same_mask() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["a/#", "b"]).await;
    assert_eq!(one.ask(UNSUBSCRIBE, b"a/b\0never\0b").await, OK);
    assert_eq!(one.publish("a/b", b"1").await, OK);
    assert_eq!(one.publish("b", b"gone").await, OK);
    assert_eq!(one.ask(EXCLUDE, b"a/+\0a/+").await, OK);
    assert_eq!(one.publish("a/b", b"excluded").await, OK);
    assert_eq!(one.ask(UNEXCLUDE, b"a/#\0never").await, OK);
    assert_eq!(one.publish("a/b", b"still excluded").await, OK);
    assert_eq!(one.ask(UNEXCLUDE, b"a/+").await, OK);
    assert_eq!(one.publish("a/b", b"2").await, OK);
    assert_eq!(one.ask(UNSUBSCRIBE, b"a/#").await, OK);
    assert_eq!(one.publish("a/b", b"gone").await, OK);
    one.expect_payloads(&["1", "2"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn masks_of_the_same_meaning_are_two() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["a/#", "a/#/c"]).await;
    assert_eq!(one.ask(UNSUBSCRIBE, b"a/#").await, OK);
    assert_eq!(one.publish("a/b", b"by the other").await, OK);
    assert_eq!(one.ask(UNSUBSCRIBE, b"a/#/c").await, OK);
    assert_eq!(one.publish("a/b", b"gone").await, OK);
    one.expect_payloads(&["by the other"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn exclusions_are_of_publications_only() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    let mut two = scene.client("two").await;
    one.subscribe(&["#"]).await;
    // The empty topic, too, which messages and broadcasts seem to have.
    assert_eq!(one.ask(EXCLUDE, b"#\0").await, OK);
    assert_eq!(two.publish("t", b"excluded").await, OK);
    assert_eq!(two.message("one", b"message").await, OK);
    assert_eq!(two.broadcast("on?.x", b"nobody").await, OK);
    assert_eq!(two.broadcast("one", b"broadcast").await, OK);
    one.expect_payloads(&["message", "broadcast"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn as_much_can_be_excluded_as_a_client_may_need() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    let mut two = scene.client("two").await;
    one.subscribe(&["#"]).await;
    let masks = |numbers: std::ops::Range<u32>| {
        let masks: Vec<_> = numbers.map(|number| format!("t/{number}")).collect();
        masks.join("\0").into_bytes()
    };
    assert_eq!(one.ask(EXCLUDE, &masks(0..10_000)).await, OK);
    // Those that are there take no room.
    assert_eq!(one.ask(EXCLUDE, &masks(9_999..10_000)).await, OK);
    assert_eq!(one.ask(EXCLUDE, &masks(10_000..10_001)).await, FAILED);
    for topic in ["t/9999", "t/10000"] {
        assert_eq!(two.publish(topic, topic.as_bytes()).await, OK);
    }
    one.expect_payloads(&["t/10000"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_publication_for_one_is_for_it_and_its_secondaries() {
    let scene = Scene::start().await;
    let mut meant = scene.client("meant").await;
    let mut secondary = scene.client("meant%%1").await;
    let mut deaf = scene.client("meant%%2").await;
    let mut other = scene.client("other").await;
    for client in [&mut meant, &mut secondary, &mut other] {
        client.subscribe(&["t/+"]).await;
    }
    deaf.subscribe(&["u"]).await;
    let for_meant = body(&["t/1", "meant"], b"you");
    assert_eq!(other.ask(PUBLISH_FOR, &for_meant).await, OK);
    let for_secondary = body(&["t/1", "meant%%1"], b"no primary");
    assert_eq!(other.ask(PUBLISH_FOR, &for_secondary).await, OK);
    meant.expect_payloads(&["you"]).await;
    secondary.expect_payloads(&["you"]).await;
    deaf.expect_payloads(&[]).await;
    other.expect_payloads(&[]).await;
    scene.stop().await;
}

#[tokio::test]
async fn broadcasts_go_by_the_levels_of_names() {
    let scene = Scene::start().await;
    let names = ["bm", "bm.x", "bm.y.z", "x", "bm.x%%1"];
    let mut clients = Vec::new();
    for name in names {
        clients.push(scene.client(name).await);
    }
    let mut sender = scene.client("sender").await;
    for (mask, expected) in [
        ("*", "bm bm.x bm.y.z x bm.x%%1"),
        ("bm.*", "bm.x bm.y.z bm.x%%1"),
        ("?", "bm x"),
        ("bm.?", "bm.x bm.x%%1"),
        ("?.?.?", "bm.y.z"),
        ("bm.x", "bm.x"),
        ("*.x", "bm bm.x bm.y.z x bm.x%%1"),
        ("b?", ""),
        ("", ""),
        ("nobody", ""),
    ] {
        assert_eq!(sender.broadcast(mask, mask.as_bytes()).await, OK);
        for client in &mut clients {
            let is_meant = expected.split(' ').any(|name| name == client.name);
            let payloads: &[&str] = if is_meant { &[mask] } else { &[] };
            client.expect_payloads(payloads).await;
        }
    }
    scene.stop().await;
}

#[tokio::test]
async fn deliveries_say_who_and_how() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["t"]).await;
    let _primary = scene.client("two").await;
    let mut two = scene.client("two%%7").await;
    for qos in [0, 1, 2, 3] {
        for (code, texts) in [
            (PUBLISH, &["t"][..]),
            (PUBLISH_FOR, &["t", "one"]),
            (MESSAGE, &["one"]),
            (BROADCAST, &["one"]),
        ] {
            let id = two.operate(code, qos, &body(texts, b"a\0b")).await;
            let delivery = one.delivery().await;
            let kind = if code == PUBLISH_FOR { PUBLISH } else { code };
            assert_eq!((delivery.kind, delivery.is_realtime), (kind, qos >= 2));
            assert_eq!(delivery.sender, "two%%7");
            assert_eq!(delivery.topic, if kind == PUBLISH { "t" } else { "" });
            assert_eq!(delivery.payload, b"a\0b");
            if qos % 2 == 1 {
                assert_eq!(two.ack(id).await, OK);
            }
        }
    }
    scene.stop().await;
}

#[tokio::test]
async fn what_one_sends_to_another_stays_in_order() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["t"]).await;
    let mut two = scene.client("two").await;
    for number in 0..300_u32 {
        let (code, text) = match number % 3 {
            0 => (PUBLISH, "t"),
            1 => (MESSAGE, "one"),
            _ => (BROADCAST, "one"),
        };
        // Short and long ones take different ways through the broker.
        let mut payload = number.to_le_bytes().to_vec();
        payload.resize(4 + usize::try_from(number % 7).unwrap() * 3000, 0);
        two.operate(code, 0, &body(&[text], &payload)).await;
    }
    for number in 0..300_u32 {
        let delivery = one.delivery().await;
        assert_eq!(delivery.payload.get(..4), Some(&number.to_le_bytes()[..]));
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_list_with_a_bad_mask_takes_effect_but_for_it() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    let long = format!("good\0{}", "x".repeat(5000));
    assert_eq!(one.ask(SUBSCRIBE, long.as_bytes()).await, BAD_DATA);
    assert_eq!(one.publish("good", b"there").await, OK);
    one.expect_payloads(&["there"]).await;
    scene.stop().await;
}

#[tokio::test]
async fn a_client_hears_nothing_after_its_masks_are_gone_with_it() {
    let scene = Scene::start().await;
    let mut one = scene.client("one").await;
    one.subscribe(&["t", "u/#"]).await;
    drop(one);
    scene.until_clients(0).await;
    assert_eq!(scene.stats().masks, 0);
    let mut again = scene.client("one").await;
    let id = again
        .operate(PUBLISH, ACKED, &body(&["t"], b"nobody"))
        .await;
    assert_eq!(again.ack(id).await, OK);
    again.expect_payloads(&[]).await;
    scene.stop().await;
}
