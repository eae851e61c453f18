"""A plugin with a bit of everything: calls, streams both ways, events, calls back into its host."""

import sys
from pathlib import Path
from typing import Iterable, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from linkspan_plugin import Context, Plugin  # noqa: E402


class NobodyThere(Exception):
    """Greeting nobody makes no sense."""


plugin = Plugin("greeter", version="1.0", doc="Greets people.")


@plugin.method(errors=[NobodyThere], idempotent=True)
def greet(name: str) -> str:
    """Greets somebody."""
    if not name:
        raise NobodyThere
    return f"Hello, {name}!"


@plugin.method
def greet_all(names: Iterable[str]) -> str:
    """Greets everybody at once."""
    return f"Hello, {' and '.join(names)}!"


@plugin.stream
def letters(name: str, cx: Context) -> Iterator[str]:
    """Spells a name, as fast as it is read."""
    for place, letter in enumerate(name, 1):
        yield letter
        cx.progress(place, len(name))


@plugin.stream
def echo(words: Iterable[str]) -> Iterator[str]:
    """Gives back what comes."""
    for word in words:
        yield word.upper()


@plugin.method
def ask_host(method: str, cx: Context) -> object:
    """Calls a method of the host."""
    return cx.host.call(method, {"who": plugin.name})


@plugin.on_event("people/+/arrived")
def arrived(topic: str, body: object, cx: Context) -> None:
    """Greets whoever arrives."""
    cx.host.publish(topic.replace("arrived", "greeted"), {"text": f"Hello, {body}!"})


if __name__ == "__main__":
    plugin.run()
