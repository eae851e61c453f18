"""Plugins for Linkspan in Python, with the standard library alone.

::

    from linkspan_plugin import Plugin

    plugin = Plugin("greeter", version="1.0")

    @plugin.method
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    plugin.run()
"""

from .context import Context
from .errors import (
    Cancelled,
    DeadlineExceeded,
    Failure,
    HostMethodError,
    InvalidParameters,
    LinkspanError,
    MethodError,
    NotAccepted,
    OutcomeUnknown,
    ProtocolError,
)
from .host import Host
from .plugin import Plugin
from .version import VERSION as __version__

__all__ = [
    "Cancelled",
    "Context",
    "DeadlineExceeded",
    "Failure",
    "Host",
    "HostMethodError",
    "InvalidParameters",
    "LinkspanError",
    "MethodError",
    "NotAccepted",
    "OutcomeUnknown",
    "Plugin",
    "ProtocolError",
    "__version__",
]
