//! `linkspan transport analyze`.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use linkspan::Address;
use serde_json::{Value, json};

use crate::commands::block_on;
use crate::commands::connect::node;
use crate::commands::diagnosis::{Finding, diagnose};
use crate::commands::health::micros;
use crate::commands::monitor::stop;
use crate::commands::status::CLOSE_LIMIT;
use crate::commands::window::{Look, Window};
use crate::config::{DefaultType, Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::node::{Answers, ConnectionStatus, ListenerStatus};
use crate::output::{Output, counted};
use crate::signals::Signals;

/// Watch a node for some time, and say what is slow and why, and what to change.
#[derive(Debug, Args)]
#[command(after_help = CAUSES)]
pub(crate) struct Options {
    /// The node, as unix:PATH or tcp:HOST:PORT; without it the one of the configuration.
    address: Option<Address>,

    /// Only listeners of this transport: unix-socket, named-pipe, tcp or in-process.
    #[arg(long = "type", value_name = "TRANSPORT")]
    transport: Option<DefaultType>,

    /// How long to watch, as 10s; ^C ends it earlier.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    duration: Span,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let Span(duration) = options.duration;
    if duration < LEAST_DURATION {
        let message = format!("--duration {} is less than 100ms", options.duration);
        return Err(Failure::message(Kind::Usage, message));
    }
    block_on(async {
        let mut signals = Signals::listen()?;
        let (client, node) = node(options.address, loaded).await?;
        let before = Look::at(&node).await?;
        check_type(options.transport, &before)?;
        tokio::select! {
            () = pass(duration, output) => {}
            () = stop(&mut signals) => {}
        }
        let now = Look::at(&node).await?;
        client.close(CLOSE_LIMIT).await;
        let report = Report::new(&now, &before, options.transport);
        report.show(output)
    })
}

fn check_type(transport: Option<DefaultType>, look: &Look) -> Result {
    let listeners = &look.status.listeners;
    let is_meant = |scheme: &str| transport.is_none_or(|transport| transport.scheme() == scheme);
    if listeners.iter().any(|listener| is_meant(listener.scheme())) {
        return Ok(());
    }
    let addresses: Vec<_> = listeners
        .iter()
        .map(|listener| &*listener.address)
        .collect();
    let message = format!(
        "the node has no such listener; it has {}",
        addresses.join(", ")
    );
    Err(Failure::message(Kind::Usage, message))
}

/// Lets the time pass, before the eyes of whoever waits.
async fn pass(duration: Duration, output: &Output) {
    let target = match output.json {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(STEPS.into()), target);
    let bar = match ProgressStyle::with_template("{bar:40} watching, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    for _ in 0..STEPS {
        tokio::time::sleep(duration / STEPS).await;
        bar.inc(1);
    }
    bar.finish_and_clear();
}

/// What was found at each listener.
struct Report<'a> {
    listeners: Vec<(Window<'a>, Vec<Finding>)>,
}

impl<'a> Report<'a> {
    fn new(now: &'a Look, before: &'a Look, transport: Option<DefaultType>) -> Self {
        let is_meant = |window: &Window<'_>| {
            transport.is_none_or(|transport| transport.scheme() == window.after.scheme())
        };
        let diagnosed = |window: Window<'a>| {
            let findings = diagnose(&window, &connections(now, window.after));
            (window, findings)
        };
        let windows = now.since(before).filter(is_meant);
        Self {
            listeners: windows.map(diagnosed).collect(),
        }
    }

    fn show(&self, output: &Output) -> Result {
        if output.json {
            let listeners: Vec<_> = self.listeners.iter().map(to_json).collect();
            return Ok(output.json_line(&json!({ "listeners": listeners }))?);
        }
        for (window, findings) in &self.listeners {
            show_window(window, output)?;
            for finding in findings {
                show_finding(finding, output)?;
            }
            if findings.is_empty() {
                let nothing = match window.count(|listener| listener.messages) {
                    // The last look of this command.
                    0..=1 => "no client asked anything: try again while clients work",
                    _ => "nothing is slow",
                };
                output.line(format_args!("  {}", output.style().good(nothing)))?;
            }
        }
        Ok(())
    }
}

/// The connections of a listener, as far as its transport tells; of others than calls there is no list.
fn connections<'a>(look: &'a Look, listener: &ListenerStatus) -> Vec<&'a ConnectionStatus> {
    let is_of_it = |connection: &&ConnectionStatus| {
        listener.answers == Answers::Calls && connection.transport == listener.scheme()
    };
    look.status.connections.iter().filter(is_of_it).collect()
}

fn show_window(window: &Window<'_>, output: &Output) -> Result {
    let style = output.style();
    let backend = window.after.backend.as_ref();
    let backend = backend.map_or_else(String::new, |backend| format!(" ({backend})"));
    output.line(format_args!(
        "{}{}",
        style.name(&window.after.address),
        style.dim(backend)
    ))?;
    output.line(format_args!(
        "  {} in {:.1} s, {:.1}/s; mean {}: {} waiting, {} in handlers",
        counted(window.count(|listener| listener.messages), "request"),
        window.time.as_secs_f64(),
        window.per_second(|listener| listener.messages),
        micros(window.mean_us(|listener| listener.latency)),
        micros(window.mean_us(|listener| listener.waiting)),
        micros(window.mean_us(|listener| listener.handling)),
    ))?;
    Ok(())
}

fn show_finding(finding: &Finding, output: &Output) -> Result {
    let style = output.style();
    let cause = style.warning(finding.cause.to_string());
    output.line(format_args!(
        "  {cause}: {}",
        style.title(&finding.evidence)
    ))?;
    output.line(format_args!("    {}", finding.advice))?;
    if let Some(setting) = &finding.config {
        let line = format!("{}: {}", setting.key, setting.value);
        output.line(format_args!("    {}", style.name(line)))?;
    }
    Ok(())
}

fn to_json((window, findings): &(Window<'_>, Vec<Finding>)) -> Value {
    json!({
        "address": window.after.address,
        "backend": window.after.backend,
        "window_ms": u64::try_from(window.time.as_millis()).unwrap_or(u64::MAX),
        "connections": window.after.open,
        "messages": window.count(|listener| listener.messages),
        "message_rate": window.per_second(|listener| listener.messages),
        "mean_us": window.mean_us(|listener| listener.latency),
        "waiting_us": window.mean_us(|listener| listener.waiting),
        "handling_us": window.mean_us(|listener| listener.handling),
        "stalled_us": window.sum_us(|listener| listener.write_stalls),
        "findings": findings,
    })
}

const LEAST_DURATION: Duration = Duration::from_millis(100);
const STEPS: u32 = 20;
const CAUSES: &str = "What is told, and from when on:
  queueing      a request takes 5 ms and more, and waits for most of it
  handler       a request takes 5 ms and more, most of it in its handler
  write stalls  clients took nothing for 1 % of the time together, or one takes nothing for 1 s
  refused       connections were told to come again later
  untrusted     connections of users who are not let in
  handshakes    connections that never began to talk
  accepting     the system gave no connection, as when descriptors are used up
  errors        one failure for 100 answers, and more";
