"""A session with the host: its streams, what may be sent, and how it ends."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, Optional, Tuple

from . import frame, handshake, message
from .clock import LINGER, Clock
from .credit import Window
from .errors import (
    LATE, Cancelled, DeadlineExceeded, Failure, NotAccepted, OutcomeUnknown, ProtocolError,
)
from .handshake import LIMITS, Agreement
from .incoming import Incoming
from .message import Message
from .outbox import Outbox
from .reader import EndOfFile, Reader
from .stream import Stream


class Session:
    """Frames of one connection; all that may wait is in its streams.

    ``on_request(stream, message)`` and ``on_event(message, done)`` are called by the thread that
    reads, and must not wait; ``done()`` gives the event's credit back.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_request: Callable[[Stream, Message], None],
        on_event: Callable[[Message, Callable[[], None]], None],
    ):
        self.sock = sock
        self.on_request = on_request
        self.on_event = on_event
        lock = threading.RLock()
        self.changed = threading.Condition(lock)
        self.clock = Clock(self, lock)
        self.reader = Reader(sock)
        self.incoming = Incoming(self)
        self.outbox = Outbox(sock, self.changed, self.close_if_drained)
        self.agreement = Agreement(dict(LIMITS), False, [])
        self.streams: Dict[int, Stream] = {}
        # How many of them are open, by whether they were opened here.
        self.open_count = {False: 0, True: 0}
        self.last_opened = 0
        self.next_own = 2
        # What may be sent on the connection, and what the host may send.
        self.credit = 0
        self.window = Window(LIMITS["connection_credit"], 3 * LIMITS["max_frame_bytes"])
        self.goodbye_sent: Optional[int] = None
        self.goodbye_received: Optional[int] = None
        self.is_open = False

    # The whole of it.

    def run(self, identity: dict, opened: Callable[[], None] = lambda: None) -> None:
        """Opens the session and reads until it is over.

        Raises what ended it, if that was neither an end of file nor a goodbye.
        """
        try:
            self._open(identity)
            opened()
            while True:
                received = self.reader.next(LIMITS["max_frame_bytes"])
                with self.changing():
                    self.incoming.handle(received)
        except EndOfFile:
            pass
        except ProtocolError as error:
            self._refuse(error)
            raise
        finally:
            self._end()

    def stop(self, reason: str, patience: float) -> None:
        """Says goodbye: nothing new, and so many seconds for what is under way."""
        with self.changing():
            if self.is_open and self.goodbye_sent is None:
                self.goodbye_sent = self.last_opened
                self.push(frame.GOODBYE, 0, 0, self.last_opened, reason.encode())
                self.clock.limit(patience)

    def open(
        self,
        method: str,
        metadata: dict,
        body: bytes,
        timeout: Optional[float],
        end: bool,
        parent: Optional[Stream] = None,
    ) -> Stream:
        """Opens a stream to the host, once there is room for one; it is cancelled with its parent."""
        deadline = None if timeout is None else time.monotonic() + timeout
        head = message.head(method, metadata)
        room = self.head_room(len(head))
        first, rest = body[:room], memoryview(body)[room:]
        needed = len(head) + len(first)
        with self.changing():
            self._wait_for_room(needed, deadline)
            if parent is not None and isinstance(parent.fate, Failure):
                raise parent.fate
            stream = Stream(self, self.next_own, deadline)
            self.next_own += 2
            flags = frame.METADATA if metadata else 0
            flags |= self.flag_of_rest(len(rest) > 0, end)
            left = 0 if deadline is None else max(1, int((deadline - time.monotonic()) * 1e6))
            self.add(stream)
            stream.spend(needed)
            self.push(frame.REQUEST, flags, stream.id, left, head, first)
            stream.opened_at = self.outbox.pushed
            stream.note_end(end and not rest)
            if parent is not None:
                stream.parent = parent
                parent.children.add(stream)
        if rest:
            stream.send_pieces(rest, end)
        return stream

    def tell(
        self,
        topic: str,
        metadata: dict,
        body: bytes,
        stream: Optional[Stream] = None,
        wait: bool = True,
    ) -> bool:
        """Sends an event, on a stream if there is one; without ``wait``, says whether there was room
        for it."""
        head = message.head(topic, metadata)
        needed = len(head) + len(body)
        limits = self.agreement.peer_limits
        flags = frame.METADATA if metadata else 0
        with self.changing():
            if not self.is_open:
                raise NotAccepted("there is no session with the host")
            limit = limits["connection_credit"] - 2 * limits["max_frame_bytes"]
            limit = min(limit, limits["max_frame_bytes"])
            if needed > limit:
                raise ValueError(f"event of {needed} bytes exceeds the limit of {limit} bytes")
            while not self._has_room_for_event(needed, stream):
                if not wait:
                    return False
                self.changed.wait()
                if not self.is_open:
                    raise NotAccepted("the session with the host is over")
            self.credit -= needed
            if stream is not None:
                stream.credit -= needed
            id = 0 if stream is None else stream.id
            self.push(frame.EVENT, flags, id, int(time.time() * 1e6), head, body)
        return True

    def _has_room_for_event(self, needed: int, stream: Optional[Stream]) -> bool:
        if stream is not None:
            is_open = stream.fate is None and not stream.has_sent_end
            if not is_open or stream.credit < needed:
                return False
        return self.credit_beyond_reserve() >= needed and self.has_buffer()

    # For streams; the lock is held.

    @contextmanager
    def changing(self) -> Iterator[Session]:
        """Holds the lock, and then writes what was added meanwhile."""
        try:
            with self.changed:
                yield self
        finally:
            self.outbox.flush()

    def push(self, kind: int, flags: int, stream: int, number: int, *parts: bytes) -> None:
        """Adds a frame to what is to be written."""
        self.outbox.push(kind, flags, stream, number, *parts)

    def push_failure(self, stream: int, failure: Failure) -> None:
        """Adds an error frame."""
        number = message.failure_number(failure)
        self.push(frame.ERROR, 0, stream, number, message.failure_bytes(failure))

    def add(self, stream: Stream) -> None:
        """Takes in a stream that was opened."""
        self.streams[stream.id] = stream
        self.open_count[self.is_own(stream.id)] += 1
        self.clock.look_at(stream.deadline)

    def is_own(self, id: int) -> bool:
        """Whether a stream was opened here."""
        return id % 2 == 0

    def has_buffer(self) -> bool:
        """Whether more data may wait to be written."""
        return self.outbox.pending < SEND_BUFFER_BYTES

    def credit_beyond_reserve(self) -> int:
        """What chunks and events may use; the rest is kept for requests and responses."""
        return self.credit - 2 * self.agreement.peer_limits["max_frame_bytes"]

    def head_room(self, head: int) -> int:
        """Bytes of a body that go into a frame behind a head of so many bytes."""
        limits = self.agreement.peer_limits
        most = min(limits["max_frame_bytes"], limits["stream_credit"])
        if head > most:
            raise ValueError(f"name and metadata of {head} bytes exceed the limit of {most} bytes")
        return min(PIECE_BYTES, most - head)

    def flag_of_rest(self, has_rest: bool, end: bool) -> int:
        """The flag of a piece, by whether another one follows it."""
        if has_rest:
            return frame.CONTINUED if self.agreement.continued else 0
        return frame.ENDS if end else 0

    def chunk_bytes(self, length: int) -> Tuple[int, int]:
        """The credit that the next chunk has to wait for, and the most bytes that it takes.

        To a host that knows no continued items each chunk is one, whole if that can be.
        """
        limits = self.agreement.peer_limits
        connection = limits["connection_credit"] - 2 * limits["max_frame_bytes"]
        whole = min(limits["max_frame_bytes"], limits["stream_credit"] // 2, connection // 2)
        if self.agreement.continued or length > whole:
            return 1, min(PIECE_BYTES, limits["max_frame_bytes"])
        return max(1, length), length

    def consume(self, stream: Optional[Stream], cost: int) -> None:
        """Gives credit back for what was read."""
        granted = self.window.consume(cost)
        if granted:
            self.push(frame.CREDIT, 0, 0, granted)
        if stream is not None and stream.fate is None and not stream.has_received_end:
            granted = stream.window.consume(cost)
            if granted:
                self.push(frame.CREDIT, 0, stream.id, granted)

    def close(self, stream: Stream, fate: object) -> None:
        """Closes a stream that is open."""
        if stream.fate is not None:
            return
        stream.fate = fate  # type: ignore[assignment]
        del self.streams[stream.id]
        self.open_count[self.is_own(stream.id)] -= 1
        stream.has_received_end = True
        if stream.parent is not None:
            stream.parent.children.discard(stream)
        owed = stream.owed
        if fate is not True:
            stream.cancelled.set()
            owed += sum(piece.cost for piece in stream.pieces)
            stream.pieces.clear()
            for child in list(stream.children):
                self.push(frame.CANCEL, 0, child.id, frame.DROPPED)
                self.close(child, fate)
        self.consume(None, owed)
        self.changed.notify_all()
        self.close_if_drained()

    def close_if_ended(self, stream: Stream) -> None:
        """Closes a stream of which both directions have ended."""
        if stream.has_sent_end and stream.has_received_end:
            self.close(stream, True)

    def _wait_for_room(self, needed: int, deadline: Optional[float]) -> None:
        """Waits until a stream can be opened."""
        most = self.agreement.peer_limits["max_streams"]
        while True:
            if not self.is_open or self.goodbye_received is not None:
                raise NotAccepted("the session with the host is over")
            is_free = self.open_count[True] < most
            if is_free and self.credit >= needed and self.has_buffer():
                return
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise DeadlineExceeded(LATE)
            self.changed.wait(left)

    # The beginning and the end.

    def _open(self, identity: dict) -> None:
        offer = self.reader.next(handshake.OPENING_BYTES)
        if (offer.kind, offer.number, offer.stream) != (frame.HANDSHAKE, 1, 0):
            raise ProtocolError("out_of_order", "the first frame is no offer")
        self.agreement, choice = handshake.choose(offer.payload, identity)
        with self.changing():
            self.credit = self.agreement.peer_limits["connection_credit"]
            self.push(frame.HANDSHAKE, 0, 0, 2, choice)
            self.is_open = True
        for work in (self.outbox.run, self.clock.run):
            threading.Thread(target=work, daemon=True).start()

    def _refuse(self, error: ProtocolError) -> None:
        """Tells the host which rule it broke, as the last thing."""
        with self.changing():
            self.is_open = False
            self.push_failure(0, Failure(str(error), category="protocol", code=error.code))
            self.outbox.is_closed = True
        with self.changed:
            self.changed.wait_for(lambda: self.outbox.pending == 0, LINGER)
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return
        self.reader.drain(LINGER)

    def close_if_drained(self) -> None:
        """After a goodbye, ends the connection once nothing is left to do."""
        with self.changed:
            is_leaving = self.goodbye_sent is not None or self.goodbye_received is not None
            if is_leaving and not self.streams and self.outbox.pending == 0:
                self.shut_down()

    def shut_down(self) -> None:
        """Ends the connection in both directions; the thread that reads sees that."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _end(self) -> None:
        with self.changed:
            self.is_open = False
            for stream in list(self.streams.values()):
                self.close(stream, self._fate(stream))
            self.clock.stop()
        self.outbox.abandon()
        self.sock.close()

    def _fate(self, stream: Stream) -> Failure:
        """What became of a stream that was open at the end."""
        if not self.is_own(stream.id):
            return Cancelled("the host is gone")
        if stream.opened_at > self.outbox.begun:
            return NotAccepted("the session ended before the request was sent")
        return OutcomeUnknown("the session ended before the answer came")


# Data waits when so much has not been written.
SEND_BUFFER_BYTES = 262_144
# The longest piece of a body in one frame.
PIECE_BYTES = 65_536
