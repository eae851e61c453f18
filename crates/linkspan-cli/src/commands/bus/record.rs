//! Recordings of traffic.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use linkspan::bus::{Post, PostError, Tapped};
use linkspan::codec::{Codec, Payload};

use crate::commands::bus::body::{Encoded, unhex};
use crate::commands::bus::line::headers;
use crate::commands::bus::tap::Kinds;
use crate::commands::bus::wire::{Head, Recorded};
use crate::commands::send::hex;
use crate::failure::{Failure, Kind, Result};

/// A recording that is made.
#[derive(Debug)]
pub(super) struct Recorder {
    file: BufWriter<File>,
    path: PathBuf,
    began: Instant,
}

impl Recorder {
    /// Begins a file; what it held is gone.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let began_at_ms = since_1970.unwrap_or_default().as_millis();
        let mut recorder = Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            began: Instant::now(),
        };
        recorder.write(&Head {
            linkspan_tap: VERSION,
            began_at_ms: u64::try_from(began_at_ms).unwrap_or(u64::MAX),
        })?;
        Ok(recorder)
    }

    /// Adds a message that has just come.
    pub(super) fn add(&mut self, kind: Kinds, tapped: &Tapped) -> Result {
        let message = &tapped.message;
        let payload = message.payload();
        let text = std::str::from_utf8(&payload).ok().map(str::to_owned);
        let recorded = Recorded {
            at_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            kind: kind.name().to_owned(),
            topic: message.topic().to_owned(),
            sender: message.sender().to_owned(),
            receiver: tapped.receiver.clone(),
            codec: message.codec().map(|codec| codec.name().to_owned()),
            headers: headers(message),
            hex: text.is_none().then(|| hex(&payload)),
            text,
        };
        self.write(&recorded)
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result {
        let path = self.path.display();
        Ok(self
            .file
            .flush()
            .with_context(|| format!("cannot write {path}"))?)
    }

    fn write(&mut self, line: &impl serde::Serialize) -> Result {
        let mut text = serde_json::to_vec(line).context("a line of a recording")?;
        text.push(b'\n');
        let path = self.path.display();
        Ok(self
            .file
            .write_all(&text)
            .with_context(|| format!("cannot write {path}"))?)
    }
}

/// A recording that is read.
#[derive(Debug)]
pub(super) struct Recording {
    lines: Lines<BufReader<File>>,
    path: PathBuf,
    number: u64,
}

impl Recording {
    /// Opens a file, and looks whether it is a recording.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut recording = Self {
            lines: BufReader::new(file).lines(),
            path: path.to_owned(),
            number: 0,
        };
        match recording.read::<Head>() {
            Ok(Some(Head { linkspan_tap, .. })) if linkspan_tap == VERSION => Ok(recording),
            _ => Err(Failure::message(
                Kind::Usage,
                format!("{} is no recording of `linkspan bus tap`", path.display()),
            )),
        }
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Result<Option<Recorded>> {
        self.read()
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        self.number += 1;
        let place = || format!("line {} of {}", self.number, self.path.display());
        let Some(line) = self.lines.next().transpose().with_context(place)? else {
            return Ok(None);
        };
        let read = serde_json::from_str(&line);
        let read = read.map_err(|error| {
            let message = format!("{} is no recorded message: {error}", place());
            Failure::message(Kind::Usage, message)
        })?;
        Ok(Some(read))
    }
}

impl Recorded {
    /// When it came, from the beginning.
    pub(super) fn at(&self) -> Duration {
        Duration::from_micros(self.at_us)
    }

    /// The payload, as it was sent.
    pub(super) fn payload(&self) -> Result<Bytes> {
        let payload = match (&self.text, &self.hex) {
            (Some(text), _) => Some(Bytes::from(text.clone())),
            (None, Some(digits)) => unhex(digits.as_bytes()).map(Bytes::from),
            (None, None) => None,
        };
        payload.ok_or_else(|| {
            let message = format!("a message by {:?} has no payload", self.sender);
            Failure::message(Kind::Usage, message)
        })
    }

    /// The same message once more.
    pub(super) fn to_post(&self, payload: Bytes) -> Result<Post> {
        let codec = self.codec.as_deref().and_then(Codec::from_name);
        let payload = Encoded(Payload::new(codec.unwrap_or(Codec::Raw), payload));
        let (topic, receiver) = (self.topic.as_str(), self.receiver.as_str());
        let post = match (topic, receiver) {
            ("", receiver) if self.kind == Kinds::Broadcast.name() => {
                Post::to_clients(receiver, &payload)
            }
            ("", receiver) => Post::to_client(receiver, &payload),
            (topic, "") => Post::to_topic(topic, &payload),
            (topic, receiver) => Post::to_topic_for(receiver, topic, &payload),
        };
        let mut post = post.map_err(PostError::from)?;
        for (name, value) in &self.headers {
            let value = value.as_str().unwrap_or_default();
            post = post
                .header(name, value)
                .map_err(|error| Failure::new(Kind::Usage, error))?;
        }
        Ok(post)
    }
}

const VERSION: u32 = 1;
