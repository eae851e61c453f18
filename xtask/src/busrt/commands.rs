//! What each command has to say.

use anyhow::{Result, ensure};

use crate::busrt::broker::Broker;
use crate::busrt::tool::{CALLER, Tool};

/// Runs all of them, and sees at the end that those that listen notice when the broker is gone.
pub(super) fn all(tool: &Tool, broker: Broker, iterations: u32) -> Result<()> {
    ask_the_broker(tool)?;
    listen(tool)?;
    listen_for_calls(tool)?;
    benchmark(tool, iterations)?;
    let listening = tool.start("lane.last", &["listen", "-t", "#"])?;
    let serving = tool.start("lane.serving", &["rpc", "listen"])?;
    drop(broker);
    listening.ends()?;
    serving.ends()?;
    let unreachable = tool.run(&["broker", "test"])?;
    unreachable.badly(&["Unable to connect"])
}

fn ask_the_broker(tool: &Tool) -> Result<()> {
    let tested = tool.run(&["broker", "test"])?;
    tested.well(&["MSGPACK:", "\"ok\": true"])?;
    let told = tool.run(&["broker", "info"])?;
    told.well(&[])?;
    for field in ["author", "version"] {
        let words = told.line(field)?.split_whitespace().count();
        ensure!(words > 1, "the broker has no {field}: {told}");
    }
    let counted = tool.run(&["broker", "stats"])?;
    counted.well(&[])?;
    for field in ["r_frames", "r_bytes", "w_frames", "w_bytes"] {
        let value = counted.line(field)?.split_whitespace().last();
        let value = value.and_then(|value| value.parse::<u64>().ok());
        ensure!(value > Some(0), "{field} is not counted: {counted}");
    }
    counted.line("uptime").map(drop)
}

/// `listen`, and all that it can hear.
fn listen(tool: &Tool) -> Result<()> {
    let words = ["listen", "-t", "lane/#", "--exclude", "lane/noise"];
    let mut listener = tool.start("lane.listener", &words)?;
    let listed = tool.run(&["broker", "client.list"])?;
    listed.well(&["lane.listener"])?;
    let sort = match tool.place() {
        place if place.starts_with('/') => "local_ipc",
        place if place.starts_with("ws:") => "websocket",
        _ => "tcp",
    };
    let line = listed.line("lane.listener")?;
    ensure!(line.contains(sort), "it comes by another way: {line}");
    for (topic, payload) in [("lane/noise", "unheard"), ("lane/one", "hello")] {
        tool.run(&["publish", topic, payload])?.well(&["OK"])?;
    }
    let from = format!("from {CALLER} ({CALLER})");
    listener.says(&format!("Publish {from}"))?;
    listener.says("topic: lane/one")?;
    listener.says("STR:  hello")?;
    let piped = tool.run_with(&["publish", "lane/a/b"], "{\"kept\": [1, true]}")?;
    piped.well(&["OK"])?;
    listener.says("topic: lane/a/b")?;
    listener.says("\"kept\": [")?;
    tool.run(&["send", "lane.listener", "to you"])?
        .well(&["OK"])?;
    listener.says(&format!("Message {from}"))?;
    listener.says("STR:  to you")?;
    tool.run(&["send", "lane.*", "to all"])?.well(&["OK"])?;
    listener.says(&format!("Broadcast {from}"))?;
    listener.says("STR:  to all")?;
    ensure!(
        !listener.text().contains("unheard"),
        "what was excluded came: {}",
        listener.text()
    );
    let nobody = tool.run(&["send", "lane.nobody", "lost"])?;
    nobody.badly(&["NotRegistered"])
}

/// `rpc listen`, and what can be asked of it.
fn listen_for_calls(tool: &Tool) -> Result<()> {
    let mut callee = tool.start("lane.callee", &["rpc", "listen", "-t", "calls/#"])?;
    let from = format!("from {CALLER} ({CALLER})");
    tool.run(&["rpc", "notify", "lane.callee", "a note"])?
        .well(&["OK"])?;
    callee.says(&format!("Notification {from}"))?;
    callee.says("STR:  a note")?;
    tool.run(&["rpc", "call0", "lane.callee", "unanswered", "n=1"])?
        .well(&["OK"])?;
    callee.says("method: unanswered")?;
    callee.says(&from)?;
    callee.says("\"n\": 1")?;
    tool.run(&["rpc", "call", "lane.callee", "answered", "on=true"])?
        .well(&["STR:"])?;
    callee.says("method: answered")?;
    callee.says("\"on\": true")?;
    tool.run(&["publish", "calls/x", "heard"])?.well(&["OK"])?;
    callee.says("topic: calls/x")?;
    callee.says("STR:  heard")?;
    tool.run(&["rpc", "call", ".broker", "test"])?
        .well(&["\"ok\": true"])?;
    tool.run(&["rpc", "call", ".broker", "nonsense"])?
        .badly(&["RPC Error -32601"])?;
    tool.run(&["rpc", "call", "lane.nobody", "test"])?
        .badly(&["RPC Error"])
}

fn benchmark(tool: &Tool, iterations: u32) -> Result<()> {
    let count = iterations.to_string();
    let measured = tool.run(&["benchmark", "-w", "8", "-i", &count])?;
    measured.well(&[])?;
    for stage in STAGES {
        measured.line(stage)?;
    }
    Ok(())
}

/// The stages of its benchmark.
const STAGES: [&str; 7] = [
    "rpc.call",
    "rpc.call+handle",
    "rpc.call0",
    "send.qos.no",
    "send.qos.processed",
    "send+recv.qos.no",
    "send+recv.qos.processed",
];
