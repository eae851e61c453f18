"""A host that breaks the rules is told which one, and the session is over."""

import random
import struct
import unittest
import zlib
from typing import Iterable

from linkspan_plugin import frame, message, msgpack

from .support import Process, Served, plugin, until


def hello():
    """The bytes of a request."""
    return b"".join(frame.encode(frame.REQUEST, frame.ENDS, 2, 1, 0, [message.head("t.hello", {})]))


def resummed(data):
    """The same bytes with a right sum of the header."""
    return data[:36] + data[36:-8] + struct.pack("<I", zlib.crc32(data[:36])) + data[-4:]


def with_field(place, value):
    """A request with other bytes at a place of its header."""
    data = hello()
    return resummed(data[:place] + value + data[place + len(value):])


# What comes behind the offer, and the code of the error.
WRONG = {
    "garbage": (b"GET / HTTP/1.1\r\n", "bad_frame"),
    "a huge length": (with_field(32, b"\xff\xff\xff\xff"), "too_large"),
    "one byte too much": (with_field(32, struct.pack("<I", (1 << 20) + 1)), "too_large"),
    "a wrong sum of the header": (hello()[:-8] + bytes(4) + hello()[-4:], "checksum"),
    "a wrong sum of the payload": (hello()[:-4] + bytes(4), "checksum"),
    "another version": (with_field(4, b"\x02"), "version"),
    "an unknown kind": (with_field(5, b"\x63"), "bad_frame"),
    "a reserved flag": (with_field(7, b"\x80"), "bad_frame"),
    "a flag of compression": (with_field(6, b"\x09"), "bad_frame"),
    "a number that is late": (with_field(8, b"\x03"), "out_of_order"),
    "a stream of the plugin's": (with_field(16, b"\x02"), "out_of_order"),
    "the connection as stream": (with_field(16, b"\x00"), "out_of_order"),
}


class Hostile(unittest.TestCase):
    def test_what_is_wrong_by_itself(self):
        for name, (data, code) in WRONG.items():
            with self.subTest(name):
                served = Served(plugin())
                with served as wire:
                    wire.send_bytes(data)
                    self.assertEqual(wire.end()["code"], code)
                self.assertEqual(served.join(), 76)

    def test_what_is_wrong_in_its_place(self):
        unpacked = message.head("x", {})
        cases = {
            "a second handshake": ([(frame.HANDSHAKE, 0, 0, 1)], "out_of_order"),
            "a chunk on a new stream": ([(frame.CHUNK, 0, 9, 0)], "out_of_order"),
            "an answer unasked": ([(frame.RESPONSE, 8, 2, 0)], "out_of_order"),
            "an answer to an own request": ([(frame.RESPONSE, 8, 1, 0)], "out_of_order"),
            "an unknown status": ([(frame.RESPONSE, 8, 2, 7)], "bad_frame"),
            "a heartbeat of a stream": ([(frame.HEARTBEAT, 0, 1, 0)], "bad_frame"),
            "a heartbeat of another sort": ([(frame.HEARTBEAT, 0, 0, 2)], "bad_frame"),
            "credit with a payload": ([(frame.CREDIT, 0, 0, 1, b"x")], "bad_frame"),
            "credit beyond counting": ([(frame.CREDIT, 0, 0, 2**64 - 1)] * 2, "overflow"),
            "a flag that an event cannot have": ([(frame.EVENT, 8, 0, 0, unpacked)], "bad_frame"),
            "a name that is cut off": ([(frame.EVENT, 0, 0, 0, b"\xff\xffx")], "bad_frame"),
            "a name that is no text": ([(frame.EVENT, 0, 0, 0, b"\x01\0\xff")], "bad_frame"),
            "an error that says nothing": ([(frame.ERROR, 0, 0, 1, b"\xc0")], "bad_frame"),
            "metadata that is cut off": (
                [(frame.REQUEST, 40, 1, 0, unpacked + b"\xff\0\0\0\x80")], "bad_frame",
            ),
            "metadata that is no map": (
                [(frame.REQUEST, 40, 1, 0, unpacked + b"\1\0\0\0\xc0")], "bad_frame",
            ),
            "metadata that nests without end": (
                [(frame.REQUEST, 40, 1, 0, unpacked + struct.pack("<I", 9000) + b"\x91" * 9000)],
                "bad_frame",
            ),
            "a stream twice": ([(frame.REQUEST, 8, 1, 0, unpacked)] * 2, "out_of_order"),
        }
        for name, (frames, code) in cases.items():
            with self.subTest(name):
                served = Served(plugin())
                with served as wire:
                    for kind, flags, stream, number, *payload in frames:
                        wire.send(kind, flags, stream, number, *payload)
                    self.assertEqual(wire.end()["code"], code)
                self.assertEqual(served.join(), 76)

    def test_data_after_the_end_of_its_direction_or_out_of_place(self):
        it = plugin()
        it.method(lambda cx: cx.wait(30), name="wait")
        for flags, number in ((frame.ENDS, 0), (0, 1)):
            with Served(it) as wire:
                stream = wire.ask("t.wait", flags=flags)
                wire.chunk(stream, number, b"more")
                self.assertEqual(wire.end()["code"], "out_of_order")

    def test_more_than_the_credit(self):
        it = plugin()

        @it.method
        def read(cx, blocks: Iterable[bytes]) -> None:
            cx.wait(30)

        with Served(it) as wire:
            stream = wire.ask("t.read", flags=0)
            left = (1 << 20) - len(message.head("t.read", {}))
            for number in range(16):
                wire.chunk(stream, number, bytes(min(left, 65_536)))
                left -= 65_536
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            wire.chunk(stream, 16, b"x")
            self.assertEqual(wire.end()["code"], "overflow")

    def test_more_streams_than_were_told(self):
        it = plugin()
        it.method(lambda cx: cx.wait(30), name="wait")
        with Served(it) as wire:
            for _ in range(1025):
                wire.ask("t.wait")
            self.assertEqual(wire.end()["code"], "overflow")

    def test_openings_that_are_none(self):
        offer = {"versions": [1, 1], "nonce": bytes(32)}
        cases = [
            (frame.HANDSHAKE, 1, msgpack.pack({**offer, "versions": [2, 3]}), "version"),
            (frame.HANDSHAKE, 1, msgpack.pack({**offer, "versions": "1"}), "bad_frame"),
            (frame.HANDSHAKE, 1, msgpack.pack({"versions": [1, 1]}), "bad_frame"),
            (frame.HANDSHAKE, 1, msgpack.pack([]), "bad_frame"),
            (frame.HANDSHAKE, 1, b"\xc1", "bad_frame"),
            (frame.HANDSHAKE, 2, msgpack.pack(offer), "out_of_order"),
            (frame.REQUEST, 0, message.head("x", {}), "out_of_order"),
            (frame.HANDSHAKE, 1, bytes(16_385), "too_large"),
            (frame.HANDSHAKE, 1, msgpack.pack({**offer, "limits": {"max_streams": 0}}), "overflow"),
        ]
        for kind, number, payload, code in cases:
            served = Served(plugin(), open=False)
            with served as wire:
                wire.send(kind, 0, 0, number, payload)
                failure = wire.end()
                self.assertEqual(failure["code"], code)
                if code == "version":
                    self.assertIn("speaks 2 to 3, the server 1 to 1; upgrade the server", str(failure))
            self.assertEqual(served.join(), 76)

    def test_offers_of_hosts_of_an_afternoon_and_of_later(self):
        it = plugin()
        served = Served(it, open=False)
        with served as wire:
            wire.send(frame.HANDSHAKE, 0, 0, 1, msgpack.pack({"versions": [0, 7], "nonce": bytes(32)}))
            choice = msgpack.unpack(wire.next().payload)
            self.assertEqual((choice["version"], choice["features"], choice["codecs"]), (1, [], []))
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            # Kinds from 128 on mean nothing to this version.
            wire.send(200, 0, 77, 5, b"anything")
            self.assertIsNone(wire.call("linkspan.plugin.live"))
        self.assertEqual(served.join(), 0)

    def test_frames_of_closed_streams_mean_nothing_and_cost_nothing(self):
        it = plugin()
        it.method(lambda cx: cx.wait(30), name="wait")
        with Served(it) as wire:
            for _ in range(200):
                stream = wire.ask("t.wait", flags=0)
                wire.send(frame.CANCEL, 0, stream, 99)
                wire.chunk(stream, 0, bytes(60_000))
                wire.send(frame.CREDIT, 0, stream, 5)
                wire.send(frame.END, 0, stream, 0)
                wire.send(frame.ERROR, 0, stream, 99, msgpack.pack({"code": "late"}))
            self.assertIsNone(wire.call("linkspan.plugin.live"))

    def test_changed_frames_are_refused_or_harmless(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        for _ in range(60):
            served = Served(plugin())
            with self.subTest(f"seed {seed}"), served as wire:
                data = bytearray(hello() * 3)
                for _ in range(source.randrange(1, 5)):
                    data[source.randrange(len(data))] = source.randrange(256)
                wire.send_bytes(bytes(data))
                wire.sock.shutdown(1)
                wire.reader.drain(30)
            self.assertIn(served.join(), (0, 76))
            self.assertIs(served.plugin._session.is_open, False)

    def test_a_process_ends_after_garbage_even_with_a_handler_that_spins(self):
        with Process() as it:
            it.wire.open()
            it.wire.ask("program.spin")
            self.assertEqual(it.child.stdout.readline(), "spinning\n")
            it.wire.send_bytes(b"garbage that is no frame")
            self.assertEqual(it.wire.end()["code"], "bad_frame")
            code, _, err = it.finish()
            self.assertEqual(code, 76)
            self.assertIn("do not begin a frame", err)
            until("it is gone", lambda: it.child.poll() is not None)
