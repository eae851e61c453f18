//! A session with a plugin, as a host that can also say what no host says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::Decoder;
use proto::Limits;
use proto::frame::{Checksum, Frame as Received, Kind};
use proto::message::{Choice, Event, Failure, Goodbye, Handshake, Heartbeat, Message};

use crate::clock;
use crate::codec::Codec;
use crate::plugin::check::answer::{Answer, told};
use crate::plugin::check::frame::{Frame, VERSION};
use crate::plugin::check::ledger::{Ledger, Rule, cost_bytes};
use crate::plugin::check::observed::Observed;
use crate::plugin::check::offer::Offer;
use crate::plugin::check::pack::Value;
use crate::plugin::check::pipe::Pipe;
use crate::plugin::check::stop::{Stop, broken};
use crate::plugin::wire::{LOG, LogRecord, PROGRESS, Progress, READY, RESERVED_PREFIX, Ready};
use crate::transport::Connected;

/// One session with a plugin, or what comes before it.
#[derive(Debug)]
pub(super) struct Talk {
    pipe: Pipe,
    decoder: Decoder,
    /// How long one thing is waited for.
    patience: Duration,
    observed: Arc<Observed>,
    ledger: Ledger,
    /// What is given back of credit.
    pub(super) giving: Giving,
    sent: u64,
    last_stream: u64,
    answers: BTreeMap<u64, Answer>,
    choice: Option<Choice>,
    /// What the plugin said of its readiness, the last time.
    pub(super) ready: Option<Ready>,
    pub(super) heartbeats: u64,
    pub(super) asked_heartbeats: u64,
    pub(super) goodbye: Option<Goodbye>,
    /// By what it ended the session.
    pub(super) failure: Option<Failure>,
    /// Frames that came after that.
    pub(super) late_frames: u64,
    pub(super) has_closed: bool,
}

/// What is given back of credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Giving {
    All,
    /// That of what was asked for, but not that of events.
    Answers,
    Nothing,
}

impl Talk {
    pub(super) fn new(connected: Connected, patience: Duration, observed: Arc<Observed>) -> Self {
        Self {
            pipe: Pipe::new(connected),
            decoder: Decoder::handshake(),
            patience,
            observed,
            ledger: Ledger::new(Limits::default(), false),
            giving: Giving::All,
            sent: 0,
            last_stream: 0,
            answers: BTreeMap::new(),
            choice: None,
            ready: None,
            heartbeats: 0,
            asked_heartbeats: 0,
            goodbye: None,
            failure: None,
            late_frames: 0,
            has_closed: false,
        }
    }

    // Saying something.

    /// Opens the session, and checks the choice.
    pub(super) async fn open(&mut self, offer: &Offer) -> Result<Choice, Stop> {
        self.offer(offer).await?;
        self.until("its choice", |talk| talk.choice.is_some())
            .await?;
        let choice = self.chosen()?.clone();
        if let Some(problem) = offer.problem(&choice) {
            return Err(broken("a choice from what was offered", problem));
        }
        let has_continued = choice.features.iter().any(|feature| feature == "continued");
        self.ledger = Ledger::new(offer.limits(), has_continued);
        let longest = offer.limits().max_frame_bytes;
        self.decoder = Decoder::new(VERSION, Checksum::Crc32, longest);
        Ok(choice)
    }

    /// Sends an offer.
    pub(super) async fn offer(&mut self, offer: &Offer) -> Result<(), Stop> {
        let frame = Frame::new(Kind::Handshake).number(1).payload(offer.pack());
        self.send(&frame).await
    }

    /// What the plugin chose, of a session that is open.
    pub(super) fn chosen(&self) -> Result<&Choice, Stop> {
        let missing = || broken("its choice", "nothing");
        self.choice.as_ref().ok_or_else(missing)
    }

    /// Sends a request, and gives its stream.
    pub(super) async fn ask(&mut self, method: &str, body: &[u8]) -> Result<u64, Stop> {
        self.ask_with(Frame::request(0, method, body)).await
    }

    /// Sends a request on the next stream.
    pub(super) async fn ask_with(&mut self, request: Frame) -> Result<u64, Stop> {
        let stream = self.next_stream();
        self.send(&request.on(stream)).await?;
        Ok(stream)
    }

    /// The number of a stream that is opened now.
    pub(super) fn next_stream(&mut self) -> u64 {
        self.last_stream = match self.last_stream {
            0 => 1,
            last => last.saturating_add(2),
        };
        self.ledger.note_opened(self.last_stream);
        self.answers.insert(self.last_stream, Answer::default());
        self.last_stream
    }

    /// Calls a method, and waits for the whole answer.
    pub(super) async fn call(&mut self, method: &str, body: &[u8]) -> Result<Answer, Stop> {
        let stream = self.ask(method, body).await?;
        self.answer(stream).await
    }

    /// Gives up a stream.
    pub(super) async fn cancel(&mut self, stream: u64, reason: u64) -> Result<(), Stop> {
        self.ledger.note_given_up(stream);
        let frame = Frame::new(Kind::Cancel).on(stream).number(reason);
        self.send(&frame).await
    }

    /// Gives credit, on the connection if the stream is 0.
    pub(super) async fn give(&mut self, stream: u64, bytes: u64) -> Result<(), Stop> {
        self.ledger.note_credit(stream, bytes);
        let frame = Frame::new(Kind::Credit).on(stream).number(bytes);
        self.send(&frame).await
    }

    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), Stop> {
        let bytes = self.encode(frame);
        self.send_bytes(&bytes).await
    }

    /// The bytes of the next frame.
    pub(super) fn encode(&mut self, frame: &Frame) -> Vec<u8> {
        self.sent = self.sent.saturating_add(1);
        frame.encode(self.sent)
    }

    /// Sends bytes; a plugin that has gone does not take them.
    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let sent = tokio::time::timeout(self.patience, self.pipe.send(bytes)).await;
        sent.map_err(|_| {
            let found = format!("it did not take it within {:?}", self.patience);
            broken("that it reads what it is sent", found)
        })
    }

    // Hearing something.

    /// What came on a stream, once all of it has.
    pub(super) async fn answer(&mut self, stream: u64) -> Result<Answer, Stop> {
        let is_ended = |talk: &Self| {
            talk.answers
                .get(&stream)
                .is_none_or(|answer| answer.is_ended)
        };
        self.until(&format!("the answer on stream {stream}"), is_ended)
            .await?;
        Ok(self.answers.remove(&stream).unwrap_or_default())
    }

    /// What has come on a stream by now.
    pub(super) fn so_far(&self, stream: u64) -> Option<&Answer> {
        self.answers.get(&stream)
    }

    /// Hears what comes until something is so.
    pub(super) async fn until(
        &mut self,
        expected: &str,
        is_so: impl Fn(&Self) -> bool,
    ) -> Result<(), Stop> {
        let deadline = clock::after(clock::now(), self.patience);
        loop {
            if is_so(self) {
                return Ok(());
            }
            if let Some(failure) = &self.failure {
                return Err(broken(expected, told(failure)));
            }
            if self.has_closed {
                return Err(broken(expected, "the end of the connection"));
            }
            if !self.hear_before(deadline).await? {
                return Err(broken(expected, format!("nothing for {:?}", self.patience)));
            }
        }
    }

    /// Hears what comes for some time.
    pub(super) async fn listen(&mut self, time: Duration) -> Result<(), Stop> {
        let deadline = clock::after(clock::now(), time);
        while !self.has_closed && self.hear_before(deadline).await? {}
        Ok(())
    }

    /// Hears what comes to the end of the connection.
    pub(super) async fn hear_out(&mut self) -> Result<(), Stop> {
        let deadline = clock::after(clock::now(), self.patience);
        while !self.has_closed {
            if !self.hear_before(deadline).await? {
                let found = format!("it stays open for {:?}", self.patience);
                return Err(broken("the end of the connection", found));
            }
        }
        Ok(())
    }

    /// Hears one frame, or the end; false if neither came by then.
    async fn hear_before(&mut self, deadline: Instant) -> Result<bool, Stop> {
        loop {
            match self.decoder.decode(&mut self.pipe.input) {
                Ok(Some(frame)) => {
                    self.take(frame).await?;
                    return Ok(true);
                }
                Ok(None) => {}
                Err(error) => {
                    self.observed.note(Rule::Bytes, error.to_string());
                    return Err(broken("a frame", error));
                }
            }
            match tokio::time::timeout_at(deadline.into(), self.pipe.read()).await {
                Err(_) => return Ok(false),
                Ok(false) => {
                    self.note_end();
                    return Ok(true);
                }
                Ok(true) => {}
            }
        }
    }

    fn note_end(&mut self) {
        self.has_closed = true;
        if self.decoder.has_begun(&self.pipe.input) {
            let text = "an end of the connection within a frame".to_owned();
            self.observed.note(Rule::Bytes, text);
        }
    }

    async fn take(&mut self, frame: Received) -> Result<(), Stop> {
        if self.choice.is_none() {
            return self.take_first(frame);
        }
        if self.failure.is_some() {
            self.late_frames = self.late_frames.saturating_add(1);
        }
        for (rule, text) in self.ledger.broken_by(&frame) {
            self.observed.note(rule, text);
        }
        let (stream, cost) = (frame.stream.get(), cost_bytes(&frame));
        let is_event = matches!(frame.message, Message::Event(_));
        let reply = self.take_message(frame);
        let gives = match self.giving {
            Giving::All => true,
            Giving::Answers => !is_event,
            Giving::Nothing => false,
        };
        if gives && cost > 0 && !self.has_closed {
            self.give(0, cost).await?;
            if self.ledger.is_open(stream) {
                self.give(stream, cost).await?;
            }
        }
        match reply {
            Some(reply) => self.send(&reply).await,
            None => Ok(()),
        }
    }

    /// The first frame is a choice or a refusal.
    fn take_first(&mut self, frame: Received) -> Result<(), Stop> {
        let is_first = frame.id == 1 && frame.stream.get() == 0 && frame.flags.is_empty();
        match frame.message {
            Message::Handshake(step) if is_first => match *step {
                Handshake::Choice(choice) => self.choice = Some(choice),
                _ => return Err(broken("its choice", "another step of the handshake")),
            },
            Message::Error(failure) if is_first => self.failure = Some(*failure),
            message => {
                let found = format!("{} with the number {}", message.name(), frame.id);
                return Err(broken("its choice, as frame 1 of the connection", found));
            }
        }
        Ok(())
    }

    /// Takes note of what a frame says, and gives what is to be answered.
    fn take_message(&mut self, frame: Received) -> Option<Frame> {
        let (stream, flags) = (frame.stream.get(), frame.flags);
        let answer = self.answers.get_mut(&stream);
        match (frame.message, answer) {
            (Message::Response(response), Some(answer)) => answer.begin(response, flags),
            (Message::Chunk(chunk), Some(answer)) => answer.go_on(chunk, flags),
            (Message::End, Some(answer)) => answer.end(),
            (Message::Error(failure), _) if stream == 0 => self.failure = Some(*failure),
            (Message::Error(failure), Some(answer)) => answer.fail(*failure),
            (Message::Event(event), _) => self.take_event(stream, &event),
            (Message::Goodbye(goodbye), _) => self.goodbye = Some(goodbye),
            (Message::Heartbeat(Heartbeat::Answer), _) => self.heartbeats += 1,
            (Message::Heartbeat(_), _) => {
                self.asked_heartbeats += 1;
                return Some(Frame::new(Kind::Heartbeat).number(1));
            }
            (Message::Request(_), _) => return Some(self.deny(stream)),
            _ => {}
        }
        None
    }

    /// This host grants nothing.
    fn deny(&mut self, stream: u64) -> Frame {
        self.ledger.note_given_up(stream);
        let failure = Value::Map(vec![
            ("code", Value::Text("denied")),
            (
                "message",
                Value::Text("this host only checks, and grants nothing"),
            ),
        ]);
        let frame = Frame::new(Kind::Error).on(stream).number(AUTHORIZATION);
        frame.payload(failure.pack())
    }

    fn take_event(&mut self, stream: u64, event: &Event) {
        let (topic, body) = (event.topic.as_str(), &event.body);
        let problem = match (topic, stream) {
            (LOG, 0) => Codec::Msgpack.decode::<LogRecord>(body).err(),
            (PROGRESS, 1..) => Codec::Msgpack.decode::<Progress>(body).err(),
            (READY, 0) => match Codec::Msgpack.decode(body) {
                Ok(ready) => {
                    self.ready = Some(ready);
                    None
                }
                Err(error) => Some(error),
            },
            (topic, 0) if !topic.starts_with(RESERVED_PREFIX) => None,
            (topic, stream) => {
                let text = format!("an event {topic:?} on stream {stream}");
                return self.observed.note(Rule::Events, text);
            }
        };
        if let Some(error) = problem {
            self.observed
                .note(Rule::Events, format!("the event {topic}: {error}"));
        }
    }
}

/// Number of a category.
const AUTHORIZATION: u64 = 3;
