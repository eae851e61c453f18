"""Deadlines, heartbeats and goodbyes."""

import threading
import time
import unittest
from typing import Iterable

from linkspan_plugin import Context, DeadlineExceeded, Plugin, frame, msgpack

from .support import Served, plugin, until


class Time(unittest.TestCase):
    def test_a_handler_learns_that_its_time_is_up(self):
        it = plugin()
        found, done = [], threading.Event()

        @it.method
        def slow(cx: Context) -> None:
            found.append(cx.remaining)
            found.append(cx.wait(30))
            try:
                cx.check()
            except DeadlineExceeded:
                found.append("late")
            done.set()

        with Served(it) as wire:
            stream = wire.ask("t.slow", deadline=50_000)
            failure = wire.next()
            self.assertEqual((failure.stream, failure.number), (stream, 8))
            self.assertEqual(msgpack.unpack(failure.payload)["code"], "deadline_exceeded")
            self.assertTrue(done.wait(30))
            self.assertLessEqual(found[0], 0.05)
            self.assertEqual(found[1:], [True, "late"])
            # What the handler says later is nobody's.
            self.assertIsNone(wire.call("linkspan.plugin.live"))

    def test_times_far_away_are_none_and_an_earlier_one_counts(self):
        it = plugin()
        it.method(lambda cx: cx.wait(30), name="wait")
        with Served(it) as wire:
            far = wire.ask("t.wait", deadline=2**64 - 1)
            near = wire.ask("t.wait", deadline=20_000)
            self.assertEqual(wire.next().stream, near)
            wire.send(frame.CANCEL, 0, far, frame.DROPPED)
            self.assertIsNone(wire.call("linkspan.plugin.live"))

    def test_liveness_does_not_wait_for_busy_handlers(self):
        it = Plugin("t", threads=2)
        go_on = threading.Event()
        it.method(lambda: go_on.wait(30), name="busy")
        with Served(it) as wire:
            busy = [wire.ask("t.busy") for _ in range(5)]
            wire.send(frame.HEARTBEAT, 0, 0, 0)
            beat = wire.next()
            self.assertEqual((beat.kind, beat.number), (frame.HEARTBEAT, 1))
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            self.assertEqual(wire.outcome("t.nothing")[0], "method_not_found")
            go_on.set()
            self.assertEqual({wire.next().stream for _ in busy}, set(busy))

    def test_a_goodbye_lets_finish_what_is_under_way(self):
        it = plugin()
        go_on = threading.Event()

        @it.stream
        def numbers() -> Iterable[int]:
            yield 1
            go_on.wait(30)
            yield 2

        served = Served(it)
        with served as wire:
            stream = wire.ask("t.numbers")
            self.assertEqual([wire.next().kind for _ in range(2)], [frame.RESPONSE, frame.CHUNK])
            wire.send(frame.GOODBYE, 0, 0, stream, b"bye")
            go_on.set()
            self.assertEqual([wire.next().kind for _ in range(2)], [frame.CHUNK, frame.END])
            self.assertTrue(wire.is_at_end())
        self.assertEqual(served.join(), 0)

    def test_its_own_goodbye_takes_nothing_new_and_cuts_off_in_the_end(self):
        it = plugin()
        it.method(lambda cx: cx.wait(30), name="wait")
        served = Served(it)
        with served as wire:
            stream = wire.ask("t.wait")
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            began = time.monotonic()
            it.stop("enough", patience=0.2)
            goodbye = wire.next()
            self.assertEqual((goodbye.kind, goodbye.number), (frame.GOODBYE, stream + 2))
            self.assertEqual(goodbye.payload, b"enough")
            wire.ask("linkspan.plugin.live")
            failure = wire.next()
            self.assertEqual(failure.stream, stream)
            self.assertEqual(msgpack.unpack(failure.payload)["code"], "cut_off")
            self.assertGreaterEqual(time.monotonic() - began, 0.2)
            self.assertTrue(wire.is_at_end())
        self.assertEqual(served.join(), 0)

    def test_a_host_that_reads_nothing_for_long_is_waited_for(self):
        it = plugin()

        @it.stream
        def blocks() -> Iterable[bytes]:
            for _ in range(40):
                yield bytes(65_536)

        with Served(it) as wire:
            stream = wire.ask("t.blocks")
            wire.send(frame.CREDIT, 0, stream, 1 << 30)
            until("the socket is full", lambda: it._session.outbox._stuck or written_stands(it))
            # Who reads goes on while others wait to write.
            wire.send(frame.HEARTBEAT, 0, 0, 0)
            until("the heartbeat was read", lambda: it._session.reader.last_id == 4)
            answer, count, has_beat = wire.next(), 0, False
            self.assertEqual(answer.kind, frame.RESPONSE)
            while True:
                received = wire.next()
                has_beat |= received.kind == frame.HEARTBEAT
                count += received.kind == frame.CHUNK and not received.flags & frame.CONTINUED
                if received.kind == frame.END:
                    break
            self.assertEqual((count, has_beat), (40, True))


def written_stands(it):
    """Whether data waits to be written and none is."""
    outbox = it._session.outbox
    before = outbox.written
    time.sleep(0.05)
    return outbox.pending > 0 and outbox.written == before
