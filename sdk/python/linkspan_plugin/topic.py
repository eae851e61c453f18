"""Masks of topics (docs/protocol.md, section 19.7)."""

from __future__ import annotations


def matches(mask: str, topic: str) -> bool:
    """Whether a mask has a topic."""
    levels = topic.split("/")
    wanted = mask.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return place < len(levels)
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(levels) == len(wanted)
