"""Streams: items under credit, both ways, and how they end before their time."""

import gc
import threading
import tracemalloc
import unittest
from typing import Iterable

from linkspan_plugin import Context, MethodError, frame, msgpack

from .support import Served, plugin, until

MIB = 1 << 20


class Streams(unittest.TestCase):
    def test_items_arrive_in_order_and_whole(self):
        it = plugin()
        sizes = [3, 70_000, 0, 1, 200 * 1024]

        @it.stream
        def letters() -> Iterable[str]:
            for size in sizes:
                yield "x" * size

        for features in (["continued"], []):
            with Served(it, features=features) as wire:
                items = wire.read_items(wire.ask("t.letters"))
                self.assertEqual([len(msgpack.unpack(item)) for item in items], sizes)

    def test_a_stream_of_64_mib_waits_for_credit_and_keeps_nothing(self):
        it = plugin()
        gave = []

        @it.stream
        def blocks() -> Iterable[bytes]:
            for _ in range(1024):
                gave.append(None)
                yield bytes(65_536)

        with Served(it) as wire:
            stream = wire.ask("t.blocks")
            wire.next()
            window = 0
            while window < MIB:
                window += len(wire.next().payload)
            self.assertEqual(window, MIB, "the stream's credit, to the byte")
            self.assertLess(len(gave), 24, "it waits for credit")
            self.assertIsNone(wire.call("linkspan.plugin.live"), "others do not wait for it")
            tracemalloc.start()
            seen, total = MIB, 1024 * (65_536 + 5)
            wire.send(frame.CREDIT, 0, stream, MIB)
            wire.send(frame.CREDIT, 0, 0, MIB)
            while seen < total:
                received = wire.next()
                seen += len(received.payload)
                wire.send(frame.CREDIT, 0, 0, len(received.payload))
                wire.send(frame.CREDIT, 0, stream, len(received.payload))
            self.assertEqual(wire.next().kind, frame.END)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, 4 * MIB)

    def test_a_cancelled_stream_stops_its_generator(self):
        it = plugin()
        stopped, seen = threading.Event(), []

        @it.stream
        def endless(cx: Context) -> Iterable[int]:
            try:
                while True:
                    yield 1
            finally:
                seen.append(cx.cancelled)
                stopped.set()

        with Served(it) as wire:
            stream = wire.ask("t.endless")
            wire.next()
            wire.next()
            wire.send(frame.CANCEL, 0, stream, frame.DROPPED)
            self.assertTrue(stopped.wait(30))
            self.assertEqual(seen, [True])
            # What is sent before the cancel arrives costs credit that is never given back to it.
            self.assertIsNone(wire_call_behind(wire, "linkspan.plugin.live"))

    def test_items_are_read_as_they_come(self):
        it = plugin()

        @it.method
        def total(numbers: Iterable[int], start: int = 0) -> int:
            return start + sum(numbers)

        @it.stream
        def shout(words: Iterable[str]) -> Iterable[str]:
            for word in words:
                yield word.upper()

        with Served(it) as wire:
            stream = wire.ask("t.total", msgpack.pack({"start": 100}), flags=0)
            for number in range(4):
                wire.chunk(stream, number, msgpack.pack(number), frame.ENDS if number == 3 else 0)
            self.assertEqual(msgpack.unpack(wire.next().payload), 106)
            stream = wire.ask("t.shout", flags=0)
            wire.chunk(stream, 0, msgpack.pack("one"))
            self.assertEqual(wire.next().kind, frame.RESPONSE)
            self.assertEqual(msgpack.unpack(wire.next().payload), "ONE")
            wire.chunk(stream, 1, b"\xa3t", frame.CONTINUED)
            wire.chunk(stream, 2, b"wo")
            self.assertEqual(msgpack.unpack(wire.next().payload), "TWO")
            # A piece that its direction ends behind is no item.
            wire.chunk(stream, 3, b"\xa3t", frame.CONTINUED)
            wire.send(frame.END, 0, stream, 0)
            self.assertEqual(wire.next().kind, frame.END)

    def test_items_that_are_none_of_the_type_fail_the_call(self):
        it = plugin()

        @it.method
        def total(numbers: Iterable[int]) -> int:
            return sum(numbers)

        with Served(it) as wire:
            stream = wire.ask("t.total", flags=0)
            wire.chunk(stream, 0, msgpack.pack(1))
            wire.chunk(stream, 1, msgpack.pack("two"))
            failure = msgpack.unpack(wire.next().payload)
            self.assertEqual(failure["message"], "item 1: expected int, found str")

    def test_credit_goes_back_as_items_are_read(self):
        it = plugin()
        go_on = threading.Event()

        @it.method
        def slow(blocks: Iterable[bytes]) -> int:
            go_on.wait(30)
            return sum(map(len, blocks))

        with Served(it) as wire:
            stream = wire.ask("t.slow", flags=0)
            block = msgpack.pack(bytes(65_000))
            for number in range(MIB // len(block)):
                wire.chunk(stream, number, block)
            wire.send(frame.HEARTBEAT, 0, 0, 0)
            beat = wire.next(but=())
            self.assertEqual(beat.kind, frame.HEARTBEAT, "no credit for what nobody read")
            go_on.set()
            credit = 0
            while credit < 3 * MIB // 4:
                received = wire.next(but=())
                self.assertEqual(received.kind, frame.CREDIT)
                credit += received.number if received.stream == stream else 0
            wire.send(frame.END, 0, stream, 0)
            self.assertEqual(msgpack.unpack(wire.next().payload), 65_000 * (MIB // len(block)))

    def test_who_answers_before_the_end_has_the_caller_stop(self):
        it = plugin()

        @it.method
        def first(numbers: Iterable[int]) -> int:
            return next(iter(numbers))

        with Served(it) as wire:
            stream = wire.ask("t.first", flags=0)
            wire.chunk(stream, 0, msgpack.pack(5))
            self.assertEqual(msgpack.unpack(wire.next().payload), 5)
            cancel = wire.next()
            self.assertEqual((cancel.kind, cancel.number), (frame.CANCEL, frame.DONE))
            wire.chunk(stream, 1, msgpack.pack(6))
            wire.send(frame.END, 0, stream, 0)
            self.assertIsNone(wire.call("linkspan.plugin.live"))

    def test_a_stream_fails_before_and_after_its_first_item(self):
        it = plugin()

        @it.stream
        def fail(after: int) -> Iterable[int]:
            yield from range(after)
            raise MethodError("too high")

        with Served(it) as wire:
            self.assertEqual(wire.outcome("t.fail", [0]), (1, "too high"))
            wire.ask("t.fail", msgpack.pack([2]))
            found = [wire.next() for _ in range(4)]
            kinds = [(it.kind, it.number, it.flags) for it in found]
            self.assertEqual(kinds, [
                (frame.RESPONSE, 0, 0), (frame.CHUNK, 0, 0), (frame.CHUNK, 1, 0),
                (frame.RESPONSE, 1, frame.ENDS),
            ])

    def test_a_stream_can_begin_before_its_first_item(self):
        it = plugin()
        go_on = threading.Event()

        @it.stream
        def later(cx: Context) -> Iterable[int]:
            cx.begin()
            go_on.wait(30)
            yield 1

        with Served(it) as wire:
            stream = wire.ask("t.later")
            begun = wire.next()
            self.assertEqual((begun.kind, begun.stream), (frame.RESPONSE, stream))
            go_on.set()
            self.assertEqual(wire.next().kind, frame.CHUNK)
            self.assertEqual(wire.next().kind, frame.END)

    def test_progress_goes_to_the_caller_of_the_call(self):
        it = plugin()

        @it.method
        def work(cx: Context) -> None:
            cx.progress(1, 2, "half")

        with Served(it) as wire:
            stream = wire.ask("t.work")
            progress = wire.next()
            self.assertEqual((progress.kind, progress.stream), (frame.EVENT, stream))
            self.assertTrue(progress.payload.startswith(b"\x11\0linkspan.progress"))
            told = msgpack.unpack(progress.payload[19:])
            self.assertEqual(told, {"done": 1, "total": 2, "message": "half"})
            self.assertEqual(wire.next().kind, frame.RESPONSE)

    def test_nothing_is_kept_of_calls_that_are_over(self):
        it = plugin()
        it.method(lambda: None, name="nothing")

        @it.stream
        def numbers(upto: int) -> Iterable[int]:
            return range(upto)

        served = Served(it)
        with served as wire:
            for _ in range(50):
                wire.call("t.nothing")
                wire.read_items(wire.ask("t.numbers", msgpack.pack([3])))
            until("no stream is left", lambda: not it._session.streams)
            gc.collect()
            self.assertEqual(it._session.open_count, {False: 0, True: 0})


def wire_call_behind(wire, method):
    """Calls a method behind items of a stream that was cancelled."""
    stream = wire.ask(method)
    while True:
        received = wire.next()
        if received.stream == stream:
            return msgpack.unpack(received.payload)
