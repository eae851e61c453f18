//! What the program at one side does: anything that the interface of a session allows to a program
//! that answers before it sends data.

use std::time::Instant;

use proto::StreamId;
use proto::error::{Category, Code, SendError};
use proto::message::{CancelReason, Event, Failure, Metadata, Request, Response, Status};

use crate::fuzz::session::endpoint::Endpoint;
use crate::fuzz::session::op::{self, Act, Answer, Length, Pick, tenths};

impl Endpoint {
    /// Does something, if there is a stream to do it on.
    pub(super) fn act(&mut self, now: Instant, act: Act) {
        self.free_frames += 1;
        match act {
            Act::Open {
                body,
                metadata,
                tenths: time,
                end,
            } => {
                let mut request = Request::new("method", op::body(0, body.bytes()));
                request.timeout = time.map(tenths);
                request.metadata = metadata.then(|| Box::new(some_metadata()));
                self.open(now, request, end);
            }
            Act::Respond {
                stream,
                answer,
                end,
            } => {
                if let Some(stream) = self.pick(stream) {
                    self.respond(stream, answer, end);
                }
            }
            Act::Send { stream, body, end } => {
                if let Some(stream) = self.pick(stream) {
                    self.send_item(stream, body, end);
                }
            }
            Act::Finish { stream } => {
                if let Some(stream) = self.pick(stream) {
                    self.finish(stream);
                }
            }
            Act::Fail { stream } => {
                if let Some(stream) = self.pick(stream) {
                    self.fail(stream);
                }
            }
            Act::Cancel { stream } => {
                if let Some(stream) = self.pick(stream) {
                    self.cut(stream);
                    self.send.cancel(stream, CancelReason::Dropped);
                }
            }
            Act::Tell { stream, body } => self.tell(stream, body),
            Act::Handle { count } => self.handle_unread(count.into()),
            Act::FailAll => self.fail_all(),
            Act::Goodbye => {
                let last = self.recv.stop_accepting();
                self.send.goodbye(last, "goodbye");
            }
        }
        self.reap();
    }

    /// Brings everything to its end: answers, ends all directions, reads what there is.
    pub(super) fn finish_all(&mut self) {
        self.handle_unread(usize::MAX);
        for stream in self.open.clone() {
            let asked = stream.opener() != Some(self.role);
            if asked && self.talk(stream).is_some_and(|talk| !talk.may_send) {
                self.respond(stream, Answer::default(), true);
            }
            self.finish(stream);
        }
        self.reap();
    }

    fn pick(&self, pick: Pick) -> Option<StreamId> {
        pick.of(&self.open)
    }

    fn open(&mut self, now: Instant, request: Request, end: bool) {
        let possible = self.send.can_open(&request);
        let length = request.body.len();
        let opened = self.send.open(now, request, end);
        assert_eq!(opened.as_ref().err(), possible.as_ref().err());
        if let Ok(stream) = opened {
            self.begin(stream).sent.note_sent(length, end);
        }
    }

    fn respond(&mut self, id: StreamId, answer: Answer, end: bool) {
        let role = self.role;
        let Some(talk) = self.talk(id).filter(|_| id.opener() != Some(role)) else {
            return;
        };
        // After the answer, another response can only be the failure that ends the stream.
        let again = talk.may_send;
        let (status, end) = match again || answer.fails {
            true => (Status::Error, end || again),
            false => (Status::Ok, end),
        };
        let mut response = Response::new(status, talk.sent.next_body(answer.body.bytes()));
        response.metadata = answer.metadata.then(|| Box::new(some_metadata()));
        let result = self.send.respond(id, response, end);
        self.note_sent(id, answer.body.bytes(), end, &result);
    }

    fn send_item(&mut self, id: StreamId, body: Length, end: bool) {
        let Some(talk) = self.talk(id).filter(|talk| talk.may_send) else {
            return;
        };
        let item = talk.sent.next_body(body.bytes());
        let possible = self.send.can_send_item(id);
        let result = self.send.send_item(id, item, end);
        assert_eq!(result, possible);
        self.note_sent(id, body.bytes(), end, &result);
    }

    fn note_sent(
        &mut self,
        id: StreamId,
        length: usize,
        end: bool,
        result: &Result<(), SendError>,
    ) {
        let Some(talk) = self.talk(id) else { return };
        match result {
            Ok(()) => {
                assert!(!talk.sent.ended, "a direction goes on after its end");
                talk.may_send = true;
                talk.sent.note_sent(length, end);
            }
            Err(SendError::Closed) => assert!(talk.sent.ended, "an open direction is closed"),
            Err(SendError::Stopped(_)) => assert!(talk.cut, "nobody stopped the stream"),
            Err(SendError::Blocked) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn finish(&mut self, id: StreamId) {
        if self.talk(id).is_none_or(|talk| !talk.may_send) {
            return;
        }
        let result = self.send.finish(id);
        if let (Ok(()), Some(talk)) = (result, self.talk(id)) {
            assert!(!talk.sent.ended, "a direction ends twice");
            talk.sent.ended = true;
        }
    }

    fn fail(&mut self, id: StreamId) {
        if self.send.fail(id, failure()).is_ok() {
            self.cut(id);
            if let Some(talk) = self.talk(id) {
                talk.sent.ended = true;
            }
        }
    }

    fn fail_all(&mut self) {
        let mut handled = self.open.clone();
        handled.retain(|id| id.opener() != Some(self.role));
        handled.iter().for_each(|id| self.cut(*id));
        self.free_frames += handled.len() as u64;
        assert_eq!(self.send.fail_handled(&failure()), handled.len());
    }

    fn tell(&mut self, stream: Option<Pick>, body: Length) {
        let stream = match stream {
            None => StreamId::CONNECTION,
            Some(pick) => match self.pick(pick) {
                Some(stream) => stream,
                None => return,
            },
        };
        let event = Event::new("topic", 0, op::body(0, body.bytes()));
        match self.send.event(stream, event) {
            Ok(()) | Err(SendError::Blocked | SendError::TooLarge { .. }) => {}
            Err(SendError::Closed | SendError::Stopped(_)) => {
                assert_ne!(
                    stream,
                    StreamId::CONNECTION,
                    "the connection is not a stream"
                );
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Items of the stream may be missing from now on.
    fn cut(&mut self, id: StreamId) {
        if let Some(talk) = self.talk(id) {
            talk.cut = true;
        }
    }
}

fn some_metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.set_text(Metadata::CONTENT_TYPE, "raw");
    metadata
}

fn failure() -> Failure {
    Failure::new(Category::Handler, Code::INTERNAL, "it failed")
}
