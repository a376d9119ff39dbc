"""Names for what files of strangers hold: every run gets a subject, and ids that no other has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from analysis.published.result import PublishedRun

LONGEST_ID: Final = 60  # characters
_SUBJECT: Final = 20
_WORKLOAD: Final = 18
_KEY: Final = 40  # of a workload and a subject, which also names a set of conditions
_RESERVED: Final = frozenset({"load", "unknown", "order"})


@dataclass(frozen=True)
class Origin:
    """A file, and what it holds."""

    name: str  #: as its user calls it
    tool: str
    sha256: str
    runs: Sequence[PublishedRun]


@dataclass(frozen=True)
class Placed:
    """A run with its names in the ledger: ``key`` begins its claims and checks."""

    run: PublishedRun
    source: str
    subject: str
    workload: str
    key: str
    ids: Mapping[str, str]  #: of the claim of each figure

    @property
    def shared(self) -> str:
        """The name of the conditions that all runs of its workload have."""
        return shared_by(self.workload)


def shared_by(workload: str) -> str:
    """The name of the conditions that all runs of a workload have."""
    return f"load.{workload}" if workload else "load"


def placed(origins: Sequence[Origin]) -> Iterator[Placed]:
    """Give every run names that no other has."""
    subjects: dict[tuple[str, str], str] = {}
    keys = set(_RESERVED)
    for place, origin in enumerate(origins, 1):
        stem = origin.name.rpartition("/")[2].partition(".")[0]
        for number, run in enumerate(origin.runs, 1):
            said = run.subject or (stem if len(origin.runs) == 1 else f"{stem}-{number}")
            # One framework of a larger benchmark is one subject in all of its workloads.
            what = (run.subject, origin.tool) if run.subject else (said, f"{place}.{number}")
            if what not in subjects:
                subjects[what] = unused(_RESERVED | set(subjects.values()), said, _SUBJECT)
            subject, workload = (
                subjects[what],
                slug(run.workload, _WORKLOAD) if run.workload else "",
            )
            key = unused(keys, f"{workload}.{subject}" if workload else subject, _KEY)
            keys.add(key)
            ids: dict[str, str] = {}
            for figure in run.figures:
                ids[figure] = unused(ids.values(), f"{key}.{figure}", LONGEST_ID)
            yield Placed(run, f"file-{place}", subject, workload, key, ids)


def unused(taken: Collection[str], wanted: str, longest: int) -> str:
    """A text as a name of the ledger that is not taken; a number follows where it would be."""
    name = slug(wanted, longest)
    for number in count(2):
        if name not in taken:
            break
        end = f"-{number}"
        name = f"{slug(wanted, longest - len(end))}{end}"
    return name


def slug(text: str, longest: int) -> str:
    """A text as a name of the ledger."""
    kept = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return kept[:longest].strip("-.") or "run"
