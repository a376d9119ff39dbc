"""What came of building a stack: the record ``stack/1``.

History: stack/1 is the first. No record holds a path of the host.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "stack/1"

Stage = Literal["interpreter", "install", "import", "extension"]


@dataclass(frozen=True)
class Failed:
    """One package that does not work, and why.

    Attributes:
        package: its normalised name; ``cpython`` where the interpreter is missing, the stack's
            name where the failure names no package.
        version: as pinned; None where there is no package.
        stage: how far it came.
        reason: one line.
        log: name of the file in the stack's folder of logs; None if nothing was started.
    """

    package: str
    version: str | None
    stage: Stage
    reason: str
    log: str | None


@dataclass(frozen=True)
class Tried:
    """One package in an environment of its own, with its locked dependencies and no others.

    Attributes:
        package: its normalised name.
        version: as pinned.
        ok: whether it installs, imports and is compiled where it should be.
        extensions: its modules that may be compiled, and whether each was loaded compiled; empty
            if it does not import.
    """

    package: str
    version: str
    ok: bool
    extensions: dict[str, bool]


@dataclass(frozen=True)
class Outcome:
    """What came of building a stack.

    Attributes:
        stack: its name.
        ok: everything installs, imports and is compiled where it should be.
        digest: SHA-256 of what the stack was made from.
        environment: name of its folder below the folder of environments.
        python: version, implementation, how it was built, and its C compiler; None if no
            such interpreter is there.
        packages: what is installed, name and version.
        extensions: module and whether it was loaded compiled, for the modules that matter; empty
            if anything does not import.
        failures: what does not work; empty exactly if ``ok``.
        alone: after a failure, each package that was asked for in an environment of its own.
        seconds: wall time the building took.
    """

    stack: str
    ok: bool
    digest: str
    environment: str
    python: dict[str, Any] | None
    packages: dict[str, str]
    extensions: dict[str, bool]
    failures: list[Failed]
    alone: list[Tried]
    seconds: float
    schema: str = field(default=SCHEMA)

    def to_json(self) -> str:
        """The record as one JSON document."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record back.

        Raises:
            ValueError: it is not a ``stack/1`` record.
        """
        try:
            document = json.loads(text)
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema is {document['schema']!r}, not {SCHEMA!r}")
            failures = [Failed(**failed) for failed in document.pop("failures")]
            alone = [Tried(**tried) for tried in document.pop("alone")]
            return cls(failures=failures, alone=alone, **document)
        except (KeyError, TypeError) as problem:
            raise ValueError(f"not a {SCHEMA} record: {problem!r}") from None

    def write(self, path: Path) -> None:
        """Put the record in place in one step, so that a reader finds all of it or nothing."""
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            file.write(self.to_json())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
