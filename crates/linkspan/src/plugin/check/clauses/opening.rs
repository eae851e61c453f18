//! The opening (docs/protocol.md, section 3).

use crate::plugin::check::answer::told;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::clause::Clause;
use crate::plugin::check::offer::Offer;
use crate::plugin::check::pack::Value;
use crate::plugin::check::stop::{Stop, broken, ensure};
use crate::plugin::wire::{DESCRIBE, Describe, LIVE};

pub(super) const CLAUSES: &[Clause] = &[
    Clause::new(
        "choice",
        "3.1",
        "it chooses from what is offered, and asks for no proof",
        |bench| Box::pin(choice(bench)),
    ),
    Clause::new(
        "identity",
        "3.2",
        "name and version of its identity are those of its manifest",
        |bench| Box::pin(identity(bench)),
    ),
    Clause::new(
        "newer-host",
        "3.3",
        "of a newer host it chooses the highest common version, and skips what it does not know",
        |bench| Box::pin(newer_host(bench)),
    ),
    Clause::new(
        "older-host",
        "3.2",
        "of an offer with nothing but versions and nonce it takes the defaults",
        |bench| Box::pin(older_host(bench)),
    ),
    Clause::new(
        "no-common-version",
        "3.3",
        "it refuses a host of other versions, and names both ranges and the side to upgrade",
        |bench| Box::pin(no_common_version(bench)),
    ),
];

async fn choice(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    let offer = Offer::ordinary(bench.nonce()?);
    run.talk.open(&offer).await?;
    Ok(())
}

async fn identity(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    let offer = Offer::ordinary(bench.nonce()?);
    let found = run.talk.open(&offer).await?.identity;
    let manifest = bench.manifest();
    let (name, version) = (manifest.name.as_str(), &manifest.version);
    ensure(
        found.name == name && found.version == *version,
        format!("{name} {version}"),
        format!("{} {}", found.name, found.version),
    )
}

async fn newer_host(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    let mut offer = Offer::ordinary(bench.nonce()?);
    offer.versions = [1, NEWER];
    offer.features.push("teleport");
    offer.codecs.push("morse");
    offer.further = vec![
        ("compression", Value::texts(&["rot13"])),
        ("checksum", Value::texts(&["crc32", "sha3"])),
        ("mood", Value::Map(vec![("today", Value::Nil)])),
    ];
    let choice = run.talk.open(&offer).await?;
    let highest = u64::from(bench.manifest().protocol.max);
    let version = u64::from(choice.version);
    ensure(
        version == highest.min(NEWER),
        format!("version {highest}"),
        format!("version {version}"),
    )
}

async fn older_host(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    run.talk.open(&Offer::least(bench.nonce()?)).await?;
    run.talk.call(LIVE, b"").await?.result::<()>("nil")?;
    let described = run.talk.call(DESCRIBE, b"").await?;
    described.result::<Describe>("what it is, without pieces that have to be joined")?;
    Ok(())
}

async fn no_common_version(bench: &mut Bench) -> Result<(), Stop> {
    let mut run = bench.start().await?;
    let mut offer = Offer::ordinary(bench.nonce()?);
    offer.versions = [NEWER - 1, NEWER];
    run.talk.offer(&offer).await?;
    let expected = "error version";
    run.talk
        .until(expected, |talk| talk.failure.is_some())
        .await?;
    let Some(failure) = &run.talk.failure else {
        return Err(broken(expected, "nothing"));
    };
    let found = told(failure);
    ensure(failure.code.name() == "version", expected, &found)?;
    let range = bench.manifest().protocol;
    let (low, high) = (NEWER - 1, NEWER);
    for words in [low, high, range.min.into(), range.max.into()].map(|number| number.to_string()) {
        let expected = format!("an error that names the ranges {low} to {high} and {range}");
        ensure(failure.message.contains(&words), expected, &found)?;
    }
    let is_told = failure.message.contains("server");
    ensure(
        is_told,
        "an error that says that the server is to upgrade",
        &found,
    )
}

/// The highest version of a host of the future; MessagePack has it in one byte.
const NEWER: u64 = 120;
