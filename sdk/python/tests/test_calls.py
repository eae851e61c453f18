"""Calls: parameters, results, errors, and what every plugin answers."""

import dataclasses
import enum
import json
import unittest
from typing import Dict, List, Optional

from linkspan_plugin import Failure, InvalidParameters, MethodError, frame, message, msgpack

from .support import Served, plugin


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Colour(enum.Enum):
    RED = "red"


class NotFound(Exception):
    def __init__(self, name):
        super().__init__(name)


class Denied(Exception):
    def __init__(self, who, why):
        super().__init__()
        self.who, self.why, self._private = who, why, 1


class Calls(unittest.TestCase):
    def test_arguments_come_by_name_by_place_and_alone(self):
        it = plugin()

        @it.method
        def pair(one: int, two: int = 2) -> List[int]:
            return [one, two]

        @it.method
        def double(value: int) -> int:
            return 2 * value

        @it.method
        def nothing() -> None:
            pass

        @it.method
        def everything(**fields) -> dict:
            return fields

        with Served(it) as wire:
            self.assertEqual(wire.call("t.pair", {"one": 1}), [1, 2])
            self.assertEqual(wire.call("t.pair", {"two": 5, "one": 1, "new": 0}), [1, 5])
            self.assertEqual(wire.call("t.pair", [3, 4]), [3, 4])
            self.assertEqual(wire.call("t.double", 21), 42)
            for none in (None, {}, []):
                self.assertIsNone(wire.call("t.nothing", none))
            self.assertEqual(wire.call("t.everything", {"a": 1}), {"a": 1})
            stream = wire.ask("t.nothing")
            self.assertEqual((wire.next().stream, stream), (stream, stream))

    def test_arguments_that_do_not_fit_are_named(self):
        it = plugin()

        @it.method
        def far(point: Point, names: List[str], sizes: Dict[str, int]) -> None:
            pass

        right = {"point": {"x": 1}, "names": [], "sizes": {}}
        wrong = [
            ({"names": [], "sizes": {}}, "parameter point: missing"),
            ({**right, "point": 1}, "parameter point: expected a map, found int"),
            ({**right, "point": {"x": "a"}}, "parameter point.x: expected float, found str"),
            ({**right, "point": {"y": 1}}, "missing 1 required positional argument: 'x'"),
            ({**right, "names": ["a", 2]}, "parameter names[1]: expected str, found int"),
            ({**right, "sizes": {"k": True}}, "parameter sizes.k: expected int, found bool"),
            ([1, 2, 3, 4], "4 are given, 3 are taken"),
            (7, "neither a map nor an array"),
        ]
        with Served(it) as wire:
            self.assertIsNone(wire.call("t.far", right))
            for value, expected in wrong:
                code, failure = wire.outcome("t.far", value)
                self.assertEqual((code, failure["category"]), ("invalid_parameters", "request"))
                self.assertIn(expected, failure["message"])
            wire.ask("t.far", b"\xc1")
            self.assertEqual(msgpack.unpack(wire.next().payload)["code"], "invalid_parameters")

    def test_values_become_what_is_declared_and_back(self):
        it = plugin()

        @it.method
        def move(point: Point, by: Optional[Point] = None) -> Point:
            assert isinstance(point, Point)
            return point if by is None else Point(point.x + by.x, point.y + by.y)

        @it.method
        def total(numbers: List[int]) -> int:
            return sum(numbers)

        @it.method
        def colours(data: bytes) -> dict:
            assert data == b"\x01\x02"
            return {"colour": Colour.RED, "set": {1}, "bytes": data}

        with Served(it) as wire:
            moved = wire.call("t.move", {"point": {"x": 1, "new": 2}, "by": {"x": 2.5}})
            self.assertEqual(moved, {"x": 3.5, "y": 0.0})
            self.assertEqual(wire.call("t.move", {"point": {"x": 1}, "by": None})["x"], 1.0)
            self.assertEqual(wire.call("t.total", [1, 2, 3]), 6)
            for data in (b"\x01\x02", [1, 2]):
                colours = wire.call("t.colours", {"data": data})
                self.assertEqual(colours, {"colour": "red", "set": [1], "bytes": b"\x01\x02"})

    def test_answers_are_encoded_as_the_question_was(self):
        it = plugin()

        @it.method
        def same(value):
            return value

        with Served(it) as wire:
            for codec, body in (("json", b'{"value":["\xc3\xa9",1.5,null]}'), ("raw", b"\x00\xff")):
                wire.ask("t.same", body, content_type=codec)
                answer = message.unnamed(wire.next())
                self.assertEqual(answer.metadata, {"content-type": codec})
                value = json.loads(body)["value"] if codec == "json" else None
                found = json.loads(answer.body) if codec == "json" else answer.body
                self.assertEqual(found, value if codec == "json" else body)
            wire.ask("t.same", b"", content_type="protobuf")
            self.assertEqual(msgpack.unpack(wire.next().payload)["code"], "unsupported_codec")

    def test_errors_are_the_methods_own_or_failures(self):
        it = plugin()
        errors = {
            "unit": MethodError("TooHigh"),
            "name": NotFound("ada"),
            "fields": Denied("ada", "late"),
            "failure": Failure("later", category="limit", code="busy", retry_after=0.25, retryable=True),
            "shape": InvalidParameters("parameter which: unknown"),
            "unexpected": KeyError("secret"),
        }

        @it.method(errors=[NotFound, Denied])
        def fail(which: str) -> None:
            raise errors[which]

        @it.method
        def odd() -> object:
            return object()

        @it.method
        def leave() -> None:
            raise SystemExit(3)

        with Served(it) as wire, self.assertLogs("linkspan_plugin", "ERROR") as logs:
            self.assertEqual(wire.outcome("t.fail", ["unit"]), (1, "TooHigh"))
            self.assertEqual(wire.outcome("t.fail", ["name"]), (1, {"NotFound": "ada"}))
            denied = {"Denied": {"who": "ada", "why": "late"}}
            self.assertEqual(wire.outcome("t.fail", ["fields"]), (1, denied))
            code, failure = wire.outcome("t.fail", ["failure"])
            self.assertEqual((code, failure["retry_after_ms"]), ("busy", 250))
            self.assertTrue(failure["retryable"])
            self.assertEqual(wire.outcome("t.fail", ["shape"])[0], "invalid_parameters")
            code, failure = wire.outcome("t.fail", ["unexpected"])
            self.assertEqual((code, failure["category"]), ("panicked", "handler"))
            self.assertIn("KeyError", failure["message"])
            self.assertNotIn("secret", str(failure))
            self.assertEqual(wire.outcome("t.odd")[0], "internal")
            self.assertEqual(wire.outcome("t.leave")[0], "panicked")
        self.assertIn("secret", "".join(logs.output))

    def test_an_unknown_method_names_those_that_are_like_it(self):
        it = plugin()
        it.method(lambda: None, name="greet")
        with Served(it) as wire:
            code, failure = wire.outcome("t.great")
            self.assertEqual(code, "method_not_found")
            self.assertIn("t.greet", failure["message"])
            self.assertEqual(wire.outcome("x" * 60_000)[0], "method_not_found")

    def test_every_plugin_says_what_it_is(self):
        it = plugin()

        @it.method(errors=[NotFound], idempotent=True, deadline=1.5)
        def find(name: str, limit: Optional[int] = None) -> List[Point]:
            """Finds points."""
            return []

        it.on_event("a/#")(lambda topic, body: None)
        with Served(it) as wire:
            described = wire.call("linkspan.plugin.describe")
            self.assertEqual((described["name"], described["version"]), ("t", "1.2"))
            self.assertEqual(described["sdk"]["language"], "python")
            self.assertEqual((described["protocol"], described["events"]), ([1, 1], ["a/#"]))
            self.assertEqual(described["methods"], wire.call("linkspan.methods", "whatever"))
            self.assertEqual(described["methods"], [{
                "name": "t.find", "doc": "Finds points.", "shape": "unary",
                "parameters": [
                    {"name": "name", "type": "str"}, {"name": "limit", "type": "Optional[int]"},
                ],
                "result": described["methods"][0]["result"],
                "error": "NotFound", "idempotent": True, "deadline_ms": 1500,
            }])
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            self.assertEqual(wire.call("linkspan.plugin.ready"), {"ready": True, "reason": ""})
            it.set_ready(False, "full")
            self.assertEqual(wire.call("linkspan.plugin.ready"), {"ready": False, "reason": "full"})

    def test_names_of_linkspans_own_cannot_be_taken(self):
        it = plugin()
        with self.assertRaises(ValueError):
            it.method(lambda: None, name="linkspan.plugin.live")
        with self.assertRaises(TypeError):
            it.method(lambda *names: None, name="many")

    def test_long_bodies_come_in_pieces_both_ways(self):
        it = plugin()

        @it.method
        def twice(text: str) -> str:
            return 2 * text

        for features in (["continued"], []):
            with Served(it, features=features) as wire:
                body = msgpack.pack({"text": "ab" * 100_000})
                joined = frame.CONTINUED if features else 0
                stream = wire.ask("t.twice", body[:65_536], flags=joined)
                wire.chunk(stream, 0, body[65_536:65_537], joined)
                wire.chunk(stream, 1, body[65_537:], frame.ENDS)
                parts = [wire.next()]
                while not parts[-1].flags & frame.ENDS:
                    parts.append(wire.next())
                self.assertEqual([it.number for it in parts], [0, *range(len(parts) - 1)])
                self.assertEqual({it.flags for it in parts[:-1]}, {joined})
                longest = max(len(it.payload) for it in parts)
                self.assertLessEqual(longest, 65_536 if features else 1 << 19)
                whole = msgpack.unpack(b"".join(it.payload for it in parts))
                self.assertEqual(whole, "ab" * 200_000)

    def test_the_cost_is_told_to_those_who_ask(self):
        it = plugin()
        it.method(lambda: "x" * 100, name="costly")
        with Served(it) as wire:
            wire.ask("t.costly", b"", usage="yes")
            usage = message.unnamed(wire.next()).metadata["usage"]
            self.assertEqual(usage["out"], 102)
            self.assertGreaterEqual(usage["time_us"], 0)
            self.assertEqual(set(usage), {"time_us", "cpu_us", "in", "out"})
