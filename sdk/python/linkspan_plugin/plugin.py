"""A plugin: its methods, what it hears of, and how it runs."""

from __future__ import annotations

import difflib
import io
import logging
import os
import platform
import signal
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple

from . import codec
from .answering import Method
from .context import Context, entered
from .errors import Failure, LinkspanError, NotAccepted
from .handshake import VERSIONS
from .host import Host
from .logs import LogHandler
from .message import Message
from .pool import Pool
from .session import Session
from .stream import Stream
from .topic import matches
from .version import VERSION

LOG = logging.getLogger("linkspan_plugin")


class Plugin:
    """A program that its host starts, and calls.

    Its methods are named by its own name and the function's: ``greeter.greet``. Handlers run side by
    side on at most ``threads`` threads, those of events one after the other on another one.
    """

    def __init__(self, name: str, version: str = "0.0.0", *, doc: str = "", threads: int = 32):
        self.name = name
        self.version = version
        self.doc = doc
        self.host = Host(None)
        # Which rule a side broke, if that ended the session.
        self.ended_by = ""
        self._service = name.replace("-", "_")
        self._methods: Dict[str, Method] = {}
        self._events: List[Tuple[str, Callable[..., Any]]] = []
        self._on_start: List[Callable[[], Any]] = []
        self._on_stop: List[Callable[[], Any]] = []
        self._session: Optional[Session] = None
        self._readiness = {"ready": False, "reason": "starting"}
        self._exit_code = OK
        self._handlers = Pool(threads, "handler")
        self._listener = Pool(1, "events")
        # Answers what every plugin answers, also when all handlers are busy.
        self._desk = Pool(1, "desk")

    # Declaring.

    def method(self, function: Any = None, *, name: str = "", **options: Any) -> Any:
        """Declares a method: ``@plugin.method``, or with options.

        ``errors`` are exceptions that are the method's own error, ``idempotent`` says that it does no
        harm to call it twice, ``deadline`` how many seconds callers wait who do not say.
        """
        return self._declare(function, name, False, options)

    def stream(self, function: Any = None, *, name: str = "", **options: Any) -> Any:
        """Declares a method that gives items: a generator, or what returns something iterable."""
        return self._declare(function, name, True, options)

    def on_event(self, mask: str) -> Callable[[Any], Any]:
        """Declares what hears of events, called with topic and body: ``+`` stands for one level of a
        topic, ``#`` for all that follow."""

        def declare(function: Any) -> Any:
            self._events.append((mask, function))
            return function

        return declare

    def on_start(self, function: Any) -> Any:
        """Declares what runs first; the plugin is ready when it has returned."""
        self._on_start.append(function)
        return function

    def on_stop(self, function: Any) -> Any:
        """Declares what runs last, within a fraction of a second."""
        self._on_stop.append(function)
        return function

    def _declare(self, function: Any, name: str, gives_stream: bool, options: dict) -> Any:
        def declare(function: Any) -> Any:
            full = name or function.__name__
            full = full if "." in full else f"{self._service}.{full}"
            if full.startswith("linkspan."):
                raise ValueError(f"{full}: names that begin with linkspan. are Linkspan's own")
            self._methods[full] = Method(full, function, gives_stream, **options)
            return function

        return declare if function is None else declare(function)

    # Running.

    def run(self) -> NoReturn:
        """Serves the host that started this process, and ends it when the host is gone.

        Without a host it says what it is and exits with 64.
        """
        descriptor = os.environ.pop(DESCRIPTOR, None)
        if descriptor is None:
            self._explain()
        try:
            sock = inherited(descriptor)
        except (OSError, ValueError) as error:
            print(f"{self.name}: {DESCRIPTOR}={descriptor}: {error}", file=sys.stderr)
            sys.exit(USAGE)
        self._arrange()
        code = self.serve(sock)
        if self.ended_by:
            print(f"{self.name}: {self.ended_by}", file=sys.stderr)
        self._leave(code)

    def serve(self, sock: socket.socket) -> int:
        """Serves the host at the other end of a connected socket until it is gone; the exit code."""
        self._session = Session(sock, self._on_request, self._on_event)
        self.host = Host(self._session)
        handler = LogHandler(self._tell_now)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            identity = {"name": self.name, "version": self.version, "build_id": ""}
            self._session.run(identity, lambda: self._handlers.submit(self._start))
        except LinkspanError as error:
            self.ended_by = str(error)
            return self._exit_code or PROTOCOL
        finally:
            root.removeHandler(handler)
        return self._exit_code

    def stop(self, reason: str = "the plugin stops", patience: float = 10.0) -> None:
        """Says goodbye: nothing new, and so many seconds for what is under way."""
        if self._session is not None:
            self._session.stop(reason, patience)

    def set_ready(self, is_ready: bool, reason: str = "") -> None:
        """Says whether the plugin can do its work now, and tells the host."""
        self._readiness = {"ready": is_ready, "reason": reason}
        body, _ = codec.encode(self._readiness, codec.MSGPACK)
        if self._session is not None:
            self._session.tell(READY, {}, body)

    def describe(self) -> dict:
        """What the plugin is and can do (docs/protocol.md, section 23)."""
        sdk = {"name": "linkspan-plugin", "version": VERSION, "language": "python"}
        return {
            "name": self.name,
            "version": self.version,
            "doc": self.doc,
            "sdk": {**sdk, "runtime": platform.python_version()},
            "protocol": list(VERSIONS),
            "methods": self._describe_methods(),
            "events": [mask for mask, _ in self._events],
        }

    def _describe_methods(self) -> List[dict]:
        return [self._methods[name].describe() for name in sorted(self._methods)]

    # What the host wants; called by the thread that reads.

    def _on_request(self, stream: Stream, request: Message) -> None:
        own = {
            "linkspan.methods": self._describe_methods,
            DESCRIBE: self.describe,
            LIVE: lambda: None,
            READY: lambda: self._readiness,
        }
        method = self._methods.get(request.name)
        if method is not None:
            assert self._session is not None
            context = Context(self._session, request.name, request.metadata, stream)
            self._handlers.submit(lambda: method.answer(context, stream, request))
        else:
            answer = own.get(request.name, lambda: self._unknown(request.name))
            desk = Method(request.name, answer, takes_nothing=True)
            context = Context(self._session, request.name, request.metadata, stream)
            self._desk.submit(lambda: desk.answer(context, stream, request))

    def _unknown(self, name: str) -> NoReturn:
        nearest = difflib.get_close_matches(name[:128], self._methods, 3, 0.6)
        hint = "the nearest are " + ", ".join(nearest) if nearest else "call linkspan.methods"
        text = f'there is no method "{name}"; {hint}'
        raise Failure(text, category="request", code="method_not_found")

    def _on_event(self, event: Message, done: Callable[[], None]) -> None:
        listeners = [function for mask, function in self._events if matches(mask, event.name)]
        if not listeners:
            done()
            return
        self._listener.submit(lambda: self._hear(event, listeners, done))

    def _hear(
        self, event: Message, listeners: List[Callable[..., Any]], done: Callable[[], None]
    ) -> None:
        assert self._session is not None
        context = Context(self._session, event.name, event.metadata)
        try:
            body = codec.decode(event.body, codec.codec_of(event.metadata))
            with entered(context):
                for function in listeners:
                    takes_context = function.__code__.co_argcount > 2
                    function(event.name, body, *([context] if takes_context else []))
        except Exception:  # noqa: BLE001 - others still want to hear
            LOG.exception("an event of the topic %s was not handled", event.name)
        finally:
            done()

    def _tell_now(self, topic: str, body: bytes) -> bool:
        assert self._session is not None
        return self._session.tell(topic, {}, body, wait=False)

    def _start(self) -> None:
        try:
            for function in self._on_start:
                function()
            self.set_ready(True)
        except NotAccepted:
            pass
        except Exception:  # noqa: BLE001 - whatever it is, the plugin cannot do its work
            LOG.exception("%s cannot start", self.name)
            self._exit_code = SOFTWARE
            self.stop("the plugin cannot start", 0.0)

    # The process.

    def _explain(self) -> NoReturn:
        print(
            f"{self.name} {self.version} is a plugin for Linkspan: a host starts it with a connected\n"
            f"socket, so that it does nothing when it is started by hand.\n\n"
            f"  protocol  {VERSIONS[0]} to {VERSIONS[1]} (linkspan-plugin {VERSION} for Python)\n"
            f"  methods   {', '.join(sorted(self._methods)) or 'none'}\n"
            f"  install   linkspan plugin install DIR\n"
            f"  call      linkspan plugin call DIR METHOD\n\n"
            f"DIR is the directory with its plugin.toml.",
            file=sys.stderr,
        )
        sys.exit(USAGE)

    def _arrange(self) -> None:
        """Makes the process one that only its host ends, and whose lines come when they are printed."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)
        root = logging.getLogger()
        if not root.handlers and root.level == logging.WARNING:
            root.setLevel(logging.INFO)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # Not here: the signal may come while this thread changes the session.
            stop = threading.Thread(target=self.stop, args=("terminated",), daemon=True)
            signal.signal(signal.SIGTERM, lambda *_: stop.ident or stop.start())

    def _leave(self, code: int) -> NoReturn:
        """Ends the process: in order if handlers let it, and soon in any case."""
        threading.Thread(target=_exit_soon, args=(code,), daemon=True).start()
        self._handlers.wait_idle(GRACE / 2)
        for function in self._on_stop:
            function()
        sys.exit(code)


def inherited(descriptor: str) -> socket.socket:
    """The connected socket that the host passed on."""
    sock = socket.socket(fileno=int(descriptor))
    sock.getpeername()
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("this is no stream socket")
    sock.setblocking(True)
    sock.set_inheritable(False)
    # A child that is forked without exec must not keep the connection open.
    os.register_at_fork(after_in_child=sock.close)
    return sock


def _exit_soon(code: int) -> None:
    time.sleep(GRACE)
    os._exit(code)


DESCRIPTOR = "LINKSPAN_PLUGIN_FD"
DESCRIBE, LIVE, READY = (f"linkspan.plugin.{name}" for name in ("describe", "live", "ready"))
# Exit codes, by sysexits.h.
OK, USAGE, SOFTWARE, PROTOCOL = 0, 64, 70, 76
# Seconds that handlers have when the host is gone.
GRACE = 0.5
