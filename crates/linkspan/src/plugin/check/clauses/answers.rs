//! What every plugin answers (docs/protocol.md, sections 15.3 and 23.2).

use std::collections::BTreeSet;
use std::time::Duration;

use proto::error::Category;
use proto::frame::Kind;

use crate::clock;
use crate::codec::Codec;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::frame::{Frame, text};
use crate::plugin::check::methods::{ALWAYS, METHODS};
use crate::plugin::check::pack::Value;
use crate::plugin::check::stop::{Stop, broken, ensure, skipped};
use crate::plugin::wire::{DESCRIBE, Describe, LIVE, READY, Ready};
use crate::rpc::MethodInfo;

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "live",
        "23.2",
        "it says that it is there, by nil",
        |bench| Box::pin(live(bench)),
    ),
    Clause::new(
        "ready",
        "23.2",
        "it says whether it is ready, becomes so in time, and tells when it does",
        |bench| Box::pin(ready(bench)),
    ),
    Clause::new(
        "describe",
        "23.2",
        "name, version, protocol and events are those of its manifest",
        |bench| Box::pin(describe(bench)),
    ),
    Clause::new(
        "methods",
        "15.3",
        "it lists its methods, sorted by name, and describes the same ones",
        |bench| Box::pin(methods(bench)),
    ),
    Clause::new(
        "whatever-body",
        "23.2",
        "what every plugin answers it answers whatever the body is",
        |bench| Box::pin(whatever_body(bench)),
    ),
    Clause::new(
        "encoding",
        "15.1",
        "an answer is encoded as its request was",
        |bench| Box::pin(encoding(bench)),
    ),
    Clause::new(
        "metadata",
        "4",
        "metadata that it does not know is no error",
        |bench| Box::pin(metadata(bench)),
    ),
    Clause::new(
        "unknown-method",
        "10.3",
        "a method that it does not have is error method_not_found of category request",
        |bench| Box::pin(unknown_method(bench)),
    ),
    Clause::new(
        "unknown-event",
        "2.4",
        "an event that nobody wants to hear of is ignored",
        |bench| Box::pin(unknown_event(bench)),
    ),
];

async fn live(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    run.talk.call(LIVE, b"").await?.result("nil")
}

async fn ready(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let limit = bench.manifest().ready_timeout;
    let began = clock::now();
    let mut was_ready = true;
    loop {
        let answer = run.talk.call(READY, b"").await?;
        let ready: Ready = answer.result("a map with `ready` and `reason`")?;
        if ready.ready {
            break;
        }
        was_ready = false;
        let expected = format!("that it is ready within {limit:?}, as its manifest says");
        let is_late = clock::now().saturating_duration_since(began) > limit;
        ensure(!is_late, expected, format!("it is not: {}", ready.reason))?;
        run.talk.listen(BETWEEN).await?;
    }
    if was_ready {
        return Ok(());
    }
    let expected = format!("the event {READY} when it becomes ready");
    let is_told = |ready: &Option<Ready>| ready.as_ref().is_some_and(|ready| ready.ready);
    run.talk.until(&expected, |talk| is_told(&talk.ready)).await
}

async fn describe(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let answer = run.talk.call(DESCRIBE, b"").await?;
    let found: Describe = answer.result("a map with `name`, `version` and `methods`")?;
    let manifest = bench.manifest();
    let (name, version) = (manifest.name.as_str(), manifest.version.as_str());
    ensure(found.name == name, format!("the name {name}"), &found.name)?;
    ensure(
        found.version == version,
        format!("version {version}"),
        &found.version,
    )?;
    let protocol = format!("protocol {}", manifest.protocol);
    ensure(
        found.protocol == manifest.protocol,
        protocol,
        found.protocol,
    )?;
    let wanted: BTreeSet<_> = manifest.events.incoming.iter().collect();
    let told: BTreeSet<_> = found.events.iter().collect();
    let expected = format!("that it wants to hear of {wanted:?}");
    ensure(told == wanted, expected, format!("{told:?}"))
}

async fn methods(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let answer = run.talk.call(METHODS, b"").await?;
    let listed: Vec<MethodInfo> = answer.result("an array of maps with `name` and `shape`")?;
    let mut pairs = listed.iter().zip(listed.iter().skip(1));
    if let Some((one, other)) = pairs.find(|(one, other)| one.name >= other.name) {
        let found = format!("{} before {}", one.name, other.name);
        return Err(broken("methods in the order of their names", found));
    }
    let answer = run.talk.call(DESCRIBE, b"").await?;
    let described: Describe = answer.result("a map with `methods`")?;
    let names = |methods: &[MethodInfo]| {
        let names = methods.iter().map(|method| method.name.clone());
        names.collect::<Vec<_>>().join(", ")
    };
    let found = format!("it describes {}", names(&described.methods));
    ensure(
        described.methods == listed,
        format!("the methods {}", names(&listed)),
        found,
    )
}

async fn whatever_body(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    for method in ALWAYS {
        let answer = run.talk.call(method, NO_VALUE).await?;
        let expected = format!("a result of {method}, asked with a body that is no value");
        ensure(answer.is_result(), expected, answer.told())?;
    }
    Ok(())
}

async fn encoding(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    if !run
        .talk
        .chosen()?
        .codecs
        .iter()
        .any(|codec| codec == "json")
    {
        return Err(skipped("it does not read JSON"));
    }
    let content_type = ("content-type", Value::Text("json"));
    let request = Frame::request_with(DESCRIBE, vec![content_type], b"null");
    let stream = run.talk.ask_with(request).await?;
    let answer = run.talk.answer(stream).await?;
    let codec = Codec::of(answer.metadata.as_deref());
    let expected = "an answer whose content-type is json";
    ensure(codec == Ok(Codec::Json), expected, answer.told())?;
    answer.result::<Describe>("what it is, in JSON")?;
    Ok(())
}

async fn metadata(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let nested = Value::Map(vec![(
        "of",
        Value::List(vec![Value::Number(1), Value::Nil]),
    )]);
    let entries = vec![
        ("traceparent", Value::Text(trace)),
        ("usage", Value::Text("please")),
        ("colour", nested),
    ];
    let stream = run
        .talk
        .ask_with(Frame::request_with(LIVE, entries, b""))
        .await?;
    run.talk.answer(stream).await?.result("nil")
}

async fn unknown_method(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let own = format!("{}.no_such_method", bench.service());
    for method in [own.as_str(), "linkspan.plugin.no_such_method"] {
        let answer = run.talk.call(method, b"").await?;
        answer.fails_with(Category::Request, "method_not_found")?;
    }
    Ok(())
}

async fn unknown_event(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.open().await?;
    let payload = [&text("nobody/listens/to/this"), NO_VALUE].concat();
    run.talk
        .send(&Frame::new(Kind::Event).payload(payload))
        .await?;
    run.talk.call(LIVE, b"").await?.result("nil")
}

/// A marker that no value of MessagePack begins with.
const NO_VALUE: &[u8] = &[0xC1, 0xFF];
/// Between two questions whether it is ready.
const BETWEEN: Duration = Duration::from_millis(50);
