"""One call: what has come and waits to be read, and what may still be sent."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Deque, Iterator, List, NamedTuple, Optional, Set, Union

from . import frame
from .credit import STREAM_ENOUGH, Window
from .errors import Failure
from .handshake import LIMITS
from .message import metadata_bytes

if TYPE_CHECKING:
    from .session import Session


class Stopped(Exception):
    """The host needs no more of what is being sent."""


class Piece(NamedTuple):
    """Bytes of a body or an item; ``complete`` if it ends there."""

    data: bytes
    complete: bool
    cost: int


class Answer(NamedTuple):
    """How a response begins."""

    is_error: bool
    metadata: dict


class Stream:
    """A stream of a session.

    Fields are guarded by the session's lock. Methods that wait raise what the stream was closed by:
    :class:`Cancelled`, :class:`DeadlineExceeded`, or the failure that the host sent.
    """

    def __init__(self, session: Session, id: int, deadline: Optional[float]):
        self.session = session
        self.id = id
        # By time.monotonic().
        self.deadline = deadline
        # Set when it was closed before both directions had ended.
        self.cancelled = threading.Event()
        # Why it is closed; True if both directions came to their ends.
        self.fate: Union[None, bool, Failure] = None
        # From the host.
        self.window = Window(LIMITS["stream_credit"], STREAM_ENOUGH)
        self.pieces: Deque[Piece] = deque()
        self.answer: Optional[Answer] = None
        self.error: Optional[Answer] = None
        self.error_parts: List[bytes] = []
        self.next_received = 0
        self.has_received_end = False
        # Credit of the connection that is held back until the stream closes.
        self.owed = 0
        # To the host.
        self.credit = session.agreement.peer_limits["stream_credit"]
        self.next_sent = 0
        self.has_begun = False
        self.has_sent_end = False
        self.is_stopped = False
        # How much the outbox had been given when the opening frame was in it.
        self.opened_at = 0
        # Streams that are cancelled with it, and the one that it is cancelled with.
        self.children: Set[Stream] = set()
        self.parent: Optional[Stream] = None
        self.bytes_in = 0
        self.bytes_out = 0

    def read_body(self, whole: bool) -> bytes:
        """The body before any items or, if ``whole``, all that comes."""
        return self._join(whole) or b""

    def read_items(self) -> Iterator[bytes]:
        """Items as they come; credit goes back as they are read."""
        while True:
            item = self._join(whole=False)
            if item is None:
                return
            yield item

    def read_answer(self) -> Answer:
        """How the response begins, of a stream that was opened here."""
        with self.session.changed:
            self._wait(lambda: self.answer)
            assert self.answer is not None
            return self.answer

    def _join(self, whole: bool) -> Optional[bytes]:
        """The next item or all that comes; no item if the direction ends before it is complete."""
        parts, size = [], 0
        while True:
            piece = self._read()
            if piece is None:
                return b"".join(parts) if whole else None
            size += len(piece.data)
            if size > LONGEST_MESSAGE:
                problem = f"a message exceeds the limit of {LONGEST_MESSAGE} bytes"
                raise Failure(problem, category="limit", code="too_large")
            parts.append(piece.data)
            if piece.complete and not whole:
                return b"".join(parts)

    def _read(self) -> Optional[Piece]:
        """The next piece; none at the end of the direction."""
        with self.session.changing():
            self._wait(lambda: self.pieces or self.has_received_end)
            if not self.pieces:
                return None
            piece = self.pieces.popleft()
            self.session.consume(self, piece.cost)
            return piece

    def respond(self, body: bytes, metadata: dict, is_error: bool = False, end: bool = True) -> None:
        """Answers; what does not fit into one frame follows in chunks."""
        known = metadata_bytes(metadata)
        room = self.session.head_room(len(known))
        first, rest = body[:room], memoryview(body)[room:]
        cost = len(known) + len(first)
        with self.session.changing() as session:
            self._wait(lambda: self.credit >= cost and session.credit >= cost, sends=True)
            flags = frame.METADATA if known else 0
            flags |= session.flag_of_rest(len(rest) > 0, end)
            self.spend(cost)
            self.has_begun = True
            session.push(frame.RESPONSE, flags, self.id, int(is_error), known, first)
            self.note_end(end and not rest)
        if rest:
            self.send_pieces(rest, end)

    def begin(self, metadata: dict) -> None:
        """Begins an answer of items, unless it has begun."""
        if not self.has_begun:
            self.respond(b"", metadata, end=False)

    def send(self, item: bytes) -> None:
        """Sends an item, as credit comes."""
        self.send_pieces(memoryview(item), end=False)

    def finish(self) -> None:
        """Ends this direction."""
        with self.session.changing() as session:
            if self.fate is None and not self.has_sent_end:
                session.push(frame.END, 0, self.id, 0)
                self.note_end(True)

    def fail(self, failure: Failure) -> None:
        """Ends both directions by a failure, unless the stream is closed."""
        with self.session.changing() as session:
            if self.fate is None:
                session.push_failure(self.id, failure)
                session.close(self, True)

    def cancel(self, reason: int) -> None:
        """Gives up a stream that was opened here, or asks the host to stop sending."""
        with self.session.changing() as session:
            is_own = session.is_own(self.id)
            if self.fate is None and (is_own or not self.has_received_end):
                session.push(frame.CANCEL, 0, self.id, reason)
                if is_own:
                    session.close(self, True)

    def discard(self) -> None:
        """Has the host send nothing more on a stream that it opened, and gives the credit back of
        what nobody will read."""
        with self.session.changing() as session:
            if not session.is_own(self.id):
                self.cancel(frame.DONE)
            while self.pieces:
                session.consume(self, self.pieces.popleft().cost)

    def send_pieces(self, rest: memoryview, end: bool) -> None:
        while True:
            with self.session.changing() as session:
                count = self._wait(lambda: self._room(len(rest)), sends=True) - 1
                piece, rest = rest[:count], rest[count:]
                self.spend(max(1, count))
                flags = session.flag_of_rest(len(rest) > 0, end)
                session.push(frame.CHUNK, flags, self.id, self.next_sent, piece)
                self.next_sent += 1
                self.note_end(end and not rest)
            if not rest:
                return

    def _room(self, length: int) -> int:
        """One more than the bytes that the next chunk can have; 0 if it has to wait."""
        least, most = self.session.chunk_bytes(length)
        credit = min(self.credit, self.session.credit_beyond_reserve())
        if credit < least or not self.session.has_buffer():
            return 0
        return 1 + min(length, most, credit)

    def _wait(self, is_ready: Callable[[], Any], sends: bool = False) -> Any:
        """Waits until something is so, and gives it; the lock is held."""
        while True:
            if isinstance(self.fate, Failure):
                raise self.fate
            can_be = not sends or (self.fate is None and not self.is_stopped)
            ready = can_be and is_ready()
            if ready:
                return ready
            if self.fate is not None or not can_be:
                raise Stopped
            self.session.changed.wait()

    def spend(self, cost: int) -> None:
        self.credit -= cost
        self.session.credit -= cost
        self.bytes_out += cost

    def note_end(self, has_ended: bool) -> None:
        if has_ended:
            self.has_sent_end = True
            self.session.close_if_ended(self)


# The longest body or item that is put together.
LONGEST_MESSAGE = 67_108_864
