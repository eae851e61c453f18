"""Credit for what the host sends (docs/protocol.md, section 6)."""

from __future__ import annotations

from .errors import ProtocolError


class Window:
    """What the host may still send: ``size`` bytes, of which ``enough`` bytes always let it go on."""

    def __init__(self, size: int, enough: int):
        self.left = size
        self.consumed = 0
        # What was read and not given back yet must not be what the sender waits for.
        self.grant_bytes = max(1, min(size // 4, size - enough))

    def receive(self, cost: int) -> None:
        """Counts what came."""
        if cost > self.left:
            raise ProtocolError("overflow", f"{cost} bytes exceed the credit of {self.left} bytes")
        self.left -= cost

    def consume(self, cost: int) -> int:
        """Counts what was read; how much to give back once that is worth a frame, else 0."""
        self.consumed += cost
        if self.consumed < self.grant_bytes:
            return 0
        granted, self.consumed = self.consumed, 0
        self.left += granted
        return granted


# A response's head and the first piece of its body always fit into this.
STREAM_ENOUGH = 131_072
