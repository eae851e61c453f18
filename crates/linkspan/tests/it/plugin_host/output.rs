//! What plugins write.

use std::time::Duration;

use linkspan::plugin::host::{Followed, LogSource};
use linkspan_test::wait;

use super::support::{Stage, trusted};

#[tokio::test]
async fn a_flood_on_stdout_blocks_nothing_and_takes_no_memory() {
    let stage = Stage::new();
    let script = "def flood():\n    line = b'x' * 999 + b'\\n'\n    \
                  for _ in range(64):\n        os.write(1, line * 1000)\n    done.set()\n\
                  done = threading.Event()\n\
                  @plugin.method\ndef begin():\n    threading.Thread(target=flood).start()\n\
                  @plugin.method\ndef is_done() -> bool:\n    return done.is_set()";
    let plugin = stage.start("loud", script, trusted()).await;
    plugin.send_request::<()>("loud.begin", &()).await.unwrap();
    let mut calls = 0;
    loop {
        let call = plugin.send_request::<bool>("loud.is_done", &());
        calls += 1;
        if wait::within("an answer", call).await.unwrap() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(calls > 1);
    let stats = plugin.logs().stats();
    assert!(stats.kept_bytes <= 2 << 20, "{stats:?}");
    assert!(stats.dropped > 0, "{stats:?}");
}

#[tokio::test]
async fn lines_and_records_come_to_the_logs_and_to_who_follows() {
    let stage = Stage::new();
    let script = "import logging\n\
                  @plugin.method\ndef say(cx: Context):\n    \
                  print('on stdout', flush=True)\n    print('on stderr', file=sys.stderr)\n    \
                  logging.getLogger('a.part').warning('in a record')";
    let plugin = stage.start("talker", script, trusted()).await;
    let mut follower = plugin.logs().follow(100);
    plugin.send_request::<()>("talker.say", &()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let next = wait::within("an entry", follower.next()).await;
        if let Some(Followed::Entry(entry)) = next {
            seen.push((entry.source, entry.text.clone()));
        }
    }
    let has = |source, text: &str| seen.iter().any(|(s, t)| *s == source && t.contains(text));
    assert!(has(LogSource::Stdout, "on stdout"), "{seen:?}");
    assert!(has(LogSource::Stderr, "on stderr"), "{seen:?}");
    assert!(has(LogSource::Record, "in a record"), "{seen:?}");
}
