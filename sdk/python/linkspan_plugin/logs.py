"""Log records on the protocol: level, text, target and fields, beside what is printed."""

from __future__ import annotations

import logging
import sys
from typing import Any, Callable

from . import codec, context

# Sends an event, if there is room for it now.
Tell = Callable[[str, bytes], bool]


class LogHandler(logging.Handler):
    """Sends records to the host; without a session it writes them to stderr, which the host logs, too.

    It never waits: what the host has no room for is dropped, and the next record says how many were.
    """

    def __init__(self, tell: Tell):
        super().__init__()
        self.tell = tell
        self.dropped = 0
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def handle(self, record: logging.LogRecord) -> Any:
        """As usual, without the handler's lock: the session has one, and two could wait for each
        other."""
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record."""
        try:
            body, _ = codec.encode(self._body(record), codec.MSGPACK)
            if self.tell(TOPIC, body):
                self.dropped = 0
            else:
                self.dropped += 1
        except Exception:  # noqa: BLE001 - a log line must never fail a handler
            print(self.format(record), file=sys.stderr)

    def _body(self, record: logging.LogRecord) -> dict:
        fields = {key: it for key, it in vars(record).items() if key not in STANDARD}
        if record.exc_info:
            fields["exception"] = logging.Formatter().formatException(record.exc_info)
        body = {
            "level": level(record.levelno),
            "target": record.name,
            "message": record.getMessage()[:LONGEST_TEXT],
            "fields": {key: _field(value) for key, value in fields.items()},
        }
        call = context.current()
        if call is not None and call.stream is not None:
            body["stream"] = call.stream.id
        if self.dropped:
            body["dropped"] = self.dropped
        return body


def level(number: int) -> str:
    """The name of a level."""
    for least, name in LEVELS:
        if number >= least:
            return name
    return "trace"


def _field(value: Any) -> Any:
    is_plain = value is None or isinstance(value, (bool, int, float))
    return value if is_plain else str(value)[:LONGEST_TEXT]


TOPIC = "linkspan.log"
LEVELS = ((40, "error"), (30, "warn"), (20, "info"), (10, "debug"))
LONGEST_TEXT = 16_384
# What every record has; anything else is a field.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
