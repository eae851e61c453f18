"""The opening, on the side that answers it (docs/protocol.md, section 3)."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Tuple

from . import msgpack
from .errors import ProtocolError
from .message import unpack_map


class Agreement(NamedTuple):
    """What both sides agreed on."""

    peer_limits: Dict[str, int]
    continued: bool
    codecs: List[str]


def choose(offer_bytes: bytes, identity: dict) -> Tuple[Agreement, bytes]:
    """What is agreed with a host that offers this, and the choice to send."""
    offer = unpack_map(offer_bytes, "the offer")
    version(offer)
    nonce = offer.get("nonce")
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise ProtocolError("bad_frame", "the offer has no nonce of 32 bytes")
    agreement = Agreement(
        peer_limits=limits(offer.get("limits")),
        continued=FEATURE in texts(offer, "features"),
        codecs=[codec for codec in CODECS if codec in texts(offer, "codecs")],
    )
    choice = {
        "version": VERSIONS[1],
        "features": [FEATURE] if agreement.continued else [],
        "limits": LIMITS,
        "identity": identity,
        "codecs": agreement.codecs,
        "compression": [],
        "checksum": "crc32",
        "nonce": os.urandom(NONCE_BYTES),
    }
    return agreement, msgpack.pack(choice)


def version(offer: dict) -> None:
    """Refuses a host that speaks no version of this side's."""
    versions = offer.get("versions")
    if not isinstance(versions, list) or [type(bound) for bound in versions] != [int, int]:
        raise ProtocolError("bad_frame", "the offer has no versions")
    (low, high), (lowest, highest) = versions, VERSIONS
    if high < lowest or low > highest:
        side = "client" if high < lowest else "server"
        raise ProtocolError(
            "version",
            f"no common protocol version: the client speaks {low} to {high}, "
            f"the server {lowest} to {highest}; upgrade the {side}",
        )


def limits(told: object) -> Dict[str, int]:
    """What the host takes; what it does not tell is the default."""
    told = told if isinstance(told, dict) else {}
    taken = {name: told.get(name, LIMITS[name]) for name in LIMITS}
    frame_bytes = taken["max_frame_bytes"]
    for name, value in taken.items():
        least = LEAST[name]
        if name == "connection_credit" and isinstance(frame_bytes, int):
            least += 2 * frame_bytes
        if not isinstance(value, int) or value < least:
            raise ProtocolError("overflow", f"the limit {name} is {value}, less than {least}")
    return taken


def texts(offer: dict, key: str) -> list:
    """A list of the offer; nothing if it is not there."""
    value = offer.get(key)
    return value if isinstance(value, list) else []


VERSIONS = (1, 1)
# An opening frame has at most so many bytes.
OPENING_BYTES = 16_384
NONCE_BYTES = 32
FEATURE = "continued"
CODECS = ("msgpack", "json", "raw")
# What this side takes, and what a host takes that does not say.
LIMITS = {
    "max_frame_bytes": 1_048_576,
    "max_streams": 1024,
    "stream_credit": 1_048_576,
    "connection_credit": 8_388_608,
}
LEAST = {
    "max_frame_bytes": 16_384,
    "max_streams": 1,
    "stream_credit": 16_384,
    "connection_credit": 16_384,
}
