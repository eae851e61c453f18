//! quick
mod peer;
mod peers;
use std::time::{Duration, Instant};
use anyhow::Result;
use bytes::Bytes;
use peer::{Connection, Peer, Place};
use peers::linkspan::*;

fn runtime() -> tokio::runtime::Runtime {
    if std::env::var("RT").as_deref() == Ok("current") {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    } else {
        let n = std::env::var("RT").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
        tokio::runtime::Builder::new_multi_thread().worker_threads(n).enable_all().build().unwrap()
    }
}

fn with<P: Peer>(what: &str, scenario: &str) {
    if what == "serve" {
        let place = Place::new(std::path::Path::new(scenario));
        runtime().block_on(async move { tokio::spawn(P::serve(place)).await.unwrap().unwrap() });
        return;
    }
    let given = std::env::var("PLACE").ok();
    let dir = std::path::PathBuf::from(given.clone().unwrap_or_else(|| format!("/tmp/bench-{}", std::process::id())));
    std::fs::create_dir(&dir).ok();
    let rt = runtime();
    let mut child = None;
    let place = Place::new(&dir);
    if P::IN_PROCESS {
        rt.spawn(P::serve(place.clone()));
    } else if given.is_none() {
        child = Some(std::process::Command::new(std::env::current_exe().unwrap()).args(["serve", what, dir.to_str().unwrap()]).spawn().unwrap());
    }
    let scenario = scenario.to_owned();
    rt.block_on(async move { tokio::spawn(async move {
        let conn = loop { if let Ok(c) = P::connect(place.clone()).await { if place.socket().exists() || place.file("address").exists() { break c } } tokio::time::sleep(Duration::from_millis(10)).await; };
        let secs = Duration::from_millis(std::env::var("MS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000));
        if scenario == "unary" {
            let body = Bytes::from(vec![1; 64]);
            for _ in 0..2000 { conn.echo(body.clone()).await?; }
            let mut h = hdrhistogram::Histogram::<u64>::new(3)?;
            let start = Instant::now();
            while start.elapsed() < secs { let t = Instant::now(); conn.echo(body.clone()).await?; h.record(t.elapsed().as_nanos() as u64)?; }
            println!("{:30} p50 {:6.2} p99 {:6.2} us", P::NAME, h.value_at_quantile(0.5) as f64 / 1e3, h.value_at_quantile(0.99) as f64 / 1e3);
        } else if let Some(n) = scenario.strip_prefix("unary") {
            let n: usize = n.parse()?;
            let body = Bytes::from(vec![1; 64]);
            let start = Instant::now();
            let mut set = tokio::task::JoinSet::new();
            for _ in 0..n { let (conn, body) = (conn.clone(), body.clone()); set.spawn(async move { let mut c = 0u64; while start.elapsed() < secs { conn.echo(body.clone()).await.unwrap(); c += 1; } c }); }
            let mut total = 0; while let Some(c) = set.join_next().await { total += c?; }
            println!("{:30} {:9.0} calls/s", P::NAME, total as f64 / start.elapsed().as_secs_f64());
        } else if let Some(n) = scenario.strip_prefix("count") {
            let n: usize = n.parse()?;
            let body = Bytes::from(vec![1; 64]);
            let mut set = tokio::task::JoinSet::new();
            for _ in 0..64 { let (conn, body) = (conn.clone(), body.clone()); set.spawn(async move { for _ in 0..n { conn.echo(body.clone()).await.unwrap(); } }); }
            while let Some(c) = set.join_next().await { c?; }
        } else if scenario == "stream" {
            conn.stream(2000, 65536).await?;
            let start = Instant::now();
            let bytes = conn.stream(32768, 65536).await?;
            println!("{:30} {:6.2} GiB/s", P::NAME, bytes as f64 / start.elapsed().as_secs_f64() / (1u64<<30) as f64);
        }
        anyhow::Ok(())
    }).await.unwrap().unwrap() });
    if let Some(mut c) = child { c.kill().ok(); c.wait().ok(); }
    if given.is_none() { std::fs::remove_dir_all(&dir).ok(); }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (name, what, scenario) = if args[1] == "serve" { (args[2].as_str(), "serve", args[3].as_str()) } else { (args[1].as_str(), args[1].as_str(), args[2].as_str()) };
    match name {
        "std" => with::<peers::raw_std::RawStd>(what, scenario),
        "tokio" => with::<peers::raw_tokio::RawTokio>(what, scenario),
        "unix" => with::<Linkspan<Unix>>(what, scenario),
        "nosum" => with::<Linkspan<UnixUnchecked>>(what, scenario),
        "tcp" => with::<Linkspan<Tcp>>(what, scenario),
        "mem" => with::<Linkspan<Memory>>(what, scenario),
        #[cfg(feature = "peers")]
        "tarpc" => with::<peers::tarpc::Tarpc>(what, scenario),
        #[cfg(feature = "peers")]
        "tonic" => with::<peers::tonic::Tonic>(what, scenario),
        _ => panic!("{name}"),
    }
    Ok(())
}
