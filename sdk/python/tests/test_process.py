"""Plugins as processes: how they begin, what they print, and how they end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from linkspan_plugin import frame, message, msgpack

from .support import HERE, PROGRAM, Process, until

GREETER = HERE.parent / "examples" / "greeter.py"


class Beginning(unittest.TestCase):
    def by_hand(self, **environment):
        """Runs the program without a host."""
        env = {**os.environ, "PYTHONPATH": str(HERE.parent), **environment}
        return subprocess.run(
            [sys.executable, str(PROGRAM)], env=env, capture_output=True, text=True, timeout=60
        )

    def test_by_hand_it_explains_itself(self):
        found = self.by_hand()
        self.assertEqual((found.returncode, found.stdout), (64, ""))
        for part in ("program 0.1", "protocol  1 to 1", "plugin call DIR METHOD", "program.echo"):
            self.assertIn(part, found.stderr)

    def test_a_descriptor_that_is_no_connection_is_named(self):
        with tempfile.TemporaryFile() as file:
            os.set_inheritable(file.fileno(), True)
            for descriptor in ("77", "x", str(file.fileno())):
                found = self.by_hand(LINKSPAN_PLUGIN_FD=descriptor)
                self.assertEqual(found.returncode, 64)
                self.assertIn(f"LINKSPAN_PLUGIN_FD={descriptor}", found.stderr)

    def test_what_starts_first_and_fails_ends_it(self):
        with Process("broken") as it:
            it.wire.open()
            logged = message.named(it.wire.next())
            self.assertEqual(logged.name, "linkspan.log")
            self.assertIn("no model", str(msgpack.unpack(logged.body)))
            self.assertEqual(it.wire.next().kind, frame.GOODBYE)
            self.assertTrue(it.wire.is_at_end())
            self.assertEqual(it.finish()[0], 70)

    def test_the_example_answers(self):
        with Process(program=GREETER) as it:
            it.wire.open()
            self.assertEqual(it.wire.call("greeter.greet", {"name": "Ada"}), "Hello, Ada!")
            self.assertEqual(it.wire.outcome("greeter.greet", [""]), (1, "NobodyThere"))


class Running(unittest.TestCase):
    def test_what_it_prints_disturbs_nothing(self):
        with Process() as it:
            it.wire.open()
            it.wire.ask("program.noise")
            it.child.stdout.read(40_000)
            read = subprocess.Popen(["cat"], stdin=it.child.stderr, stdout=subprocess.DEVNULL)
            it.child.stdout.read(40_001)
            record = msgpack.unpack(message.named(it.wire.next()).body)
            self.assertEqual((record["level"], record["message"]), ("warn", "made noise"))
            self.assertEqual(record["fields"]["loud"], True)
            self.assertEqual(it.wire.next().kind, frame.RESPONSE)
            it.wire.sock.close()
            it.child.wait(30)
            read.wait(30)

    def test_lines_come_when_they_are_printed(self):
        with Process() as it:
            it.wire.open()
            it.wire.ask("program.linger")
            self.assertEqual(it.child.stdout.readline(), "lingering\n")

    def test_its_children_do_not_learn_of_the_descriptor(self):
        with Process() as it:
            it.wire.open()
            self.assertNotIn("LINKSPAN_PLUGIN_FD", it.wire.call("program.prints_environment"))

    def test_a_traceback_goes_to_the_log_and_not_to_the_caller(self):
        with Process() as it:
            it.wire.open()
            it.wire.ask("program.fails")
            found = {received.kind: received for received in (it.wire.next(), it.wire.next())}
            self.assertNotIn(b"secret", found[frame.ERROR].payload)
            self.assertIn(b"secret", found[frame.EVENT].payload)


class Ending(unittest.TestCase):
    def test_a_host_that_is_gone_ends_it_in_order(self):
        with Process() as it:
            it.wire.open()
            self.assertIsNone(it.wire.call("linkspan.plugin.live"))
            it.wire.sock.close()
            code, out, err = it.finish()
            self.assertEqual((code, out, err), (0, "stopped in order\n", ""))

    def test_a_host_that_is_gone_ends_handlers_that_spin(self):
        with Process() as it:
            it.wire.open()
            it.wire.ask("program.spin")
            self.assertEqual(it.child.stdout.readline(), "spinning\n")
            it.wire.sock.close()
            began = time.monotonic()
            self.assertEqual(it.finish()[0], 0)
            self.assertLess(time.monotonic() - began, 20)

    def test_a_host_that_is_gone_before_the_opening(self):
        with Process() as it:
            it.wire.sock.close()
            self.assertEqual(it.finish()[0], 0)

    def test_a_host_that_is_killed_ends_it(self):
        script = (
            "import os, socket, subprocess, sys, time\n"
            "ours, theirs = socket.socketpair()\n"
            "command = ['sh', '-c', 'exec \"$0\" \"$1\" 3<&0 </dev/null', *sys.argv[1:]]\n"
            "child = subprocess.Popen(command, stdin=theirs)\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        env = {**os.environ, "PYTHONPATH": str(HERE.parent), "LINKSPAN_PLUGIN_FD": "3"}
        host = subprocess.Popen(
            [sys.executable, "-c", script, sys.executable, str(PROGRAM)],
            env=env, stdout=subprocess.PIPE, text=True,
        )
        pid = int(host.stdout.readline())
        until("the plugin runs", lambda: is_python(pid))
        host.kill()
        host.wait(30)
        until("the plugin is gone", lambda: is_gone(pid))
        host.stdout.close()

    def test_a_child_that_was_forked_does_not_keep_the_connection(self):
        with Process() as it:
            it.wire.open()
            forked = it.wire.call("program.child")
            try:
                it.child.kill()
                self.assertTrue(it.wire.is_at_end())
            finally:
                os.kill(forked, signal.SIGKILL)

    def test_a_goodbye_lets_it_finish(self):
        with Process() as it:
            it.wire.open()
            stream = it.wire.ask("program.linger")
            self.assertEqual(it.child.stdout.readline(), "lingering\n")
            it.wire.send(frame.GOODBYE, 0, 0, stream, b"bye")
            self.assertEqual(msgpack.unpack(it.wire.next().payload), "finished")
            self.assertTrue(it.wire.is_at_end())
            self.assertEqual(it.finish()[:2], (0, "stopped in order\n"))

    def test_a_signal_is_a_goodbye(self):
        with Process() as it:
            it.wire.open()
            stream = it.wire.ask("program.linger")
            self.assertEqual(it.child.stdout.readline(), "lingering\n")
            it.child.send_signal(signal.SIGINT)
            it.child.send_signal(signal.SIGTERM)
            goodbye = it.wire.next()
            self.assertEqual((goodbye.kind, goodbye.number), (frame.GOODBYE, stream))
            self.assertEqual(msgpack.unpack(it.wire.next().payload), "finished")
            self.assertTrue(it.wire.is_at_end())
            self.assertEqual(it.finish()[0], 0)


def is_python(pid):
    """Whether a process runs a program of Python's, and not its shell any more."""
    try:
        return b"program.py" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1]
    except (OSError, IndexError):
        return False


def is_gone(pid):
    """Whether a process is gone, or only waits for somebody to ask for it."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z"
