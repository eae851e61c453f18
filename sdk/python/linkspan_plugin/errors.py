"""What can go wrong, in the words of docs/protocol.md (section 10)."""

from __future__ import annotations

from typing import Any, Optional, Sequence


class LinkspanError(Exception):
    """Anything that this package raises."""


class ProtocolError(LinkspanError):
    """The host broke a rule of the protocol; the session is over."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class MethodError(LinkspanError):
    """The method's own error: raised in a handler, its caller gets ``value`` as the error.

    A caller in Rust decodes it as the error type of its trait: a unit variant is its name, any other
    one a map of its name to its value.
    """

    def __init__(self, value: Any):
        super().__init__(value)
        self.value = value


class HostMethodError(LinkspanError):
    """A method of the host failed with an error of its own, ``value``."""

    def __init__(self, method: str, value: Any):
        super().__init__(f"{method} failed with an error of its own: {value!r}")
        self.method = method
        self.value = value


class Failure(LinkspanError):
    """A failure that is not the method's own error; a handler may raise it, too.

    ``retry_after`` is in seconds. What is in ``message`` is shown to the caller.
    """

    category = "other"
    code = "failed"

    def __init__(
        self,
        message: str,
        *,
        category: Optional[str] = None,
        code: Optional[str] = None,
        retryable: bool = False,
        retry_after: Optional[float] = None,
        causes: Sequence[str] = (),
    ):
        super().__init__(message)
        self.message = message
        self.category = category or self.category
        self.code = code or self.code
        self.retryable = retryable
        self.retry_after = retry_after
        self.causes = list(causes)

    def to_wire(self) -> dict:
        """The map of an error frame."""
        failure: dict = {
            "category": self.category,
            "code": self.code,
            "message": self.message[:LONGEST_TEXT],
            "retryable": self.retryable,
        }
        if self.retry_after is not None:
            failure["retry_after_ms"] = max(0, round(self.retry_after * 1000))
        if self.causes:
            failure["causes"] = [cause[:LONGEST_TEXT] for cause in self.causes[:MOST_CAUSES]]
        return failure

    @classmethod
    def from_wire(cls, category: int, failure: dict) -> Failure:
        """The failure in an error frame; its number counts, and what is missing is not known."""
        name = CATEGORIES[category] if category < len(CATEGORIES) else "other"
        kinds = {kind.code: kind for kind in (NotAccepted, DeadlineExceeded)}
        kind = kinds.get(failure["code"], Failure)
        after = failure.get("retry_after_ms")
        return kind(
            str(failure.get("message", "")),
            category=name,
            code=failure["code"],
            retryable=failure.get("retryable") is True,
            retry_after=after / 1000 if isinstance(after, int) else None,
            causes=[str(cause) for cause in failure.get("causes") or ()],
        )


class InvalidParameters(Failure):
    """The body does not fit the method."""

    category = "request"
    code = "invalid_parameters"


class DeadlineExceeded(Failure):
    """The time was up before the answer was complete."""

    category = "deadline"
    code = "deadline_exceeded"


class Cancelled(Failure):
    """The caller gave up, or is gone. A handler need not catch it."""

    category = "cancelled"
    code = "cancelled"


class NotAccepted(Failure):
    """The host certainly did not look at the request: it may be sent again."""

    category = "connection"
    code = "refused"


class OutcomeUnknown(Failure):
    """The session ended under the request: nobody knows whether the host handled it."""

    category = "connection"
    code = "outcome_unknown"


CATEGORIES = (
    "other", "protocol", "authentication", "authorization", "connection", "request", "handler",
    "limit", "deadline", "cancelled", "plugin",
)
LATE = "the deadline passed before the answer was complete"
LONGEST_TEXT = 1024
MOST_CAUSES = 8
