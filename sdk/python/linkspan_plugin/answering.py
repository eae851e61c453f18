"""From a request to its answer: parameters, the handler, and what it failed with."""

from __future__ import annotations

import logging
import time
from typing import Any, Callable, Iterator, Optional, Sequence

from . import codec
from .context import Context, entered
from .errors import (
    Cancelled, Failure, HostMethodError, InvalidParameters, MethodError, NotAccepted,
)
from .message import Message
from .signature import Signature, convert
from .stream import Stopped, Stream


class Method:
    """A handler with all that is known of it."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        gives_stream: bool = False,
        errors: Sequence[type] = (),
        idempotent: bool = False,
        deadline: Optional[float] = None,
        takes_nothing: bool = False,
    ):
        self.name = name
        self.function = function
        self.signature = Signature(function, Context)
        self.gives_stream = gives_stream
        self.errors = tuple(errors)
        self.idempotent = idempotent
        self.deadline = deadline
        # Whatever the body is, it does not matter.
        self.takes_nothing = takes_nothing

    def describe(self) -> dict:
        """What those are told who list the methods (docs/protocol.md, section 15.3)."""
        shapes = {
            (False, False): "unary",
            (False, True): "server_stream",
            (True, False): "client_stream",
            (True, True): "both_streams",
        }
        takes_stream = self.signature.items is not None
        described = {
            "name": self.name,
            "doc": (self.function.__doc__ or "").strip(),
            "shape": shapes[takes_stream, self.gives_stream],
            "parameters": self.signature.describe(),
            "result": self.signature.result(),
            "error": " | ".join(error.__name__ for error in self.errors),
            "idempotent": self.idempotent,
        }
        if self.deadline is not None:
            described["deadline_ms"] = round(self.deadline * 1000)
        return {key: value for key, value in described.items() if value != ""}

    def answer(self, context: Context, stream: Stream, request: Message) -> None:
        """Answers a request, whatever happens."""
        try:
            with entered(context):
                self._run(context, stream, request)
        except (Stopped, Cancelled):
            stream.fail(Cancelled("the handler gave up"))
        except NotAccepted as failure:
            # This request was accepted, and must not be repeated as if it were not.
            text = f"the handler gave up: {failure.message}"
            stream.fail(Failure(text, category="connection", code="unavailable"))
        except Failure as failure:
            stream.fail(failure)
        except BaseException as error:  # noqa: BLE001 - a handler may even exit
            LOG.exception("%s failed unexpectedly", self.name)
            text = f"the handler raised {type(error).__name__}"
            stream.fail(Failure(text, category="handler", code="panicked"))
        finally:
            stream.discard()

    def _run(self, context: Context, stream: Stream, request: Message) -> None:
        name, meter = codec.codec_of(request.metadata), Meter(stream, request)
        try:
            result = self.function(**self._arguments(context, stream, name))
            if self.gives_stream:
                _send_items(stream, result, name)
                return
            body, used = _encode(result, name)
            stream.respond(body, {**codec.metadata_of(used), **meter.usage(len(body))})
        except MethodError as error:
            _respond_error(stream, error.value, name)
        except HostMethodError as error:
            raise Failure(str(error), category="other", code="application") from error
        except self.errors as error:
            _respond_error(stream, error_value(error), name)

    def _arguments(self, context: Context, stream: Stream, name: str) -> dict:
        signature = self.signature
        if self.takes_nothing:
            return {}
        body = stream.read_body(whole=signature.items is None)
        try:
            value = codec.decode(body, name)
        except ValueError as error:
            raise InvalidParameters(f"parameters: {error}") from None
        arguments = signature.arguments(value)
        if signature.items is not None:
            arguments[signature.items] = _items(stream, name, signature.item_type())
        if signature.context is not None:
            arguments[signature.context] = context
        return arguments


class Meter:
    """What an answer costs, for callers who want to know."""

    def __init__(self, stream: Stream, request: Message):
        self.is_wanted = "usage" in request.metadata
        self.stream = stream
        self.began = time.monotonic_ns(), time.thread_time_ns()

    def usage(self, out: int) -> dict:
        """The metadata that says so."""
        if not self.is_wanted:
            return {}
        spent, computed = self.began
        usage = {
            "time_us": (time.monotonic_ns() - spent) // 1000,
            "cpu_us": (time.thread_time_ns() - computed) // 1000,
            "in": self.stream.bytes_in,
            "out": out,
        }
        return {"usage": usage}


def error_value(error: BaseException) -> Any:
    """An exception that is the method's own error, as an enum of Rust has it: the name of the class,
    or a map of that to its fields or arguments."""
    fields = {key: it for key, it in vars(error).items() if not key.startswith("_")}
    if not fields and not error.args:
        return type(error).__name__
    arguments = error.args[0] if len(error.args) == 1 else list(error.args)
    return {type(error).__name__: fields or arguments}


def _items(stream: Stream, name: str, hint: Any) -> Iterator[Any]:
    for number, item in enumerate(stream.read_items()):
        try:
            value = codec.decode(item, name)
        except ValueError as error:
            raise InvalidParameters(f"item {number}: {error}") from None
        yield convert(value, hint, f"item {number}")


def _send_items(stream: Stream, items: Any, name: str) -> None:
    """Sends items; the answer begins with the first, so that a failure before it is all there is."""
    iterator = iter(items)
    try:
        for item in iterator:
            body, used = _encode(item, name)
            stream.begin(codec.metadata_of(used))
            stream.send(body)
        stream.begin(codec.metadata_of(name))
        stream.finish()
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def _respond_error(stream: Stream, value: Any, name: str) -> None:
    body, used = _encode(value, name)
    stream.respond(body, codec.metadata_of(used), is_error=True)


def _encode(value: Any, name: str) -> tuple:
    try:
        return codec.encode(value, name)
    except ValueError as error:
        text = f"the answer cannot be encoded: {error}"
        raise Failure(text, category="handler", code="internal") from None


LOG = logging.getLogger("linkspan_plugin")
