"""Frames on their way to the socket, in the order of their numbers."""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Callable, Deque, List

from . import frame


class Outbox:
    """Whoever adds frames writes them itself, as far as the socket takes them at once; a thread that
    may wait writes the rest. So whoever reads never waits for a host that does not."""

    def __init__(
        self, sock: socket.socket, changed: threading.Condition, written: Callable[[], None]
    ):
        self.sock = sock
        self.changed = changed
        self.on_written = written
        self.last_id = 0
        # Bytes that were added, whose writing has begun, and that the socket took.
        self.pushed = 0
        self.begun = 0
        self.written = 0
        self.is_broken = False
        # Nothing is added any more.
        self.is_closed = False
        self._frames: Deque[tuple] = deque()
        self._is_writing = False
        self._stuck: List[memoryview] = []

    @property
    def pending(self) -> int:
        """Bytes that the socket has not taken."""
        return 0 if self.is_broken else self.pushed - self.written

    def push(self, kind: int, flags: int, stream: int, number: int, *parts: bytes) -> None:
        """Adds a frame; the lock of ``changed`` is held."""
        if not (self.is_broken or self.is_closed):
            # It gets its number when it leaves: the garbage collector may close a stream, and so
            # add a frame, anywhere in between.
            self._frames.append((kind, flags, stream, number, parts))
            self.pushed += OVERHEAD + sum(map(len, parts))

    def flush(self) -> None:
        """Writes what the socket takes at once."""
        while True:
            with self.changed:
                if self._is_writing or not self._frames:
                    return
                self._is_writing = True
                batch = self._encode()
            left = self._write(batch, socket.MSG_DONTWAIT)
            with self.changed:
                if left:
                    self._stuck = left
                    self.changed.notify_all()
                    return
                self._is_writing = False
            self.on_written()

    def run(self) -> None:
        """Writes what the socket did not take at once, for ever."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._stuck or self.is_broken)
                if self.is_broken:
                    return
                batch, self._stuck = self._stuck, []
            while batch:
                batch = self._write(batch, 0)
            with self.changed:
                self._is_writing = False
            self.on_written()
            self.flush()

    def abandon(self) -> None:
        """Drops what waits: nobody will read it."""
        with self.changed:
            self.is_broken = True
            self._frames.clear()
            self.changed.notify_all()

    def _encode(self) -> List[memoryview]:
        """The buffers of some frames."""
        batch: List[memoryview] = []
        while self._frames and len(batch) < BATCH:
            kind, flags, stream, number, parts = self._frames.popleft()
            self.last_id += 1
            self.begun += OVERHEAD + sum(map(len, parts))
            buffers = frame.encode(kind, flags, self.last_id, stream, number, parts)
            batch.extend(map(memoryview, buffers))
        return batch

    def _write(self, batch: List[memoryview], flags: int) -> List[memoryview]:
        """Writes buffers and gives what is left of them."""
        while batch:
            try:
                taken = self.sock.sendmsg(batch, [], flags)
            except BlockingIOError:
                return batch
            except OSError:
                # The host is gone; the reader learns that by itself.
                self.abandon()
                return []
            with self.changed:
                self.written += taken
                self.changed.notify_all()
            batch = _without(batch, taken)
            if flags == 0:
                break
        return batch


def _without(batch: List[memoryview], taken: int) -> List[memoryview]:
    for place, buffer in enumerate(batch):
        if taken < len(buffer):
            return [buffer[taken:], *batch[place + 1:]]
        taken -= len(buffer)
    return []


# Bytes of a frame besides its payload.
OVERHEAD = frame.HEADER.size + frame.SUMS.size
# Buffers in one write.
BATCH = 64
