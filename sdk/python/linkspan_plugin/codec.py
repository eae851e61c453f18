"""Bodies: values in MessagePack or JSON, or bytes as they are (docs/protocol.md, section 15.1)."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any

from . import msgpack
from .errors import Failure


def codec_of(metadata: dict) -> str:
    """How the body beside this metadata is encoded."""
    codec = metadata.get("content-type", MSGPACK)
    if codec not in (MSGPACK, JSON, RAW):
        raise Failure(
            f"{codec!r} is not an encoding that is known here",
            category="request", code="unsupported_codec",
        )
    return codec


def metadata_of(codec: str) -> dict:
    """What tells of a codec; nothing of the one that is understood without."""
    return {} if codec == MSGPACK else {"content-type": codec}


def decode(body: bytes, codec: str) -> Any:
    """The value of a body; no body is no value. Raises ValueError."""
    if codec == RAW:
        return body
    if not body:
        return None
    if codec == JSON:
        try:
            return json.loads(body)
        except RecursionError:
            raise ValueError("the value is nested too deep") from None
    return msgpack.unpack(body)


def encode(value: Any, codec: str) -> tuple:
    """A body, and how it is encoded: a value that cannot be raw is MessagePack. Raises ValueError."""
    if codec == RAW and isinstance(value, (bytes, bytearray)):
        return bytes(value), RAW
    if codec == JSON:
        try:
            text = json.dumps(value, default=plain, ensure_ascii=False, separators=(",", ":"))
            return text.encode(), JSON
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from None
    return msgpack.pack(value, plain), MSGPACK


def plain(value: Any) -> Any:
    """What is written for a value that is no plain one: a map for a data class, for instance."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        # JSON has none; what reads bytes in Rust takes numbers.
        return list(value)
    raise ValueError(f"a {type(value).__name__} cannot be encoded")


MSGPACK, JSON, RAW = "msgpack", "json", "raw"
