"""A host that says what a test wants, and plugins as threads and as processes."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from linkspan_plugin import Plugin, frame, message, msgpack
from linkspan_plugin.reader import EndOfFile, Reader

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "program.py"
PATIENCE = 30.0


def until(what, is_so):
    """Waits until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so: {what}")
        time.sleep(0.002)


class Wire:
    """The client's side of a session, frame by frame."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE)
        self.sock = sock
        self.reader = Reader(sock)
        self.sent = 0
        self.stream = -1

    def open(self, **told):
        """Opens the session and gives the choice."""
        offer = {
            "versions": [1, 1],
            "features": ["continued", "sealed", "unheard-of"],
            "codecs": ["msgpack", "json", "protobuf", "raw"],
            "nonce": bytes(32),
        }
        self.send(frame.HANDSHAKE, 0, 0, 1, msgpack.pack({**offer, **told}))
        choice = self.reader.next(16_384)
        assert (choice.kind, choice.number) == (frame.HANDSHAKE, 2), choice
        return msgpack.unpack(choice.payload)

    def send(self, kind, flags, stream, number, *parts):
        """Sends a frame."""
        self.sent += 1
        self.send_bytes(b"".join(frame.encode(kind, flags, self.sent, stream, number, parts)))

    def send_bytes(self, data):
        """Sends bytes."""
        self.sock.sendall(data)

    def next(self, but=(frame.CREDIT,)):
        """The next frame that is not of these kinds; what plugins say when they begin is left out."""
        while True:
            received = self.reader.next(1 << 20)
            is_ready = received.kind == frame.EVENT and b"linkspan.plugin.ready" in received.payload
            if received.kind not in but and not is_ready:
                return received

    def ask(self, method, body=b"", flags=frame.ENDS, deadline=0, **metadata):
        """Sends a request and gives its stream."""
        self.stream += 2
        known = {key.replace("_", "-"): value for key, value in metadata.items()}
        flags |= frame.METADATA if known else 0
        head = message.head(method, known)
        self.send(frame.REQUEST, flags, self.stream, deadline, head, body)
        return self.stream

    def chunk(self, stream, number, data, flags=0):
        """Sends a chunk."""
        self.send(frame.CHUNK, flags, stream, number, data)

    def call(self, method, value=None, **metadata):
        """Calls a method and gives the value of its result."""
        status, value = self.outcome(method, value, **metadata)
        assert status == 0, value
        return value

    def outcome(self, method, value=None, **metadata):
        """Status and value of an answer, or the code and the map of a failure."""
        stream = self.ask(method, msgpack.pack(value), **metadata)
        answer = self.next()
        assert answer.stream == stream, answer
        if answer.kind == frame.ERROR:
            failure = msgpack.unpack(answer.payload)
            return failure["code"], failure
        assert answer.kind == frame.RESPONSE, answer
        return answer.number, msgpack.unpack(message.unnamed(answer).body)

    def read_items(self, stream, credit=True):
        """Items of a stream until its end; gives credit back for them, as real hosts do."""
        items, parts = [], []
        answer = self.next()
        assert (answer.kind, answer.stream, answer.number) == (frame.RESPONSE, stream, 0), answer
        while True:
            received = self.next((frame.CREDIT, frame.EVENT))
            assert received.stream == stream, received
            if received.kind == frame.CHUNK:
                parts.append(received.payload)
                if not received.flags & frame.CONTINUED:
                    items.append(b"".join(parts))
                    parts = []
                if credit:
                    self.send(frame.CREDIT, 0, 0, max(1, len(received.payload)))
                    self.send(frame.CREDIT, 0, stream, max(1, len(received.payload)))
            if received.kind == frame.END or received.flags & frame.ENDS:
                return items
            assert received.kind == frame.CHUNK, received

    def is_at_end(self):
        """Whether the plugin closed the connection and sent nothing more before."""
        try:
            received = self.next()
        except EndOfFile:
            return True
        raise AssertionError(f"not the end, but {received}")

    def end(self):
        """The error by which the plugin ends the session, and nothing after it."""
        while True:
            received = self.next()
            if received.kind == frame.ERROR and received.stream == 0:
                break
        self.sock.shutdown(socket.SHUT_WR)
        assert self.is_at_end()
        return msgpack.unpack(received.payload)


class Served:
    """A plugin that serves on a thread of this process."""

    def __init__(self, plugin, **told):
        ours, theirs = socket.socketpair()
        self.code = None
        self.plugin = plugin
        self.wire = Wire(ours)
        self.thread = threading.Thread(target=self._serve, args=(theirs,), daemon=True)
        self.thread.start()
        if told.pop("open", True):
            self.choice = self.wire.open(**told)

    def _serve(self, sock):
        self.code = self.plugin.serve(sock)

    def __enter__(self):
        return self.wire

    def __exit__(self, *_):
        self.wire.sock.close()
        self.join()

    def join(self):
        """Waits until it has ended and gives the exit code."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), "the plugin still serves"
        return self.code


def plugin():
    """A plugin of the service ``t``."""
    return Plugin("t", version="1.2")


class Process:
    """A plugin in a process of its own, with its connection on descriptor 3."""

    def __init__(self, *arguments, program=PROGRAM):
        ours, theirs = socket.socketpair()
        self.wire = Wire(ours)
        # The shell moves the socket from its standard input to where plugins expect it.
        self.child = subprocess.Popen(
            ["sh", "-c", 'exec "$0" "$@" 3<&0 </dev/null', sys.executable, str(program), *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LINKSPAN_PLUGIN_FD": "3", "PYTHONPATH": str(HERE.parent)},
            text=True,
        )
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.sock.close()
        self.child.kill()
        self.child.communicate()

    def finish(self):
        """Waits for the end; the exit code, and what was written to stdout and stderr."""
        out, err = self.child.communicate(timeout=PATIENCE)
        return self.child.returncode, out, err
