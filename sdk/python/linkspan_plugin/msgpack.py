"""MessagePack, as much of it as bodies and metadata need: everything but extension types."""

from __future__ import annotations

import struct
from typing import Any, Callable, Optional


class PackError(ValueError):
    """A value cannot be written as MessagePack."""


class UnpackError(ValueError):
    """Bytes are not one MessagePack value."""


def pack(value: Any, default: Optional[Callable[[Any], Any]] = None) -> bytes:
    """Writes a value; ``default`` makes a plain one of what MessagePack does not know."""
    out = bytearray()
    _Packer(out, default).write(value, DEEPEST)
    return bytes(out)


def unpack(data: bytes) -> Any:
    """Reads the one value that the bytes are. Of keys that stand twice in a map the first counts."""
    reader = _Unpacker(data)
    value = reader.read(DEEPEST)
    if reader.position != len(data):
        raise UnpackError(f"{len(data) - reader.position} bytes follow the value")
    return value


class _Packer:
    def __init__(self, out: bytearray, default: Optional[Callable[[Any], Any]]):
        self.out = out
        self.default = default

    def write(self, value: Any, depth: int) -> None:
        if depth == 0:
            raise PackError(f"the value is nested more than {DEEPEST} deep")
        if value is None:
            self.out.append(0xC0)
        elif value is True or value is False:
            self.out.append(0xC3 if value else 0xC2)
        elif isinstance(value, int):
            self.write_int(value)
        elif isinstance(value, float):
            self.out += struct.pack(">Bd", 0xCB, value)
        elif isinstance(value, str):
            self.write_text(value)
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self.write_length(len(value), BINARY)
            self.out += value
        elif isinstance(value, (list, tuple)):
            self.write_length(len(value), ARRAY)
            for element in value:
                self.write(element, depth - 1)
        elif isinstance(value, dict):
            self.write_length(len(value), MAP)
            for key, element in value.items():
                self.write(key, depth - 1)
                self.write(element, depth - 1)
        elif self.default is not None:
            self.write(self.default(value), depth - 1)
        else:
            raise PackError(f"a {type(value).__name__} cannot be written")

    def write_int(self, value: int) -> None:
        if -32 <= value < 128:
            self.out.append(value & 0xFF)
            return
        for first, form, lowest, highest in INTEGERS:
            if lowest <= value <= highest:
                self.out += struct.pack(form, first, value)
                return
        raise PackError(f"{value} has more than 64 bits")

    def write_text(self, value: str) -> None:
        try:
            text = value.encode()
        except UnicodeEncodeError as error:
            raise PackError(f"a text is not Unicode: {error.reason}") from None
        self.write_length(len(text), TEXT)
        self.out += text

    def write_length(self, length: int, forms: tuple) -> None:
        for first, form, highest in forms:
            if length <= highest:
                self.out += struct.pack(form, first | length) if form == ">B" else struct.pack(
                    form, first, length
                )
                return
        raise PackError(f"{length} bytes or elements are too many")


class _Unpacker:
    def __init__(self, data: bytes):
        self.data = data
        self.position = 0

    def read(self, depth: int) -> Any:
        if depth == 0:
            raise UnpackError(f"the value is nested more than {DEEPEST} deep")
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 256
        if first < 0xC0:
            return self.read_short(first, depth)
        if first in CONSTANTS:
            return CONSTANTS[first]
        if first in NUMBERS:
            form = NUMBERS[first]
            return form.unpack(self.take(form.size))[0]
        if first in LENGTHS:
            name, form = LENGTHS[first]
            return getattr(self, name)(form.unpack(self.take(form.size))[0], depth)
        raise UnpackError(f"the byte {first:#04x} begins no value that is known here")

    def read_short(self, first: int, depth: int) -> Any:
        if first < 0x90:
            return self.read_map(first & 0x0F, depth)
        if first < 0xA0:
            return self.read_array(first & 0x0F, depth)
        return self.read_text(first & 0x1F, depth)

    def read_text(self, length: int, _: int) -> str:
        try:
            return str(self.take(length), "utf-8")
        except UnicodeDecodeError as error:
            raise UnpackError(f"a text is not UTF-8: {error.reason}") from None

    def read_binary(self, length: int, _: int) -> bytes:
        return bytes(self.take(length))

    def read_array(self, length: int, depth: int) -> list:
        self.expect(length)
        return [self.read(depth - 1) for _ in range(length)]

    def read_map(self, length: int, depth: int) -> dict:
        self.expect(2 * length)
        entries: dict = {}
        for _ in range(length):
            key = self.read(depth - 1)
            value = self.read(depth - 1)
            if isinstance(key, (list, dict)):
                raise UnpackError("the key of a map is an array or a map")
            entries.setdefault(key, value)
        return entries

    def take(self, length: int) -> bytes:
        self.expect(length)
        start, self.position = self.position, self.position + length
        return self.data[start:self.position]

    def expect(self, length: int) -> None:
        """Every element has a byte at least, so that a length that is a lie costs nothing."""
        left = len(self.data) - self.position
        if length > left:
            raise UnpackError(f"{length} bytes or elements are announced, {left} bytes are left")


DEEPEST = 64

# The first byte, how it is written with the number, and the range.
INTEGERS = (
    (0xCC, ">BB", 0, 0xFF),
    (0xCD, ">BH", 0, 0xFFFF),
    (0xCE, ">BI", 0, 0xFFFF_FFFF),
    (0xCF, ">BQ", 0, 0xFFFF_FFFF_FFFF_FFFF),
    (0xD0, ">Bb", -0x80, -1),
    (0xD1, ">Bh", -0x8000, -1),
    (0xD2, ">Bi", -0x8000_0000, -1),
    (0xD3, ">Bq", -0x8000_0000_0000_0000, -1),
)
TEXT = (
    (0xA0, ">B", 31), (0xD9, ">BB", 0xFF), (0xDA, ">BH", 0xFFFF), (0xDB, ">BI", 0xFFFF_FFFF),
)
BINARY = ((0xC4, ">BB", 0xFF), (0xC5, ">BH", 0xFFFF), (0xC6, ">BI", 0xFFFF_FFFF))
ARRAY = ((0x90, ">B", 15), (0xDC, ">BH", 0xFFFF), (0xDD, ">BI", 0xFFFF_FFFF))
MAP = ((0x80, ">B", 15), (0xDE, ">BH", 0xFFFF), (0xDF, ">BI", 0xFFFF_FFFF))

CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
NUMBERS = {0xCA + place: struct.Struct(">" + form) for place, form in enumerate("fdBHIQbhiq")}
LENGTHS = {
    first: (name, struct.Struct(">" + form[2:]))
    for name, forms in (
        ("read_text", TEXT), ("read_binary", BINARY), ("read_array", ARRAY), ("read_map", MAP),
    )
    for first, form, _ in forms
    if form != ">B"
}
