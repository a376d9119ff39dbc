"""Reading files of a bundle that a stranger made: within limits, and without following links.

A verified bundle is as its maker sealed it, and the maker may still mean to harm the reader. The
limits are those of `bundle.codec`, `bundle.strict_yaml` and `bundle.strict_toml`. A file that is
missing, not a regular file or too large is an OSError; content that is refused is a ValueError.
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
    """Turn any failure of the analysis of a bundle into a RecordError that names the bundle.

    A bundle of another version, or an invented one, can make the analysis fail in all these ways.
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
    """Read the bytes of a JSON document."""
    return read_small(path, limit=codec.LARGEST)


def json_of(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Read a JSON document."""
    return codec.parse(bytes_of(path))


def yaml_of(path: Path) -> Any:  # noqa: ANN401 - any YAML
    """Read a YAML document."""
    return strict_yaml.load(read_small(path, limit=strict_yaml.LIMIT_BYTES)).value


def toml_of(path: Path) -> dict[str, Any]:
    """Read a TOML document."""
    return strict_toml.load(read_small(path, limit=strict_toml.LIMIT_BYTES))


def text_of(path: Path) -> str:
    """Read the output of a program; bytes that are not UTF-8 are replaced."""
    return read_small(path, limit=LARGEST_TEXT).decode(errors="replace")
