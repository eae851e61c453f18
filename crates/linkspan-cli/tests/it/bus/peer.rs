//! A client of BUS/RT that is none of ours: frames over a socket, one after the other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_test::wait::PATIENCE;
use proto::frame::Segments;
use proto::frame::busrt::{
    Action, Delivery, FromBroker, FromBrokerDecoder, FromClient, Limits, Masks, Name, Operation,
    Qos, Status,
};

/// A registered client.
pub(crate) struct Peer {
    socket: Box<dyn Socket>,
    decoder: FromBrokerDecoder,
    input: BytesMut,
    id: u32,
    /// What came while an acknowledgement was waited for.
    early: Vec<Delivery>,
}

trait Socket: Read + Write + Send {}
impl<T: Read + Write + Send> Socket for T {}

impl Peer {
    /// Registers at an address under a name.
    #[track_caller]
    pub(crate) fn join(address: &str, name: &str) -> Self {
        let socket: Box<dyn Socket> = match address.split_once(':').unwrap() {
            ("unix", path) => {
                let socket = UnixStream::connect(path).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(socket)
            }
            (_, host) => {
                let socket = TcpStream::connect(host).unwrap();
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(socket)
            }
        };
        let mut peer = Self {
            socket,
            decoder: FromBrokerDecoder::new(Limits::default()),
            input: BytesMut::new(),
            id: 0,
            early: Vec::new(),
        };
        assert_eq!(peer.next(), FromBroker::Greeting);
        peer.say(&FromClient::Greeting);
        assert_eq!(peer.next(), FromBroker::Status(Status::Ok));
        let name = Name::new(name, &Limits::default()).unwrap();
        peer.say(&FromClient::Name(name));
        assert_eq!(peer.next(), FromBroker::Status(Status::Ok));
        peer
    }

    /// Does something; gives how it went.
    #[track_caller]
    pub(crate) fn does(&mut self, action: Action) -> Status {
        self.id += 1;
        let operation = Operation::new(self.id, Qos::RealtimeProcessed, action);
        self.say(&FromClient::Operation(operation));
        loop {
            match self.next() {
                FromBroker::Ack { id, status } if id == self.id => return status,
                FromBroker::Delivery(delivery) => self.early.push(delivery),
                _ => {}
            }
        }
    }

    #[track_caller]
    pub(crate) fn subscribes(&mut self, mask: &str) {
        let masks = Masks::new([mask]).unwrap();
        assert_eq!(self.does(Action::Subscribe(masks)), Status::Ok);
    }

    #[track_caller]
    pub(crate) fn publishes(&mut self, topic: &str, payload: impl Into<Bytes>) {
        let (topic, payload) = (topic.into(), payload.into());
        assert_eq!(self.does(Action::Publish { topic, payload }), Status::Ok);
    }

    /// The next message for it.
    #[track_caller]
    pub(crate) fn gets(&mut self) -> Delivery {
        if !self.early.is_empty() {
            return self.early.remove(0);
        }
        loop {
            if let FromBroker::Delivery(delivery) = self.next() {
                return delivery;
            }
        }
    }

    #[track_caller]
    fn next(&mut self) -> FromBroker {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
                return frame;
            }
            let mut read = [0; 4096];
            let bytes = self.socket.read(&mut read).unwrap();
            assert_ne!(bytes, 0, "the broker closed the connection");
            self.input.extend_from_slice(&read[..bytes]);
        }
    }

    fn say(&mut self, what: &FromClient) {
        let mut wire = Segments::new();
        what.encode(&Limits::default(), &mut wire).unwrap();
        let bytes = wire.copy_to_bytes(wire.remaining());
        self.socket.write_all(&bytes).unwrap();
    }
}
