"""Calls back into the host, events both ways, and logs."""

import gc
import logging
import threading
import unittest

from linkspan_plugin import (
    Cancelled, Context, DeadlineExceeded, HostMethodError, NotAccepted, OutcomeUnknown,
    frame, message, msgpack,
)
from linkspan_plugin.topic import matches

from .support import Served, plugin, until


def answer(wire, stream, value, status=0):
    """Answers a request of the plugin's."""
    wire.send(frame.RESPONSE, frame.ENDS, stream, status, msgpack.pack(value))


class Host(unittest.TestCase):
    def test_a_handler_calls_the_host(self):
        it = plugin()

        @it.method
        def twice(cx: Context) -> list:
            one = cx.host.call("clock.now", {"zone": "utc"})
            try:
                cx.host.call("clock.set")
            except HostMethodError as error:
                return [one, error.value]

        with Served(it) as wire:
            stream = wire.ask("t.twice", b"", traceparent="00-1-2-01", caller="ada")
            asked = wire.next()
            request = message.named(asked)
            self.assertEqual((asked.stream, request.name), (2, "clock.now"))
            self.assertEqual(request.metadata, {"traceparent": "00-1-2-01"})
            self.assertEqual(msgpack.unpack(request.body), {"zone": "utc"})
            self.assertEqual(asked.flags & frame.ENDS, frame.ENDS)
            answer(wire, 2, 42)
            self.assertEqual(wire.next().stream, 4)
            answer(wire, 4, "Forbidden", status=1)
            found = wire.next()
            self.assertEqual((found.stream, msgpack.unpack(found.payload)), (stream, [42, "Forbidden"]))

    def test_failures_of_the_host_become_the_callers(self):
        it = plugin()
        it.method(lambda cx: cx.host.call("a.b"), name="ask")
        cases = [
            (4, {"code": "refused", "message": "full"}, "unavailable"),
            (7, {"code": "busy", "message": "later"}, "busy"),
            (0, {"code": "new", "message": "?"}, "new"),
        ]
        with Served(it) as wire:
            for number, failure, expected in cases:
                wire.ask("t.ask")
                stream = wire.next().stream
                wire.send(frame.ERROR, 0, stream, number, msgpack.pack(failure))
                self.assertEqual(msgpack.unpack(wire.next().payload)["code"], expected)
            wire.ask("t.ask")
            answer(wire, wire.next().stream, "no", status=1)
            self.assertEqual(msgpack.unpack(wire.next().payload)["code"], "application")

    def test_items_go_to_the_host_and_come_from_it(self):
        it = plugin()

        @it.method
        def gather(cx: Context) -> list:
            total = cx.host.call("host.sum", items=[1, 2, 3])
            words = cx.host.stream("host.words", items=iter(["a"]))
            return [total, *words]

        with Served(it) as wire:
            wire.ask("t.gather")
            self.assertEqual(wire.next().flags & frame.ENDS, 0)
            self.assertEqual([wire.next().payload for _ in range(3)], [b"\x01", b"\x02", b"\x03"])
            self.assertEqual(wire.next().kind, frame.END)
            answer(wire, 2, 6)
            self.assertEqual([wire.next().kind for _ in range(3)], [
                frame.REQUEST, frame.CHUNK, frame.END,
            ])
            wire.send(frame.RESPONSE, 0, 4, 0)
            wire.chunk(4, 0, b"\xa1", frame.CONTINUED)
            wire.chunk(4, 1, b"x")
            wire.chunk(4, 2, b"\xa1y", frame.ENDS)
            self.assertEqual(msgpack.unpack(wire.next().payload), [6, "x", "y"])

    def test_a_stream_of_the_host_that_fails_or_is_dropped(self):
        it = plugin()

        @it.method
        def read(cx: Context) -> list:
            items = []
            try:
                for item in cx.host.stream("host.words"):
                    items.append(item)
                    if item == "stop":
                        break
            except HostMethodError as error:
                items.append(error.value)
            return items

        with Served(it) as wire:
            wire.ask("t.read")
            stream = wire.next().stream
            wire.send(frame.RESPONSE, 0, stream, 0)
            wire.chunk(stream, 0, b"\xa1a")
            # An item that the error interrupts is dropped.
            wire.chunk(stream, 1, b"\xa1", frame.CONTINUED)
            answer(wire, stream, "broken", status=1)
            self.assertEqual(msgpack.unpack(wire.next().payload), ["a", "broken"])
            wire.ask("t.read")
            stream = wire.next().stream
            wire.send(frame.RESPONSE, 0, stream, 0)
            wire.chunk(stream, 0, msgpack.pack("stop"))
            found = {it.kind: it for it in (wire.next(), wire.next())}
            self.assertEqual(found[frame.CANCEL].stream, stream)
            gc.collect()
            self.assertEqual(list(it._session.streams), [])

    def test_cancel_reaches_what_the_handler_waits_for(self):
        it = plugin()
        raised = []
        done = threading.Event()

        @it.method
        def ask(cx: Context) -> None:
            try:
                cx.host.call("host.slow")
            except Cancelled as error:
                raised.append(error)
                done.set()
                raise

        with Served(it) as wire:
            stream = wire.ask("t.ask")
            nested = wire.next().stream
            wire.send(frame.CANCEL, 0, stream, frame.DROPPED)
            cancel = wire.next()
            self.assertEqual((cancel.kind, cancel.stream), (frame.CANCEL, nested))
            self.assertTrue(done.wait(30))

    def test_deadlines_go_on_to_the_host(self):
        it = plugin()
        it.method(lambda cx: cx.host.call("host.slow", timeout=60), name="ask")
        with Served(it) as wire:
            wire.ask("t.ask", deadline=20_000_000)
            left = wire.next().number
            self.assertTrue(0 < left <= 20_000_000, left)

        short = plugin()

        @short.method
        def ask(cx: Context) -> str:
            try:
                cx.host.call("host.slow", timeout=0.02)
            except DeadlineExceeded:
                return "late"

        with Served(short) as wire:
            wire.ask("t.ask")
            nested = wire.next().stream
            cancel = wire.next()
            self.assertEqual((cancel.stream, cancel.number), (nested, frame.TOO_LATE))
            self.assertEqual(msgpack.unpack(wire.next().payload), "late")

    def test_what_became_of_calls_is_known_at_the_end(self):
        it = plugin()
        failed = []
        done = threading.Event()

        @it.method
        def ask(cx: Context) -> None:
            host = it.host
            try:
                host.call("host.slow")
            except (OutcomeUnknown, NotAccepted) as error:
                failed.append(type(error))
            try:
                host.call("host.slow")
            except NotAccepted as error:
                failed.append(type(error))
            done.set()

        for goodbye, expected in ((True, NotAccepted), (False, OutcomeUnknown)):
            failed.clear()
            done.clear()
            served = Served(it)
            with served as wire:
                wire.ask("t.ask")
                wire.next()
                if goodbye:
                    wire.send(frame.GOODBYE, 0, 0, 0, b"bye")
                    self.assertTrue(done.wait(30))
            self.assertTrue(done.wait(30))
            self.assertEqual(failed, [expected, NotAccepted])

    def test_no_more_streams_than_the_host_takes(self):
        it = plugin()

        @it.method
        def ask(cx: Context) -> str:
            return cx.host.call("host.slow")

        with Served(it, limits={"max_streams": 2}) as wire:
            callers = [wire.ask("t.ask") for _ in range(3)]
            first, second = wire.next(), wire.next()
            self.assertIsNone(wire.call("linkspan.plugin.live"))
            answer(wire, first.stream, "a")
            kinds = {wire.next().kind for _ in range(2)}
            self.assertEqual(kinds, {frame.RESPONSE, frame.REQUEST})
            answer(wire, second.stream, "b")
            self.assertIn(wire.next().stream, callers)


class Events(unittest.TestCase):
    def test_events_come_in_order_to_those_who_listen(self):
        it = plugin()
        heard, done = [], threading.Event()

        @it.on_event("house/+")
        def room(topic, body):
            heard.append((topic, body))
            if body == 99:
                raise ValueError("a listener that fails hinders nobody")

        @it.on_event("#")
        def all_of_them(topic, body, cx):
            if topic == "end":
                heard.append(cx.metadata["note"])
                done.set()

        with Served(it) as wire, self.assertLogs("linkspan_plugin", "ERROR"):
            for number in range(100):
                wire.send(frame.EVENT, 0, 0, 1, message.head("house/hall", {}), msgpack.pack(number))
            wire.send(frame.EVENT, 0, 0, 1, message.head("house/hall/x", {}), b"\xc0")
            head = message.head("end", {"note": "n"})
            wire.send(frame.EVENT, frame.METADATA, 0, 1, head, b"")
            self.assertTrue(done.wait(30))
        self.assertEqual(heard, [("house/hall", number) for number in range(100)] + ["n"])

    def test_credit_of_events_goes_back_when_they_were_handled(self):
        it = plugin()
        go_on = threading.Event()
        it.on_event("slow")(lambda topic, body: go_on.wait(30))
        with Served(it) as wire:
            body = msgpack.pack(bytes(500_000))
            for topic, expected in (("nobody", True), ("slow", False)):
                for _ in range(5):
                    wire.send(frame.EVENT, 0, 0, 1, message.head(topic, {}), body)
                wire.send(frame.HEARTBEAT, 0, 0, 0)
                kinds = [wire.next(but=()).kind]
                while kinds[-1] != frame.HEARTBEAT:
                    kinds.append(wire.next(but=()).kind)
                self.assertEqual(frame.CREDIT in kinds, expected, topic)
            go_on.set()
            self.assertEqual(wire.next(but=()).kind, frame.CREDIT)

    def test_events_go_out_while_the_host_has_room(self):
        it = plugin()

        @it.method
        def tell(count: int, cx: Context) -> str:
            for number in range(count):
                cx.host.publish("t/said", {"number": number, "fill": bytes(100_000)})
            try:
                cx.host.publish("linkspan.log", "forged")
            except ValueError as error:
                return str(error)

        with Served(it) as wire:
            stream = wire.ask("t.tell", msgpack.pack([100]))
            numbers = []
            while True:
                received = wire.next()
                if received.stream == stream:
                    break
                event = message.named(received)
                self.assertEqual((received.kind, event.name), (frame.EVENT, "t/said"))
                self.assertGreater(received.number, 1_600_000_000_000_000)
                numbers.append(msgpack.unpack(event.body)["number"])
                wire.send(frame.CREDIT, 0, 0, len(received.payload))
            self.assertEqual(numbers, list(range(100)))
            self.assertIn("Linkspan's own", msgpack.unpack(received.payload))

    def test_masks_have_the_topics_of_the_specification(self):
        topics = ["a", "a/", "a/b", "a/b/c", "/a", "a//b", "b", ""]
        table = {
            "#": "11111111", "a/#": "01110100", "a/+": "01100000", "+": "10000011",
            "+/+": "01101000", "a/+/c": "00010000", "a/#/c": "01110100", "+/#": "01111100",
            "/#": "00001000", "+/": "01000000", "a": "10000000", "": "00000001",
        }
        for mask, row in table.items():
            found = "".join(str(int(matches(mask, topic))) for topic in topics)
            self.assertEqual(found, row, mask)


class Logs(unittest.TestCase):
    def test_records_go_to_the_host_with_their_fields(self):
        it = plugin()
        log = logging.getLogger("t.work")

        @it.method
        def work() -> None:
            try:
                raise KeyError("k")
            except KeyError:
                log.exception("went %s", "wrong", extra={"count": 3, "of": (1, 2)})

        with Served(it) as wire:
            stream = wire.ask("t.work")
            received = wire.next()
            event = message.named(received)
            self.assertEqual((received.stream, event.name), (0, "linkspan.log"))
            record = msgpack.unpack(event.body)
            trace = record["fields"].pop("exception")
            self.assertIn("KeyError: 'k'", trace)
            self.assertEqual(record, {
                "level": "error", "target": "t.work", "message": "went wrong", "stream": stream,
                "fields": {"count": 3, "of": "(1, 2)"},
            })

    def test_logging_never_waits_and_says_what_was_dropped(self):
        it = plugin()
        log = logging.getLogger("t.flood")

        @it.method
        def flood() -> None:
            for _ in range(2000):
                log.error("x" * 10_000)

        limits = {"max_frame_bytes": 65_536, "connection_credit": 400_000}
        with Served(it, limits=limits) as wire:
            stream = wire.ask("t.flood")
            logged = 0
            while True:
                received = wire.next()
                if received.stream == stream:
                    break
                logged += 1
            self.assertTrue(0 < logged < 40, logged)
            wire.send(frame.CREDIT, 0, 0, 300_000)
            until("the credit is there", lambda: it._session.credit > 200_000)
            log.error("once more")
            record = msgpack.unpack(message.named(wire.next()).body)
            self.assertEqual((record["message"], record["dropped"]), ("once more", 2000 - logged))
