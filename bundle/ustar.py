"""The one form of tar header that archives of bundles use.

A header describes a regular file in ustar (POSIX.1-2017, pax, ustar interchange format) with mode
0644, owner 0 and time 0. This module writes it, not the standard library, because the bytes must
not change with the interpreter: `unpack` accepts a header if and only if it is, byte for byte, what
`header` writes for its name and size. That excludes links, devices and extensions.
"""

from __future__ import annotations

from typing import Final

BLOCK: Final = 512
MAX_SIZE: Final = 8 * 2**30 - 1
END: Final = bytes(2 * BLOCK)

_MODE_TO_GID: Final = b"0000644\0" + b"0000000\0" + b"0000000\0"
_MTIME: Final = b"00000000000\0"
_NO_CHECKSUM: Final = b" " * 8
_TYPE_TO_OWNER: Final = b"0" + bytes(100) + b"ustar\0" + b"00" + bytes(64)
_DEVICE: Final = b"0000000\0" + b"0000000\0"


def header(folder: str, name: str, size: int) -> bytes:
    """Return the header of one file, 512 bytes.

    The folder has at most 155 bytes, the name at most 100.

    Raises:
        ValueError: the size is above `MAX_SIZE` bytes or negative, or a name is not ASCII.
    """
    if not 0 <= size <= MAX_SIZE:
        raise ValueError(f"a size of {size} bytes does not fit")
    parts = [
        name.encode("ascii").ljust(100, b"\0"),
        _MODE_TO_GID,
        f"{size:011o}\0".encode("ascii"),
        _MTIME,
        _NO_CHECKSUM,
        _TYPE_TO_OWNER,
        _DEVICE,
        folder.encode("ascii").ljust(155, b"\0"),
        bytes(12),
    ]
    parts[4] = f"{sum(map(sum, parts)):06o}\0 ".encode("ascii")
    return b"".join(parts)


def parse(block: bytes) -> tuple[str, str, int]:
    """Return folder, name and size if the block is exactly what `header` writes for them.

    Raises:
        ValueError: it is not.
    """
    name, folder = block[:100].rstrip(b"\0"), block[345:500].rstrip(b"\0")
    try:
        parts = folder.decode("ascii"), name.decode("ascii"), int(block[124:135], 8)
        if header(*parts) == block:
            return parts
    except ValueError:  # a letter that is not ASCII, or no such size
        pass
    raise ValueError("the header is not that of a plain file as `pack` writes it")


def padding(size: int) -> int:
    """Return how many bytes fill a file of this size up to whole blocks."""
    return -size % BLOCK
