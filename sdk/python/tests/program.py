"""The plugin that the tests run as a process."""

import logging
import os
import signal
import sys
import time

from linkspan_plugin import Context, Plugin

plugin = Plugin("program", version="0.1")


@plugin.method
def echo(value):
    """Gives back its parameter."""
    return value


@plugin.method
def spin() -> None:
    """Never lets go by itself."""
    print("spinning")
    while True:
        pass


@plugin.method
def linger(cx: Context) -> str:
    """Works for as long as it is let."""
    print("lingering")
    is_cancelled = cx.wait(0.3)
    return "cancelled" if is_cancelled else "finished"


@plugin.method
def pid() -> int:
    """Its process."""
    return os.getpid()


@plugin.method
def child() -> int:
    """Leaves a child behind that was forked and does not exec."""
    forked = os.fork()
    if forked == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(60)
        os._exit(0)
    return forked


@plugin.method
def noise() -> None:
    """Prints what looks like frames."""
    print("LSPN" * 20_000)
    print("LSPN" * 20_000, file=sys.stderr)
    logging.getLogger("noise").warning("made %s", "noise", extra={"loud": True, "what": object})


@plugin.method
def fails() -> None:
    """Fails unexpectedly."""
    raise KeyError("secret")


@plugin.method
def prints_environment() -> list:
    """Names of its environment."""
    return sorted(os.environ)


@plugin.on_stop
def stopped():
    """Says that it stopped in order."""
    print("stopped in order")


if "broken" in sys.argv:

    @plugin.on_start
    def start():
        """Fails."""
        raise RuntimeError("no model")


plugin.run()
