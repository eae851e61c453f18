//! `linkspan exchange send`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use linkspan::Address;
use linkspan::exchange::{Client, ClientConfig};
use serde_json::json;

use crate::commands::block_on;
use crate::commands::exchange::Format;
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, bytes, count, latency};

/// Send a message to any server of this format, and print the bytes of its answer.
///
/// They are printed as they are, nothing before or after; on a terminal in hexadecimal digits, unless
/// they are plain text.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The server: unix:PATH or tcp:HOST:PORT.
    address: Address,

    /// Send what this file holds; without --file and --text, what standard input holds.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,

    /// Send this text.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    #[command(flatten)]
    format: Format,

    /// How long the answer may take, as 500ms or 30s.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: Span,

    /// Send it so often, one after the other on one connection; the time is told on standard error.
    #[arg(long, value_name = "COUNT", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// Print the answer in hexadecimal digits.
    #[arg(long)]
    hex: bool,

    /// Write the answer into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "hex")]
    output: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let question = question(options)?;
    block_on(async {
        let client = client(options, loaded).await?;
        let began = Instant::now();
        let mut answers = Answers::new(options, output);
        for _ in 0..options.count {
            let sent = Instant::now();
            let answer = client.send(question.clone()).await?;
            answers.take(&question, &answer, sent.elapsed())?;
        }
        answers.end(began.elapsed())
    })
}

async fn client(options: &Options, loaded: &Loaded) -> Result<Client> {
    let (ipc, transport) = options.format.settings(loaded)?;
    let Span(timeout) = options.timeout;
    let mut config = ClientConfig::from(&ipc);
    config.transport = transport;
    config.connections_per_endpoint = 1;
    config.connect_timeout = config.connect_timeout.min(timeout);
    config.answer_timeout = timeout;
    config.request_timeout = timeout;
    let client = Client::builder().config(config);
    Ok(client.endpoint(options.address.clone()).connect().await?)
}

fn question(options: &Options) -> Result<Bytes> {
    let message = message(options)?;
    if message.is_empty() {
        let problem = "a message of 0 bytes cannot be sent: frames carry at least one";
        return Err(Failure::message(Kind::Usage, problem));
    }
    Ok(message)
}

fn message(options: &Options) -> Result<Bytes> {
    if let Some(text) = &options.text {
        return Ok(Bytes::from(text.clone()));
    }
    let mut message = Vec::new();
    match &options.file {
        None => {
            std::io::stdin().lock().read_to_end(&mut message)?;
        }
        Some(file) => {
            let shown = file.display();
            message = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        }
    }
    Ok(message.into())
}

/// Where answers go.
struct Answers<'a> {
    options: &'a Options,
    output: &'a Output,
    file: Option<File>,
}

impl<'a> Answers<'a> {
    fn new(options: &'a Options, output: &'a Output) -> Self {
        Self {
            options,
            output,
            file: None,
        }
    }

    /// The file, which is made once there is an answer.
    fn file(&mut self) -> Result<Option<&mut File>> {
        if let (Some(path), None) = (&self.options.output, &self.file) {
            let shown = path.display();
            let file = File::create(path).with_context(|| format!("cannot write {shown}"))?;
            self.file = Some(file);
        }
        Ok(self.file.as_mut())
    }

    fn take(&mut self, question: &Bytes, answer: &Bytes, time: Duration) -> Result {
        if let Some(file) = self.file()? {
            file.write_all(answer)?;
        }
        if self.output.json {
            return Ok(self.output.json_line(&json!({
                "sent_bytes": question.len(), "received_bytes": answer.len(),
                "took_us": (time.as_secs_f64() * 1e9).round() / 1e3,
                "answer_hex": self.file.is_none().then(|| hex(answer)),
            }))?);
        }
        if self.file.is_some() {
            return Ok(());
        }
        let is_obeyed = std::io::stdout().is_terminal() && !is_plain(answer);
        let printed = match self.options.hex || is_obeyed {
            true => self.output.line(hex(answer)),
            false => self.output.raw(answer),
        };
        Ok(printed?)
    }

    fn end(self, time: Duration) -> Result {
        let many = self.options.count;
        if many > 1 && !self.output.json {
            let mean = time / u32::try_from(many).unwrap_or(u32::MAX);
            let (many, time, mean) = (count(many), latency(time), latency(mean));
            self.output
                .notice(format_args!("{many} exchanges in {time}, {mean} each"));
        }
        if let (Some(file), false) = (&self.options.output, self.output.json) {
            let length = self.file.map(|file| file.metadata()).transpose()?;
            let length = length.map_or(0, |file| file.len());
            let shown = file.display();
            self.output
                .notice(format_args!("{} in {shown}", bytes(length)));
        }
        Ok(())
    }
}

/// Whether bytes are text that no terminal obeys.
fn is_plain(bytes: &[u8]) -> bool {
    let is_obeyed = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_obeyed))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

const EXAMPLES: &str = "Examples:
  linkspan exchange send unix:/tmp/echo.sock --text hello
  linkspan exchange send tcp:127.0.0.1:9100 --file task.bin --output result.bin --crc32 castagnoli";
