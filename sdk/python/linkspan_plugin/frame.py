"""Frames: header, payload and checksums (docs/protocol.md, section 1)."""

from __future__ import annotations

import struct
from typing import List, NamedTuple, Sequence
from zlib import crc32

from .errors import ProtocolError

HANDSHAKE, REQUEST, RESPONSE, EVENT, HEARTBEAT, ERROR = range(1, 7)
CHUNK, CREDIT, CANCEL, END, GOODBYE = range(7, 12)

# Flags: the direction ends, the body goes on in the next chunk, metadata stands before the body.
ENDS, CONTINUED, METADATA = 8, 16, 32

# Why a stream is cancelled.
DROPPED, TOO_LATE, DONE = range(3)


class Frame(NamedTuple):
    """A frame without its checksums."""

    kind: int
    flags: int
    id: int
    stream: int
    number: int
    payload: bytes


class Header(NamedTuple):
    """What stands before the payload."""

    kind: int
    flags: int
    id: int
    stream: int
    number: int
    length: int


def encode(
    kind: int, flags: int, id: int, stream: int, number: int, parts: Sequence[bytes]
) -> List[bytes]:
    """The buffers that a frame is written as; long parts are not copied."""
    length = sum(map(len, parts))
    header = HEADER.pack(MAGIC, VERSION, kind, flags, id, stream, number, length)
    payload_sum = 0
    for part in parts:
        payload_sum = crc32(part, payload_sum)
    sums = SUMS.pack(crc32(header), payload_sum)
    buffers = [header, *parts, sums]
    return buffers if length > SMALL_BYTES else [b"".join(buffers)]


def decode_header(data: bytes, max_bytes: int) -> Header:
    """Judges a frame by its header alone, before anything is allocated for it."""
    magic, version, kind, flags, id, stream, number, length = HEADER.unpack(data)
    if magic != MAGIC:
        raise ProtocolError("bad_frame", f"a frame begins with {magic.hex()}, not with LSPN")
    if kind < FIRST_IGNORED and kind not in FLAGS:
        raise ProtocolError("bad_frame", f"frame of unknown kind {kind}")
    if flags & RESERVED:
        raise ProtocolError("bad_frame", f"reserved flags are set: {flags:#06x}")
    if version != VERSION:
        raise ProtocolError("version", f"frame of version {version} instead of {VERSION}")
    if length > max_bytes:
        problem = f"frame of {length} bytes exceeds the limit of {max_bytes} bytes"
        raise ProtocolError("too_large", problem)
    return Header(kind, flags, id, stream, number, length)


def decode(header: bytes, head: Header, payload: bytes, sums: bytes) -> Frame:
    """The frame, if its checksums are right and its kind can have its flags and its payload."""
    header_sum, payload_sum = SUMS.unpack(sums)
    if header_sum != crc32(header) or payload_sum != crc32(payload):
        raise ProtocolError("checksum", f"frame {head.id} has a wrong checksum")
    flags = FLAGS.get(head.kind)
    if flags is not None and head.flags & ANY_KNOWN & ~flags:
        problem = f"a frame of kind {head.kind} cannot have the flags {head.flags:#x}"
        raise ProtocolError("bad_frame", problem)
    if head.kind in EMPTY and payload:
        raise ProtocolError("bad_frame", f"a frame of kind {head.kind} has a payload")
    return Frame(head.kind, head.flags, head.id, head.stream, head.number, payload)


HEADER = struct.Struct("<4sBBHQQQI")
SUMS = struct.Struct("<II")
MAGIC = b"LSPN"
VERSION = 1
# Kinds from here on that are not known are ignored.
FIRST_IGNORED = 128
# Nothing here compresses or opens bodies, so that bits 0 to 2 are never agreed on, either.
RESERVED = 0xFFC7
ANY_KNOWN = ENDS | CONTINUED | METADATA
# The flags that each kind can have, of those that this side knows.
FLAGS = {
    HANDSHAKE: 0,
    REQUEST: ANY_KNOWN,
    RESPONSE: ANY_KNOWN,
    EVENT: METADATA,
    HEARTBEAT: 0,
    ERROR: 0,
    CHUNK: ENDS | CONTINUED,
    CREDIT: 0,
    CANCEL: 0,
    END: 0,
    GOODBYE: 0,
}
EMPTY = (HEARTBEAT, CREDIT, CANCEL, END)
# Shorter payloads are copied, so that a frame is one buffer.
SMALL_BYTES = 4096
