"""The host, as a plugin calls it back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional

from . import codec, frame
from .errors import Failure, HostMethodError, NotAccepted
from .stream import Stopped, Stream

if TYPE_CHECKING:
    from .context import Context
    from .session import Session


class Host:
    """Calls methods of the host, and publishes events through it.

    In a handler, what the caller gave goes on: the time that is left, and the trace.
    """

    def __init__(self, session: Optional[Session], context: Optional[Context] = None):
        self._session = session
        self._context = context

    def call(
        self,
        method: str,
        parameters: Any = None,
        *,
        items: Optional[Iterable[Any]] = None,
        timeout: Optional[float] = None,
    ) -> Any:
        """Calls a method and waits for its result; ``items`` are sent if it takes a stream.

        Raises :class:`HostMethodError`, :class:`Failure`, :class:`NotAccepted`,
        :class:`OutcomeUnknown`, :class:`DeadlineExceeded`, or :class:`Cancelled`.
        """
        stream = self._open(method, parameters, items, timeout)
        try:
            answer = stream.read_answer()
            value = self._decode(stream.read_body(whole=True), answer.metadata)
        except BaseException:
            stream.cancel(frame.DROPPED)
            raise
        if answer.is_error:
            raise HostMethodError(method, value)
        return value

    def stream(
        self,
        method: str,
        parameters: Any = None,
        *,
        items: Optional[Iterable[Any]] = None,
        timeout: Optional[float] = None,
    ) -> Iterator[Any]:
        """Calls a method that streams, and gives its items as they come.

        The call begins when the first item is asked for. The host is told to stop when the iterator
        is closed or dropped. Raises as :meth:`call`.
        """
        stream = self._open(method, parameters, items, timeout)
        try:
            answer = stream.read_answer()
            if not answer.is_error:
                stream.read_body(whole=False)
                for item in stream.read_items():
                    yield self._decode(item, answer.metadata)
                if stream.error is not None:
                    body = b"".join(stream.error_parts)
                    raise HostMethodError(method, self._decode(body, stream.error.metadata))
            else:
                body = stream.read_body(whole=True)
                raise HostMethodError(method, self._decode(body, answer.metadata))
        finally:
            stream.cancel(frame.DROPPED)
            stream.discard()

    def publish(self, topic: str, body: Any = None) -> None:
        """Publishes an event; waits while the host has no room for it."""
        if topic.startswith(RESERVED):
            raise ValueError(f"topics that begin with {RESERVED} are Linkspan's own")
        data, name = codec.encode(body, codec.MSGPACK)
        self.session.tell(topic, {**self._metadata(), **codec.metadata_of(name)}, data)

    @property
    def session(self) -> Session:
        """The session, which must have begun."""
        if self._session is None:
            raise NotAccepted("there is no session with the host")
        return self._session

    def _open(
        self, method: str, parameters: Any, items: Optional[Iterable[Any]], timeout: Optional[float]
    ) -> Stream:
        if self._context is not None:
            self._context.check()
            left = self._context.remaining
            timeout = left if timeout is None or (left is not None and left < timeout) else timeout
        body, name = codec.encode({} if parameters is None else parameters, codec.MSGPACK)
        metadata = {**self._metadata(), **codec.metadata_of(name)}
        parent = None if self._context is None else self._context.stream
        stream = self.session.open(method, metadata, body, timeout, items is None, parent)
        if items is not None:
            send = threading.Thread(target=_send, args=(stream, items, name), daemon=True)
            send.start()
        return stream

    def _metadata(self) -> dict:
        known = {} if self._context is None else self._context.metadata
        return {key: known[key] for key in PASSED_ON if key in known}

    def _decode(self, body: bytes, metadata: dict) -> Any:
        try:
            return codec.decode(body, codec.codec_of(metadata))
        except ValueError as error:
            text = f"the host's answer cannot be read: {error}"
            raise Failure(text, category="protocol", code="bad_frame") from None


def _send(stream: Stream, items: Iterable[Any], name: str) -> None:
    """Sends items until there are no more, or the host needs no more."""
    try:
        for item in items:
            stream.send(codec.encode(item, name)[0])
        stream.finish()
    except (Stopped, Failure):
        pass
    except Exception:
        stream.cancel(frame.DROPPED)
        raise


RESERVED = "linkspan."
PASSED_ON = ("traceparent", "tracestate")
