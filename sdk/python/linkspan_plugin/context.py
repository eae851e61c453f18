"""What a handler knows of the call that it answers."""

from __future__ import annotations

import threading
import time
from typing import Any, Optional

from . import codec
from .errors import LATE, Cancelled, DeadlineExceeded, Failure
from .host import Host
from .session import Session
from .stream import Stream


class Context:
    """A call or an event, for its handler: a parameter of this type, or of the name ``cx``."""

    def __init__(self, session: Session, name: str, metadata: dict, stream: Optional[Stream] = None):
        self.session = session
        # The method or the topic.
        self.name = name
        # What stands beside the body, as the caller gave it.
        self.metadata = metadata
        self.stream = stream
        self.host = Host(session, self)

    @property
    def caller(self) -> Optional[str]:
        """For whom it is done, as the host says."""
        caller = self.metadata.get("caller")
        return caller if isinstance(caller, str) else None

    @property
    def cancelled(self) -> bool:
        """Whether the caller gave up, its time is up, or the host is gone."""
        return not self.session.is_open if self.stream is None else self.stream.cancelled.is_set()

    def check(self) -> None:
        """Raises :class:`Cancelled` or :class:`DeadlineExceeded` if nobody waits any more."""
        if self.cancelled:
            fate = None if self.stream is None else self.stream.fate
            raise fate if isinstance(fate, Failure) else Cancelled("the host is gone")

    def wait(self, seconds: float) -> bool:
        """Waits for so long, or until the call is cancelled; whether it is."""
        if self.stream is not None:
            return self.stream.cancelled.wait(seconds)
        with self.session.changed:
            self.session.changed.wait_for(lambda: self.cancelled, seconds)
        return self.cancelled

    @property
    def deadline(self) -> Optional[float]:
        """When the time is up, by ``time.monotonic()``; None if there is no limit."""
        return None if self.stream is None else self.stream.deadline

    @property
    def remaining(self) -> Optional[float]:
        """Seconds that are left. Raises :class:`DeadlineExceeded` if none are."""
        if self.deadline is None:
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(LATE)
        return left

    def begin(self) -> None:
        """Has the answer of a method that streams begin now, not with its first item."""
        if self.stream is not None:
            self.stream.begin(codec.metadata_of(codec.codec_of(self.metadata)))

    def progress(self, done: float, total: Optional[float] = None, message: str = "") -> None:
        """Tells the caller how far the call is. Dropped without room for it, or if nobody waits."""
        if self.stream is not None:
            body = {"done": done, "total": total, "message": message}
            data, _ = codec.encode(body, codec.MSGPACK)
            self.session.tell(PROGRESS, {}, data, self.stream, wait=False)


def current() -> Optional[Context]:
    """The context of the handler that this thread runs."""
    return getattr(_here, "context", None)


class entered:
    """Makes a context the current one of this thread."""

    def __init__(self, context: Context):
        self.context = context

    def __enter__(self) -> Context:
        _here.context = self.context
        return self.context

    def __exit__(self, *_: Any) -> None:
        _here.context = None


_here = threading.local()
PROGRESS = "linkspan.progress"
