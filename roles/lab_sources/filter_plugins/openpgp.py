"""Fingerprints of OpenPGP keys, so that a key is trusted by its fingerprint and no other way."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[A-Za-z]+: .*\n)*\n(.+?)\n(?:=.{4}\n)?"
    r"-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_PRIMARY_KEY = 6


def fingerprints(armoured: str) -> list[str]:
    """The fingerprints of all primary keys in ASCII armour.

    Returns:
        For each primary key of version 4, 40 upper-case hexadecimal digits (RFC 4880, 12.2: the
        SHA-1 of 0x99, the length in two octets, and the packet's body). Subkeys are left out:
        they are bound to their primary key by its signature.

    Raises:
        AnsibleFilterError: it is not the armour of a public key, or the key has another version.
    """
    blocks = _ARMOUR.findall(armoured.replace("\r\n", "\n"))
    try:
        binary = [base64.b64decode(block.replace("\n", ""), validate=True) for block in blocks]
        bodies = [body for each in binary for tag, body in _packets(each) if tag == _PRIMARY_KEY]
    except (binascii.Error, IndexError) as problem:
        raise AnsibleFilterError(f"this is not a public key in ASCII armour: {problem}") from None
    if any(body[:1] != b"\x04" for body in bodies):
        raise AnsibleFilterError("only keys of OpenPGP version 4 can be pinned")
    return [_fingerprint(body) for body in bodies]


def _fingerprint(body: bytes) -> str:
    framed = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and the body of each packet (RFC 4880, 4.2)."""
    position = 0
    while position < len(data):
        header = data[position]
        position += 1
        if header & 0x40:
            tag, size, octets = header & 0x3F, *_new_length(data, position)
        else:
            tag, octets = header >> 2 & 0x0F, 1 << (header & 3)
            size = int.from_bytes(data[position : position + octets], "big")
        position += octets
        if position + size > len(data):
            raise IndexError("a packet is cut off")
        yield tag, data[position : position + size]
        position += size


def _new_length(data: bytes, position: int) -> tuple[int, int]:
    """The length of a body, and in how many octets it was written."""
    first = data[position]
    if first < 192:  # noqa: PLR2004 - the three forms of RFC 4880, 4.2.2
        return first, 1
    if first < 224:  # noqa: PLR2004
        return (first - 192 << 8) + data[position + 1] + 192, 2
    return int.from_bytes(data[position + 1 : position + 5], "big"), 5


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[[str], list[str]]]:
        """By the names that playbooks use."""
        return {"openpgp_fingerprints": fingerprints}
