"""MessagePack: what is written is read, in the shortest form, and nothing else is read."""

import random
import struct
import unittest

from linkspan_plugin.msgpack import PackError, UnpackError, pack, unpack

SHORTEST = [
    (None, "c0"), (False, "c2"), (True, "c3"),
    (0, "00"), (127, "7f"), (128, "cc80"), (255, "ccff"), (256, "cd0100"), (65535, "cdffff"),
    (65536, "ce00010000"), (2**32 - 1, "ceffffffff"), (2**32, "cf0000000100000000"),
    (2**64 - 1, "cfffffffffffffffff"),
    (-1, "ff"), (-32, "e0"), (-33, "d0df"), (-128, "d080"), (-129, "d1ff7f"), (-32768, "d18000"),
    (-32769, "d2ffff7fff"), (-(2**31), "d280000000"), (-(2**31) - 1, "d3ffffffff7fffffff"),
    (-(2**63), "d38000000000000000"),
    (1.5, "cb3ff8000000000000"),
    ("", "a0"), ("a", "a161"), ("é", "a2c3a9"), ("x" * 32, "d920" + "78" * 32),
    (b"", "c400"), (b"\x01", "c40101"),
    ([], "90"), ([1, [2]], "92019102"), ({}, "80"), ({"a": 1, 2: None}, "82a1610102c0"),
]


class Msgpack(unittest.TestCase):
    def test_values_have_their_shortest_form(self):
        for value, expected in SHORTEST:
            self.assertEqual(pack(value).hex(), expected, repr(value)[:40])
            self.assertEqual(unpack(bytes.fromhex(expected)), value)

    def test_long_values_have_long_lengths(self):
        for length in (31, 32, 255, 256, 65_535, 65_536):
            values = ["x" * length, b"x" * length, [None] * length]
            for value in [*values, dict.fromkeys(range(length), True)]:
                self.assertEqual(unpack(pack(value)), value)

    def test_longer_forms_and_short_floats_are_read(self):
        self.assertEqual(unpack(bytes.fromhex("d90161")), "a")
        self.assertEqual(unpack(bytes.fromhex("cf0000000000000007")), 7)
        self.assertEqual(unpack(bytes.fromhex("dd00000001c3")), [True])
        self.assertEqual(unpack(b"\xca" + struct.pack(">f", 0.5)), 0.5)

    def test_random_values_come_back(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        for _ in range(500):
            value = any_value(source, 4)
            self.assertEqual(unpack(pack(value)), value, f"seed {seed}")

    def test_of_doubled_keys_the_first_counts(self):
        self.assertEqual(unpack(bytes.fromhex("82a16101a16102")), {"a": 1})

    def test_what_is_no_value_is_refused(self):
        for data in (
            "", "c1", "a261", "92 01", "81 a161", "dd ffffffff", "df ffffffff", "db ffffffff 61",
            "c6 7fffffff", "c0c0", "a1ff", "c7 00 01", "d4 01 00", "81 90 c0", "cb 00", "d9",
        ):
            with self.assertRaises(UnpackError, msg=data):
                unpack(bytes.fromhex(data))
        for depth in (64, 100_000):
            with self.assertRaises(UnpackError):
                unpack(b"\x91" * depth + b"\xc0")

    def test_random_bytes_never_do_more_than_fail(self):
        seed = random.randrange(2**32)
        source = random.Random(seed)
        for _ in range(5000):
            data = source.randbytes(source.randrange(1, 40))
            try:
                value = unpack(data)
            except UnpackError:
                continue
            except Exception as error:
                raise AssertionError(f"seed {seed}: {data.hex()}") from error
            # What was read is as it was written; of numbers that are none that cannot be asked.
            self.assertEqual(repr(unpack(pack(value))), repr(value), f"seed {seed}")

    def test_what_cannot_be_written_is_refused(self):
        endless = []
        endless.append(endless)
        for value in (2**64, -(2**63) - 1, object(), "\ud800", endless, 1j):
            with self.assertRaises(PackError):
                pack(value)


def any_value(source, depth):
    """A random value."""
    kind = source.randrange(9 if depth else 6)
    count = source.choice((0, 1, 3, 40))
    if kind == 0:
        return source.choice((None, True, False))
    if kind == 1:
        return source.randrange(-(2 ** source.randrange(64)), 2 ** source.randrange(1, 65))
    if kind == 2:
        return source.uniform(-1e300, 1e300)
    if kind in (3, 4):
        return "".join(chr(source.choice((65, 233, 0x20AC, 0x1F600))) for _ in range(count))
    if kind == 5:
        return source.randbytes(count)
    if kind == 6:
        return {str(place): any_value(source, depth - 1) for place in range(count)}
    return [any_value(source, depth - 1) for _ in range(count)]
