"""The frames of docs/protocol.md: read as it says, and written as it has them."""

import re
import unittest
from pathlib import Path

from linkspan_plugin import frame, message, msgpack
from linkspan_plugin.errors import Failure, ProtocolError

SPECIFICATION = Path(__file__).resolve().parents[3] / "docs" / "protocol.md"
# Bits of flags that nothing here can have.
FOREIGN = 0b111


def golden():
    """The frames by their names."""
    text = SPECIFICATION.read_text()
    for name, block in re.findall(r"^```golden ([\w-]+)\n(.*?)^```", text, re.M | re.S):
        lines = (line.split("#")[0] for line in block.splitlines())
        yield name, bytes.fromhex("".join(lines))


def read(data):
    """The frame that some bytes are."""
    header = data[:36]
    head = frame.decode_header(header, 1 << 20)
    return frame.decode(header, head, data[36:-8], data[-8:])


class Golden(unittest.TestCase):
    def test_every_kind_is_there(self):
        kinds = {data[5] for _, data in golden()}
        self.assertLessEqual(set(frame.FLAGS), kinds)

    def test_frames_are_read_and_written_as_they_stand(self):
        for name, data in golden():
            with self.subTest(name):
                if name == "response-unchecked":
                    self.refused(data, "checksum")
                    continue
                if data[6] & FOREIGN:
                    self.refused(data, "bad_frame")
                    continue
                it = read(data)
                written = frame.encode(
                    it.kind, it.flags, it.id, it.stream, it.number, [self.rewritten(it)]
                )
                self.assertEqual(b"".join(written), data)

    def test_a_frame_with_any_bit_changed_is_refused(self):
        data = dict(golden())["request-unary"]
        for place in range(len(data) * 8):
            changed = bytearray(data)
            changed[place // 8] ^= 1 << place % 8
            with self.assertRaises(ProtocolError, msg=f"bit {place}"):
                read(bytes(changed))

    def refused(self, data, code):
        """Expects that a frame is refused."""
        with self.assertRaises(ProtocolError) as caught:
            read(data)
        self.assertEqual(caught.exception.code, code)

    def rewritten(self, it):
        """The payload, taken apart and put together again."""
        if it.kind == frame.HANDSHAKE:
            return msgpack.pack(msgpack.unpack(it.payload))
        if it.kind in (frame.REQUEST, frame.EVENT):
            named = message.named(it)
            return message.head(named.name, named.metadata) + named.body
        if it.kind == frame.RESPONSE:
            answer = message.unnamed(it)
            return message.metadata_bytes(answer.metadata) + answer.body
        if it.kind == frame.ERROR:
            failure = message.failure_of(it)
            self.assertIsInstance(failure, Failure)
            self.assertEqual(message.failure_number(failure), it.number)
            return message.failure_bytes(failure)
        return it.payload
