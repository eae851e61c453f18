#!/usr/bin/env python3
"""A peer of exchanges that knows docs/protocol.md, section 17, and nothing of this library.

    exchange_peer.py golden SPECIFICATION
    exchange_peer.py client ADDRESS VARIANT
    exchange_peer.py busy ADDRESS
    exchange_peer.py server ADDRESS VARIANT BEHAVIOUR

An address is a path or HOST:PORT. What goes wrong ends it with an exception.
"""

import re
import socket
import struct
import sys
import zlib

PATIENCE_SECONDS = 20
MAX_MESSAGE_BYTES = 1_048_576
HEADER = struct.Struct("<II")

QUESTION = bytes.fromhex("0a03742d31")
ANSWER = bytes.fromhex("0a03742d311001")


def castagnoli_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = castagnoli_table()


def castagnoli(message):
    total = 0xFFFFFFFF
    for byte in message:
        total = (total >> 8) ^ TABLE[(total ^ byte) & 0xFF]
    return total ^ 0xFFFFFFFF


SUMS = {"ieee": zlib.crc32, "castagnoli": castagnoli}


def encode(variant, message):
    assert 1 <= len(message) <= MAX_MESSAGE_BYTES
    return HEADER.pack(len(message), SUMS[variant](message)) + message


class Connection:
    """A socket that carries frames of one variant."""

    def __init__(self, stream, variant):
        stream.settimeout(PATIENCE_SECONDS)
        self.stream = stream
        self.variant = variant

    def read(self, count):
        """So many bytes, or fewer at the end of the stream."""
        parts = []
        while count > 0:
            part = self.stream.recv(min(count, 65_536))
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(self):
        """The next message; none if the peer closed between two frames."""
        header = self.read(HEADER.size)
        if not header:
            return None
        length, expected = HEADER.unpack(header)
        assert 1 <= length <= MAX_MESSAGE_BYTES, f"length {length}"
        message = self.read(length)
        assert len(message) == length, "the stream ended within a frame"
        found = SUMS[self.variant](message)
        assert found == expected, f"sum {found:08x} instead of {expected:08x}"
        return message

    def send(self, message):
        self.stream.sendall(encode(self.variant, message))

    def ask(self, message):
        self.send(message)
        return self.receive()


def connect(address):
    if address.startswith("/"):
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(PATIENCE_SECONDS)
        stream.connect(address)
        return stream
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)


def golden(specification):
    """Every frame that the specification shows is what this program makes of its message."""
    with open(specification, encoding="utf-8") as file:
        text = file.read()
    frames = {}
    for name, block in re.findall(r"^```exchange (\S+)\n(.*?)^```", text, re.M | re.S):
        digits = [line.split("#")[0] for line in block.splitlines()]
        frames[name] = bytes.fromhex("".join(digits))
    for variant in SUMS:
        assert SUMS[variant](b"") == 0
        assert frames.pop(f"{variant}-question") == encode(variant, QUESTION)
        assert frames.pop(f"{variant}-answer") == encode(variant, ANSWER)
    assert HEADER.unpack(frames.pop("busy")) == (0, 250)
    assert not frames, f"frames that this program does not know: {list(frames)}"
    assert SUMS["ieee"](b"123456789") == 0xCBF43926
    assert SUMS["castagnoli"](b"123456789") == 0xE3069283


def client(address, variant):
    """Asks a server that answers as `answer_to` does."""
    connection = Connection(connect(address), variant)
    # Byte by byte as the specification has it.
    connection.stream.sendall(encode(variant, QUESTION))
    expected = encode(variant, ANSWER)
    assert connection.read(len(expected)) == expected

    questions = [b"one", b"two", b"three"]
    connection.stream.sendall(b"".join(encode(variant, each) for each in questions))
    for question in questions:
        assert connection.receive() == answer_to(question)

    largest = bytes(range(256)) * (MAX_MESSAGE_BYTES // 256)
    assert connection.ask(largest) == answer_to(largest)

    for byte in encode(variant, b"slowly"):
        connection.stream.sendall(bytes([byte]))
    assert connection.receive() == answer_to(b"slowly")

    connection.stream.shutdown(socket.SHUT_WR)
    assert connection.receive() is None


def busy(address):
    """Is told by a server without a place when to come back, and sees an invalid length."""
    connection = Connection(connect(address), "ieee")
    said = connection.read(HEADER.size + 1)
    assert HEADER.unpack(said) == (0, 250), said.hex()


def answer_to(question):
    return ANSWER if question == QUESTION else question[::-1]


def answer_wrongly(connection, behaviour):
    """Answers one question in a way that is none."""
    if behaviour == "busy":
        connection.stream.sendall(HEADER.pack(0, 1_234))
        return
    frame = encode(connection.variant, answer_to(connection.receive()))
    if behaviour == "half":
        connection.stream.sendall(frame[: len(frame) // 2])
    elif behaviour == "wrong-crc":
        connection.stream.sendall(frame[:4] + bytes([frame[4] ^ 1]) + frame[5:])
    elif behaviour == "wrong-variant":
        other = next(variant for variant in SUMS if variant != connection.variant)
        connection.stream.sendall(encode(other, frame[HEADER.size :]))
    else:
        raise ValueError(behaviour)


def server(address, variant, behaviour):
    """Serves one connection after the other, until it is killed."""
    if address.startswith("/"):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        bound = address
    else:
        host, port = address.rsplit(":", 1)
        listener = socket.create_server((host, int(port)))
        bound = "%s:%d" % listener.getsockname()
    listener.listen()
    print(f"listening at {bound}", flush=True)
    while True:
        stream, _ = listener.accept()
        with stream:
            connection = Connection(stream, variant)
            if behaviour != "answer":
                answer_wrongly(connection, behaviour)
                stream.shutdown(socket.SHUT_WR)
                connection.read(MAX_MESSAGE_BYTES)
                continue
            while (question := connection.receive()) is not None:
                connection.send(answer_to(question))


def main(mode, *arguments):
    modes = {"golden": golden, "client": client, "busy": busy, "server": server}
    modes[mode](*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
