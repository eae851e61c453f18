"""The time: deadlines of streams, and how long a goodbye may take."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Optional

from . import frame
from .errors import LATE, Cancelled, DeadlineExceeded, Failure

if TYPE_CHECKING:
    from .session import Session
    from .stream import Stream


class Clock:
    """Ends what takes too long.

    It asks for no heartbeats: the end of file tells for certain that the host is gone, and a host that
    says nothing may be stopped, and come back.
    """

    def __init__(self, session: Session, lock: threading.RLock):
        self.session = session
        self.earlier = threading.Condition(lock)
        self.is_over = False
        # By time.monotonic(): when it looks next, and until when what is under way may go on.
        self._looks_at: Optional[float] = None
        self._patience: Optional[float] = None
        self._was_cut_off = False

    def look_at(self, deadline: Optional[float]) -> None:
        """Has a deadline kept; the lock is held."""
        if deadline is not None and (self._looks_at is None or deadline < self._looks_at):
            self.earlier.notify()

    def limit(self, seconds: float) -> None:
        """Ends the session by then; the lock is held."""
        self._patience = time.monotonic() + seconds
        self.earlier.notify()

    def stop(self) -> None:
        """Ends ``run``; the lock is held."""
        self.is_over = True
        self.earlier.notify()

    def run(self) -> None:
        """Keeps the time until the session is over."""
        while not self.is_over:
            with self.session.changing():
                self._end_what_is_due(time.monotonic())
            with self.earlier:
                due = [stream.deadline for stream in list(self.session.streams.values())]
                limits = [limit for limit in (*due, self._patience) if limit is not None]
                self._looks_at = min(limits, default=None)
                if not self.is_over:
                    left = LONGEST_WAIT
                    if self._looks_at is not None:
                        left = min(left, max(0.0, self._looks_at - time.monotonic()))
                    self.earlier.wait(left)

    def _end_what_is_due(self, now: float) -> None:
        for stream in list(self.session.streams.values()):
            if stream.deadline is not None and stream.deadline <= now:
                self._expire(stream)
        if self._patience is not None and self._patience <= now:
            if self._was_cut_off:
                self.session.shut_down()
            else:
                self._cut_off()
                self._was_cut_off = True
            self._patience = now + LINGER

    def _expire(self, stream: Stream) -> None:
        failure = DeadlineExceeded(LATE)
        if self.session.is_own(stream.id):
            self.session.push(frame.CANCEL, 0, stream.id, frame.TOO_LATE)
        else:
            self.session.push_failure(stream.id, failure)
        self.session.close(stream, failure)

    def _cut_off(self) -> None:
        text = "the plugin stopped before the answer was complete"
        failure = Failure(text, category="connection", code="cut_off")
        for stream in list(self.session.streams.values()):
            if not self.session.is_own(stream.id):
                self.session.push_failure(stream.id, failure)
            self.session.close(stream, Cancelled("the plugin stops"))


# Seconds that the host has to read the last frames.
LINGER = 1.0
LONGEST_WAIT = 3600.0
