"""What is in payloads: names, metadata and bodies, and the maps of errors and metadata."""

from __future__ import annotations

import struct
from typing import NamedTuple, Tuple

from . import msgpack
from .errors import CATEGORIES, Failure, ProtocolError
from .frame import METADATA, Frame


class Message(NamedTuple):
    """A request, a response or an event: its method or topic (a response has none), metadata, body."""

    name: str
    metadata: dict
    body: bytes


def head(name: str, metadata: dict) -> bytes:
    """What stands before the body of a request or an event."""
    encoded = name.encode()
    if len(encoded) > 0xFFFF:
        raise ValueError(f"name of {len(encoded)} bytes exceeds the limit of 65535 bytes")
    return struct.pack("<H", len(encoded)) + encoded + metadata_bytes(metadata)


def metadata_bytes(metadata: dict) -> bytes:
    """Metadata with its length; nothing if there is none."""
    if not metadata:
        return b""
    packed = msgpack.pack(metadata)
    return struct.pack("<I", len(packed)) + packed


def named(frame: Frame) -> Message:
    """What is in a request or an event."""
    length, rest = split(frame.payload, "<H", "the name")
    name = text(rest[:length], "the name")
    return unnamed(frame._replace(payload=rest[length:]))._replace(name=name)


def unnamed(frame: Frame) -> Message:
    """What is in a response."""
    if not frame.flags & METADATA:
        return Message("", {}, frame.payload)
    length, rest = split(frame.payload, "<I", "the metadata")
    return Message("", unpack_map(rest[:length], "metadata"), rest[length:])


def text(data: bytes, what: str) -> str:
    """A text of a frame."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProtocolError("bad_frame", f"{what} is not UTF-8") from None


def split(payload: bytes, form: str, what: str) -> Tuple[int, bytes]:
    """A length that has room behind it, and all that follows it."""
    size = struct.calcsize(form)
    if len(payload) >= size:
        (length,) = struct.unpack_from(form, payload)
        if length <= len(payload) - size:
            return length, payload[size:]
    raise ProtocolError("bad_frame", f"{what} is cut off")


def failure_bytes(failure: Failure) -> bytes:
    """The payload of an error frame."""
    return msgpack.pack(failure.to_wire())


def failure_number(failure: Failure) -> int:
    """The number of an error frame."""
    return CATEGORIES.index(failure.category) if failure.category in CATEGORIES else 0


def failure_of(frame: Frame) -> Failure:
    """What an error frame says."""
    failure = unpack_map(frame.payload, "error")
    if not isinstance(failure.get("code"), str):
        raise ProtocolError("bad_frame", "an error without code")
    return Failure.from_wire(frame.number, failure)


def unpack_map(payload: bytes, what: str) -> dict:
    """The map that a payload is."""
    try:
        value = msgpack.unpack(payload)
    except msgpack.UnpackError as error:
        raise ProtocolError("bad_frame", f"{what} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise ProtocolError("bad_frame", f"{what} is not a map")
    return value
