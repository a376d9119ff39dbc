"""Reading a bundle's documents: each as a stranger's, with limits, and following no link.

A bundle that verifies is one that its maker sealed; what is in it may still be meant to hurt its
reader. `bundle.codec` and `bundle.strict_yaml` say what the limits are.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from bundle import codec, names, strict_toml, strict_yaml
from bundle.errors import BundleError, RecordError
from bundle.tree import read_small

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PLAN: Final = "inputs/plan.yaml"
FACTS: Final = "host/facts.before.json"
LARGEST_TEXT: Final = 16 * 2**20  # bytes of what a program printed; wrk prints 2 KB

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,-]{0,99}")
_NAMED: Final = ("subjects", "workloads", "loads")


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


def json_if_there(path: Path) -> dict[str, Any] | None:
    """Read a JSON object of a bundle; None if there is no such file.

    Raises:
        as `json_of`; ValueError also if it is no object.
    """
    try:
        document = json_of(path)
    except FileNotFoundError:
        return None
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} is not a JSON object")  # noqa: TRY004 - what it says is wrong
    return document


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


def plan_of(root: Path) -> dict[str, Any]:
    """Read the resolved plan of a bundle; what becomes part of a path in it is a name.

    Raises:
        OSError: it is not there, no regular file, or too large.
        ValueError: it cannot be read, or a name in it is none.
    """
    resolved: dict[str, Any] = yaml_of(root / PLAN)
    check_plan(resolved)
    return resolved


def check_plan(resolved: object) -> None:
    """Refuse a resolved plan in which something that becomes part of a path is no name.

    Raises:
        ValueError: likewise.
    """
    plan = resolved.get("plan") if isinstance(resolved, dict) else None
    if not isinstance(resolved, dict) or not isinstance(plan, dict):
        raise ValueError(f"{PLAN} is not a resolved plan")  # noqa: TRY004 - what it says is wrong
    _require_names(*(_keys(plan.get(part, {}), f"plan.{part}") for part in _NAMED))
    stacks, arms = (_keys(resolved.get(part, {}), part) for part in ("stacks", "arms"))
    trials = resolved.get("trials", [])
    if not isinstance(trials, list):
        raise ValueError(f"{PLAN}: trials is not a list")  # noqa: TRY004 - what it says is wrong
    _require_names(stacks, arms, trials)


def _keys(table: object, where: str) -> Iterable[object]:
    if not isinstance(table, dict):
        raise ValueError(f"{PLAN}: {where} is not a table")  # noqa: TRY004 - what it says is wrong
    return table.keys()


def _require_names(*groups: Iterable[object]) -> None:
    for group in groups:
        for name in group:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(f"{PLAN}: {names.printable(str(name)[:60])} is no name")
