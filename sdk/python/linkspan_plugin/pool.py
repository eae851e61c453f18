"""Threads for handlers."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque


class Pool:
    """At most so many threads, each begun when there is work for it. None keeps the process alive."""

    def __init__(self, limit: int, name: str):
        self.limit = limit
        self.name = name
        self._changed = threading.Condition()
        self._work: Deque[Callable[[], Any]] = deque()
        self._threads = 0
        self._idle = 0

    def submit(self, work: Callable[[], Any]) -> None:
        """Has something done, in order; it must not raise."""
        with self._changed:
            self._work.append(work)
            if self._idle >= len(self._work) or self._threads == self.limit:
                self._changed.notify()
                return
            self._threads += 1
            number = self._threads
        name = f"{self.name}-{number}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def wait_idle(self, seconds: float) -> bool:
        """Waits until everything is done; whether it is."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._work or self._idle < self._threads:
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.notify_all()
                while not self._work:
                    self._changed.wait()
                self._idle -= 1
                work = self._work.popleft()
            work()
