"""Reading a bundle's documents: each as a stranger's, with limits, and following no link.

A bundle that verifies is one that its maker sealed; what is in it may still be meant to hurt its
reader. `bundle.codec` and `bundle.strict_yaml` say what the limits are.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from bundle import codec, names, strict_toml, strict_yaml
from bundle.errors import BundleError, RecordError
from bundle.tree import read_small

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST_TEXT: Final = 16 * 2**20  # bytes of what a program printed; wrk prints 2 KB


@contextmanager
def readable(bundle: Path) -> Iterator[None]:
    """Say of a bundle whose files make the analysis fail that it is not what it should be.

    A bundle of another version, or one that was made up, may fail in any of these ways.

    Raises:
        RecordError: likewise.
    """
    try:
        yield
    except BundleError:
        raise
    except (
        *(ArithmeticError, AttributeError, LookupError, MemoryError, OSError),
        *(RecursionError, TypeError, ValueError, pa.ArrowException),
    ) as error:
        what = names.printable(f"its files cannot be analysed: {type(error).__name__}: {error}")
        hint = "`ormlab verify` says what is wrong with the bundle"
        raise RecordError(what[:300], where=bundle, hint=hint) from error


def bytes_of(path: Path) -> bytes:
    """Read a JSON document's bytes.

    Raises:
        OSError: it is not there, no regular file, or too large.
    """
    return read_small(path, limit=codec.LARGEST)


def json_of(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Read a JSON document of a bundle.

    Raises:
        OSError: it is not there, no regular file, or too large.
        ValueError: as `bundle.codec.parse`.
    """
    return codec.parse(bytes_of(path))


def yaml_of(path: Path) -> Any:  # noqa: ANN401 - any YAML
    """Read a YAML document of a bundle.

    Raises:
        OSError: it is not there, no regular file, or too large.
        ValueError: as `bundle.strict_yaml.load`.
    """
    return strict_yaml.load(read_small(path, limit=strict_yaml.LIMIT_BYTES)).value


def toml_of(path: Path) -> dict[str, Any]:
    """Read a TOML document of a bundle.

    Raises:
        OSError: it is not there, no regular file, or too large.
        ValueError: as `bundle.strict_toml.load`.
    """
    return strict_toml.load(read_small(path, limit=strict_toml.LIMIT_BYTES))


def text_of(path: Path) -> str:
    """Read what a program printed; bytes that are no UTF-8 are replaced.

    Raises:
        OSError: it is not there, no regular file, or too large.
    """
    return read_small(path, limit=LARGEST_TEXT).decode(errors="replace")
