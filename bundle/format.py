"""The records of a bundle.

    version          since   what changed
    bundle/1         0.1     first
                     0.1     `interruptions` and `rerun_of`, which most bundles do not have
                     0.1     `counts` of redactions
    interruptions/1  0.1     first
    seal/1           0.1     first
    trial/1          0.1     first
                     0.1     `together`, which trials of one subject alone do not have
    derived/1        0.1     first
    index/1          0.1     first

Every version that was ever written stays readable. An unknown, missing or repeated key is an error
that names the file and the key. Absence is written as null or as an empty list, never left out.
Keys that were added later are the exception: a bundle leaves them out where they say nothing, so
that readers of the older format still read it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from bundle.codec import Part, Record
from bundle.documents.failure import Failure
from bundle.documents.readings import TrialReadings
from bundle.values import (
    BUNDLE_ID,
    MOST_TOGETHER,
    SHA256,
    BundleId,
    Commit,
    Count,
    Name,
    Sha256,
    Utc,
)

_MOST_OMITTED: Final = 1000  # verification matches every missing trial against each of them
_YEARS: Final = range(1970, 3000)
_ID_TIME: Final = "%Y%m%dT%H%M%SZ"


class Tool(Part, frozen=True, kw_only=True):
    """The program that wrote something; commit and dirty are null outside a git checkout."""

    version: str
    commit: Commit | None
    dirty: bool | None


class Plan(Part, frozen=True, kw_only=True):
    """The resolved plan: its name and the digest of its canonical bytes."""

    sha256: Sha256
    name: str


class TrialCounts(Part, frozen=True, kw_only=True):
    """How many trials were planned and what became of them.

    Repeats make completed + failed exceed planned; an aborted run leaves some skipped.
    """

    planned: Count
    completed: Count
    failed: Count
    skipped: Count


class Omission(Part, frozen=True, kw_only=True):
    """A file that one would expect in the bundle, and why it is not there."""

    path: str
    reason: str


class Redaction(Part, frozen=True, kw_only=True):
    """A file from which something was taken out before the seal, and why."""

    path: str  #: path of the file; ``*`` stands for any part of a name
    reason: str  #: what was taken out, in words
    #: number of marks ``[redacted <kind>]`` in the file, by kind; left out where the text was
    #: removed without a mark
    counts: dict[str, Count] | UnsetType = UNSET


class Interruption(Part, frozen=True, kw_only=True):
    """The process of a run ended before the seal, and the run was resumed."""

    #: when the run was resumed, UTC; the interruption came after the end of its last closed trial
    resumed: Utc
    trials: Count  #: number of trials that were closed by then, failed ones included
    discarded: tuple[str, ...]  #: names of the trials that were open, and were removed
    #: seconds, rounded up, by which the wall clock was behind an instant that the run had already
    #: recorded; `resumed` is that instant then. Left out if the clock was not behind
    clock_set_back_s: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_times(resumed=self.resumed)


class Interruptions(Record, frozen=True, kw_only=True):
    """``interruptions.json`` of a run that is not sealed; the seal moves it into the record."""

    SCHEMA: ClassVar[str] = "interruptions/1"

    schema: Literal["interruptions/1"] = "interruptions/1"
    interruptions: tuple[Interruption, ...]


class BundleRecord(Record, frozen=True, kw_only=True):
    """``bundle.json``: what the bundle is."""

    SCHEMA: ClassVar[str] = "bundle/1"

    schema: Literal["bundle/1"] = "bundle/1"
    #: ``<utc>-<plan8>``, from `created` and the plan; the name of the folder at the seal
    id: BundleId
    #: partial if planned trials are missing, aborted if the run was interrupted, else complete
    status: Literal["complete", "partial", "aborted"]
    tool: Tool  #: the orchestrator
    plan: Plan  #: the plan that decided the run
    ledger: Sha256 | None  #: digest of the ledger whose claims the run tests, or null
    host: Sha256 | None  #: fingerprint of the host or hosts, or null if it was never taken
    trials: TrialCounts
    omitted: tuple[Omission, ...]  #: files that are not here
    redactions: tuple[Redaction, ...]  #: files from which something was taken out
    previous: Sha256 | None  #: digest of the seal before this one in the same index, or null
    created: Utc  #: when the run began, UTC
    sealed: Utc  #: when the bundle was sealed, UTC
    #: each time the run was resumed; left out if it never was
    interruptions: tuple[Interruption, ...] | UnsetType = UNSET
    #: digest of the seal of the bundle that this run repeats; left out if the run is no rerun
    rerun_of: Sha256 | UnsetType = UNSET
    #: as in `Interruption`, at the seal
    clock_set_back_s: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_times(created=self.created, sealed=self.sealed)
        if len(self.omitted) > _MOST_OMITTED:
            raise ValueError(f"omitted has more than {_MOST_OMITTED} entries")
        due = bundle_id(self.created, self.plan.sha256)
        if self.id != due and not self.id.startswith(due + "-"):
            raise ValueError(f"id is {self.id}, but created and plan make it {due}")


class Seal(Record, frozen=True, kw_only=True):
    """``SEAL.json``: the digests of record and manifest; its own digest identifies the bundle."""

    SCHEMA: ClassVar[str] = "seal/1"

    schema: Literal["seal/1"] = "seal/1"
    manifest: Sha256
    bundle: Sha256
    sealed_at: Utc
    tool: Tool

    def __post_init__(self) -> None:
        _check_times(sealed_at=self.sealed_at)


class TrialRecord(Record, frozen=True, kw_only=True):
    """``trial.json``: one trial and the readings around it."""

    SCHEMA: ClassVar[str] = "trial/1"

    schema: Literal["trial/1"] = "trial/1"
    id: Name  #: the name of the trial's folder
    index: Count  #: position in the order of execution, from 1
    block: Count  #: the block it belongs to, from 1
    subject: Name  #: name of the subject
    workload: Name  #: name of the workload
    load: Name  #: name of the load
    status: Literal["completed", "failed"]
    failure: Failure | None  #: why the trial failed; null if and only if it completed
    started: Utc  #: when the processes of the trial were started, UTC
    ended: Utc  #: when all of them had ended, UTC
    readings: TrialReadings  #: JSON has no NaN or infinity: both are written as null
    #: seconds, rounded up, by which the host's wall clock was behind when the trial began: before
    #: the end of the trial before it, or before the beginning of the run. They are added to
    #: `started` and `ended`. Left out if the clock was not behind
    clock_set_back_s: Count | UnsetType = UNSET
    #: ids of the trials whose services were alive together, this one included; left out where the
    #: subject was measured alone
    together: (
        Annotated[tuple[Name, ...], Meta(min_length=2, max_length=MOST_TOGETHER)] | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        _check_times(started=self.started, ended=self.ended)
        together = self.together or (self.id,)
        if self.id not in together or len(set(together)) < len(together):
            raise ValueError("together must name the trial itself, and each trial once")
        if (self.failure is None) != (self.status == "completed"):
            raise ValueError("failure must be null if and only if status is completed")


class Provenance(Record, frozen=True, kw_only=True):
    """The first line of ``DERIVED.sha256``: what was judged, and with what."""

    SCHEMA: ClassVar[str] = "derived/1"

    schema: Literal["derived/1"] = "derived/1"
    seal: Sha256  #: digest of the ``SEAL.json`` that was judged
    ledger: Sha256 | None  #: digest of the ledger, or null
    analysis_lock: Sha256  #: digest of the hash-locked requirements that the analysis ran with
    tool: Tool  #: the program that judged


class IndexLine(Record, frozen=True, kw_only=True):
    """One line of ``index.jsonl``; `previous` is the digest of the line before, or null."""

    SCHEMA: ClassVar[str] = "index/1"

    schema: Literal["index/1"] = "index/1"
    id: BundleId
    seal: Sha256
    previous: Sha256 | None


def bundle_id(created: datetime, plan_sha256: str) -> str:
    """Return ``<utc>-<plan8>``, the name of a bundle.

    Raises:
        ValueError: the instant has no time zone, or the digest is not one.
    """
    if created.tzinfo is None:
        raise ValueError("created has no time zone")
    if not re.match(SHA256, plan_sha256):
        raise ValueError(f"{plan_sha256!r} is not a SHA-256 in hex")
    return f"{created.astimezone(UTC).strftime(_ID_TIME)}-{plan_sha256[:8]}"


def created_of(identifier: str) -> datetime | None:
    """Return the instant in a bundle's id, or None if the text is not an id."""
    if not re.match(BUNDLE_ID, identifier):
        return None
    try:
        return datetime.strptime(identifier.partition("-")[0], _ID_TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _check_times(**times: datetime) -> None:
    """Refuse instants that are not in UTC, not in the order given, or outside `_YEARS`."""
    for name, instant in times.items():
        # An instant near the first or last year of a datetime overflows when a span is added.
        if instant.year not in _YEARS:
            raise ValueError(f"{name} is in the year {instant.year}")
        if instant.utcoffset() != timedelta(0):
            raise ValueError(f"{name} is not in UTC")
    if list(times.values()) != sorted(times.values()):
        raise ValueError(f"{' and '.join(times)} are in the wrong order")
