"""What frames that come do to a session (docs/protocol.md, sections 5.3 and 6.3)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from . import frame, message
from .errors import LATE, Cancelled, DeadlineExceeded, LinkspanError, NotAccepted, ProtocolError
from .frame import Frame
from .handshake import LIMITS
from .stream import Answer, Piece, Stream

if TYPE_CHECKING:
    from .session import Session


class Refused(LinkspanError):
    """The host ended the session with a failure."""


class Incoming:
    """Lets each frame take its effect; the session's lock is held."""

    def __init__(self, session: Session):
        self.session = session

    def handle(self, received: Frame) -> None:
        if received.flags & frame.CONTINUED and not self.session.agreement.continued:
            raise ProtocolError("bad_frame", "the flag continued was not agreed on")
        if received.kind < frame.FIRST_IGNORED:
            HANDLERS[received.kind](self, received)
            self.session.changed.notify_all()

    def _on_handshake(self, received: Frame) -> None:
        raise ProtocolError("out_of_order", "a handshake after the opening")

    def _on_request(self, received: Frame) -> None:
        id, payload = received.stream, received.payload
        if id % 2 == 0 or id <= self.session.last_opened:
            problem = f"a request on stream {id} after stream {self.session.last_opened}"
            raise ProtocolError("out_of_order", problem)
        self.session.last_opened = id
        request = message.named(received)
        self.session.window.receive(len(payload))
        if self.session.goodbye_sent is not None:
            self.session.consume(None, len(payload))
            return
        most = LIMITS["max_streams"]
        if self.session.open_count[False] >= most:
            raise ProtocolError("overflow", f"more than {most} streams are open")
        left = received.number
        deadline = time.monotonic() + left / 1e6 if left else None
        stream = Stream(self.session, id, deadline)
        self.session.add(stream)
        stream.owed = max(0, len(payload) - OPENING_BYTES)
        self._take_piece(stream, received, request.body, 0, len(payload))
        self.session.consume(None, len(payload) - stream.owed)
        self._give_back(stream, len(payload))
        self.session.on_request(stream, request)

    def _on_response(self, received: Frame) -> None:
        if received.number not in (0, 1):
            raise ProtocolError("bad_frame", f"a response with status {received.number}")
        if not received.stream or not self.session.is_own(received.stream):
            raise ProtocolError("out_of_order", f"a response on stream {received.stream}")
        response = message.unnamed(received)
        size = len(received.payload)
        stream = self._data_stream(received, size)
        if stream is None:
            return
        answer = Answer(received.number == 1, response.metadata)
        if stream.answer is None:
            stream.answer = answer
        elif answer.is_error:
            stream.error = answer
        else:
            raise ProtocolError("out_of_order", f"a second response on stream {stream.id}")
        self._take_piece(stream, received, response.body, 0, size)
        self.session.consume(None, size)
        self._give_back(stream, size)
        self.session.close_if_ended(stream)

    def _on_event(self, received: Frame) -> None:
        event, size = message.named(received), len(received.payload)
        stream = None
        if received.stream == 0:
            self.session.window.receive(size)
        else:
            stream = self._data_stream(received, size)
            if stream is None:
                return
            stream.window.receive(size)

        def done() -> None:
            with self.session.changing():
                self.session.consume(stream, size)

        self.session.on_event(event, done)

    def _on_heartbeat(self, received: Frame) -> None:
        if received.number > 1 or received.stream:
            raise ProtocolError("bad_frame", "a heartbeat that neither asks nor answers")
        if received.number == 0:
            self.session.push(frame.HEARTBEAT, 0, 0, 1)

    def _on_error(self, received: Frame) -> None:
        failure = message.failure_of(received)
        if received.stream == 0:
            raise Refused(f"the host ended the session: {failure.message} ({failure.code})")
        stream = self._stream(received)
        if stream is not None:
            is_own = self.session.is_own(stream.id)
            self.session.close(stream, failure if is_own else Cancelled(failure.message))

    def _on_chunk(self, received: Frame) -> None:
        size = max(1, len(received.payload))
        stream = self._data_stream(received, size)
        if stream is None:
            return
        if received.number != stream.next_received:
            problem = f"chunk {received.number} came instead of chunk {stream.next_received}"
            raise ProtocolError("out_of_order", problem)
        self._expect_answer(stream)
        stream.next_received += 1
        self._take_piece(stream, received, received.payload, size, size)
        self.session.close_if_ended(stream)

    def _on_credit(self, received: Frame) -> None:
        stream = None if received.stream == 0 else self._stream(received)
        if received.stream == 0:
            self.session.credit += received.number
        elif stream is not None:
            stream.credit += received.number
        if max(self.session.credit, stream.credit if stream else 0) >= 1 << 64:
            raise ProtocolError("overflow", "credit beyond 64 bits")

    def _on_cancel(self, received: Frame) -> None:
        stream = self._stream(received)
        if stream is None:
            return
        if not self.session.is_own(stream.id):
            is_late = received.number == frame.TOO_LATE
            why = DeadlineExceeded(LATE) if is_late else Cancelled("the caller gave up")
            self.session.close(stream, why)
            return
        stream.is_stopped = True
        if not stream.has_sent_end:
            self.session.push(frame.END, 0, stream.id, 0)
            stream.note_end(True)

    def _on_end(self, received: Frame) -> None:
        stream = self._stream(received)
        if stream is not None:
            self._expect_open(stream)
            self._expect_answer(stream)
            stream.has_received_end = True
            self.session.close_if_ended(stream)

    def _on_goodbye(self, received: Frame) -> None:
        if received.stream:
            raise ProtocolError("out_of_order", f"a goodbye on stream {received.stream}")
        message.text(received.payload, "the reason of a goodbye")
        self.session.goodbye_received = received.number
        for stream in list(self.session.streams.values()):
            if self.session.is_own(stream.id) and stream.id > received.number:
                self.session.close(stream, NotAccepted("the host said goodbye"))
        self.session.close_if_drained()

    def _stream(self, received: Frame) -> Optional[Stream]:
        """The stream of a frame, unless it is closed."""
        id = received.stream
        last = self.session.next_own - 2 if self.session.is_own(id) else self.session.last_opened
        if id == 0 or id > last:
            problem = f"a frame of kind {received.kind} on stream {id}, which was never opened"
            raise ProtocolError("out_of_order", problem)
        return self.session.streams.get(id)

    def _data_stream(self, received: Frame, size: int) -> Optional[Stream]:
        """The same for frames that cost credit, which goes back at once if the stream is closed."""
        self.session.window.receive(size)
        stream = self._stream(received)
        if stream is None:
            self.session.consume(None, size)
        else:
            self._expect_open(stream)
        return stream

    def _expect_open(self, stream: Stream) -> None:
        if stream.has_received_end:
            raise ProtocolError("out_of_order", f"a frame after the end of stream {stream.id}")

    def _expect_answer(self, stream: Stream) -> None:
        if self.session.is_own(stream.id) and stream.answer is None:
            raise ProtocolError("out_of_order", f"stream {stream.id} goes on before its response")

    def _take_piece(
        self, stream: Stream, received: Frame, data: bytes, owed: int, size: int
    ) -> None:
        stream.window.receive(size)
        stream.bytes_in += size
        stream.has_received_end = bool(received.flags & frame.ENDS)
        complete = stream.has_received_end or not received.flags & frame.CONTINUED
        if stream.error is None:
            stream.pieces.append(Piece(data, complete, owed))
            return
        # The method failed after items; one that was cut off by that is dropped.
        while stream.pieces and not stream.pieces[-1].complete:
            self.session.consume(stream, stream.pieces.pop().cost)
        stream.error_parts.append(data)
        self.session.consume(stream, owed)

    def _give_back(self, stream: Stream, size: int) -> None:
        """Gives only the stream's credit back."""
        granted = 0 if stream.has_received_end else stream.window.consume(size)
        if granted:
            self.session.push(frame.CREDIT, 0, stream.id, granted)


HANDLERS = {
    frame.HANDSHAKE: Incoming._on_handshake,
    frame.REQUEST: Incoming._on_request,
    frame.RESPONSE: Incoming._on_response,
    frame.EVENT: Incoming._on_event,
    frame.HEARTBEAT: Incoming._on_heartbeat,
    frame.ERROR: Incoming._on_error,
    frame.CHUNK: Incoming._on_chunk,
    frame.CREDIT: Incoming._on_credit,
    frame.CANCEL: Incoming._on_cancel,
    frame.END: Incoming._on_end,
    frame.GOODBYE: Incoming._on_goodbye,
}
# So much of a request costs the connection no credit while its stream is open.
OPENING_BYTES = 131_072
