"""The plugin that is measured, in Python."""

from linkspan_plugin import Plugin

plugin = Plugin("echo", version="1.0")


@plugin.method
def echo(body: bytes) -> bytes:
    """Gives the body back."""
    return body


plugin.run()
