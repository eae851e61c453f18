"""Frames as they come out of the socket."""

from __future__ import annotations

import socket
import time

from .errors import ProtocolError
from .frame import HEADER, MAGIC, SUMS, Frame, decode, decode_header


class EndOfFile(Exception):
    """The host closed the connection, or is gone."""


class Reader:
    """Cuts what is received into frames; memory grows by what came, not by what was announced."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.last_id = 0
        self._buffer = bytearray()

    def next(self, max_bytes: int) -> Frame:
        """The next frame, whose payload has at most so many bytes."""
        header = self._take(HEADER.size, begins=True)
        head = decode_header(header, max_bytes)
        payload = self._take(head.length)
        frame = decode(header, head, payload, self._take(SUMS.size))
        self.last_id += 1
        if frame.id != self.last_id:
            problem = f"frame {frame.id} came instead of frame {self.last_id}"
            raise ProtocolError("out_of_order", problem)
        return frame

    def drain(self, seconds: float) -> None:
        """Reads until the end, whatever comes, for so long."""
        until = time.monotonic() + seconds
        try:
            while True:
                self.sock.settimeout(max(0.001, until - time.monotonic()))
                if not self.sock.recv(RECEIVE_BYTES) or time.monotonic() >= until:
                    return
        except OSError:
            return

    def _take(self, count: int, begins: bool = False) -> bytes:
        buffer = self._buffer
        while len(buffer) < count:
            try:
                received = self.sock.recv(RECEIVE_BYTES)
            except OSError:
                received = b""
            if not received:
                raise EndOfFile
            buffer += received
            # A peer of another protocol is told at its first wrong byte.
            if begins and not MAGIC.startswith(bytes(buffer[:4])):
                raise ProtocolError("bad_frame", "these bytes do not begin a frame")
        taken = bytes(buffer[:count])
        del buffer[:count]
        return taken


RECEIVE_BYTES = 262_144
