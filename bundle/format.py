"""The records of a bundle.

    version          since   what changed
    bundle/1         0.1     first
                     0.1     `interruptions` and `rerun_of`, which most bundles do not have
                     0.1     `counts` of redactions
    interruptions/1  0.1     first
    seal/1           0.1     first
    trial/1          0.1     first
    derived/1        0.1     first
    index/1          0.1     first

A version that was ever written is read forever. An unknown, missing or repeated key is an error
that names the file and the key: absence is written as null or as an empty list, never left out.
The exceptions are keys that came later: they are left out where there is nothing to say, so that
whoever does not know them reads every other bundle as before.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal

from msgspec import UNSET, UnsetType

from bundle.codec import Part, Record
from bundle.documents.failure import Failure
from bundle.documents.readings import TrialReadings
from bundle.values import BUNDLE_ID, SHA256, BundleId, Commit, Count, Name, Sha256, Utc

_MOST_OMITTED: Final = 1000  # each is a pattern that every missing trial is held against
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
    """A file from which something was taken out before the seal, and why.

    Attributes:
        path: of the file; ``*`` stands for any part of a name.
        reason: what was taken out, in words.
        counts: how often the mark ``[redacted <kind>]`` stands in the file, by kind; left out
            where nothing was marked, but left away.
    """

    path: str
    reason: str
    counts: dict[str, Count] | UnsetType = UNSET


class Interruption(Part, frozen=True, kw_only=True):
    """The process of a run had ended before the seal, and the run was taken up again.

    Attributes:
        resumed: when it was taken up again, UTC; it was interrupted after the last trial that
            stood then had ended.
        trials: how many closed trials stood then, failed ones included.
        discarded: names of the trials that were open, and were removed.
        clock_set_back_s: left out unless the wall clock stood before an instant that the run had
            recorded already: by how many seconds, rounded up. `resumed` is that instant then.
    """

    resumed: Utc
    trials: Count
    discarded: tuple[str, ...]
    clock_set_back_s: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_times(resumed=self.resumed)


class Interruptions(Record, frozen=True, kw_only=True):
    """``interruptions.json`` of a run that is not sealed; the seal moves it into the record."""

    SCHEMA: ClassVar[str] = "interruptions/1"

    schema: Literal["interruptions/1"] = "interruptions/1"
    interruptions: tuple[Interruption, ...]


class BundleRecord(Record, frozen=True, kw_only=True):
    """``bundle.json``: what the bundle is.

    Attributes:
        schema: the version of this format.
        id: ``<utc>-<plan8>``, from `created` and the plan; the folder's name when it was sealed.
        status: complete; partial when planned trials are missing; aborted when it was interrupted.
        tool: the orchestrator.
        plan: the plan that decided the run.
        ledger: digest of the ledger put on trial, or null.
        host: fingerprint of the host or hosts, or null if it was never taken.
        trials: counts.
        omitted: what is not here.
        redactions: what was taken out.
        previous: digest of the seal before this one in the same index, or null.
        created: when the run began, UTC.
        sealed: when it was sealed, UTC.
        interruptions: each time the run was taken up again; left out if it never was.
        rerun_of: digest of the seal of the bundle whose plan and inputs were run again; left out
            if the run was no rerun.
        clock_set_back_s: as of an interruption, when the bundle was sealed.
    """

    SCHEMA: ClassVar[str] = "bundle/1"

    schema: Literal["bundle/1"] = "bundle/1"
    id: BundleId
    status: Literal["complete", "partial", "aborted"]
    tool: Tool
    plan: Plan
    ledger: Sha256 | None
    host: Sha256 | None
    trials: TrialCounts
    omitted: tuple[Omission, ...]
    redactions: tuple[Redaction, ...]
    previous: Sha256 | None
    created: Utc
    sealed: Utc
    interruptions: tuple[Interruption, ...] | UnsetType = UNSET
    rerun_of: Sha256 | UnsetType = UNSET
    clock_set_back_s: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_times(created=self.created, sealed=self.sealed)
        if len(self.omitted) > _MOST_OMITTED:
            raise ValueError(f"omitted has more than {_MOST_OMITTED} entries")
        due = bundle_id(self.created, self.plan.sha256)
        if self.id != due and not self.id.startswith(due + "-"):
            raise ValueError(f"id is {self.id}, but created and plan make it {due}")


class Seal(Record, frozen=True, kw_only=True):
    """``SEAL.json``: the digests that everything else hangs on."""

    SCHEMA: ClassVar[str] = "seal/1"

    schema: Literal["seal/1"] = "seal/1"
    manifest: Sha256
    bundle: Sha256
    sealed_at: Utc
    tool: Tool

    def __post_init__(self) -> None:
        _check_times(sealed_at=self.sealed_at)


class TrialRecord(Record, frozen=True, kw_only=True):
    """``trial.json``: one trial and what was read around it.

    Attributes:
        schema: the version of this format.
        id: the name of the trial's folder.
        index: position in the order of execution, from 1.
        block: the block it belongs to, from 1.
        subject: name of the subject.
        workload: name of the workload.
        load: name of the load.
        status: completed, or failed: then `failure` says why.
        failure: null if and only if the trial completed.
        started: when its processes were started, UTC.
        ended: when they were gone, UTC.
        readings: what was read around it. JSON has no NaN or infinity: both are written as null.
        clock_set_back_s: left out unless the host's wall clock stood, when the trial began, before
            the end of the trial before it or the beginning of the run: by how many seconds, rounded
            up. `started` and `ended` are later by that.
    """

    SCHEMA: ClassVar[str] = "trial/1"

    schema: Literal["trial/1"] = "trial/1"
    id: Name
    index: Count
    block: Count
    subject: Name
    workload: Name
    load: Name
    status: Literal["completed", "failed"]
    failure: Failure | None
    started: Utc
    ended: Utc
    readings: TrialReadings
    clock_set_back_s: Count | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_times(started=self.started, ended=self.ended)
        if (self.failure is None) != (self.status == "completed"):
            raise ValueError("failure must be null if and only if status is completed")


class Provenance(Record, frozen=True, kw_only=True):
    """The first line of ``DERIVED.sha256``: what was judged, and with what.

    Attributes:
        schema: the version of this format.
        seal: digest of the ``SEAL.json`` that was judged.
        ledger: digest of the ledger, or null.
        analysis_lock: digest of the hash-locked requirements that the analysis ran with.
        tool: the program that judged.
    """

    SCHEMA: ClassVar[str] = "derived/1"

    schema: Literal["derived/1"] = "derived/1"
    seal: Sha256
    ledger: Sha256 | None
    analysis_lock: Sha256
    tool: Tool


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
    """Return the instant in a bundle's id, or None if it is not an id."""
    if not re.match(BUNDLE_ID, identifier):
        return None
    try:
        return datetime.strptime(identifier.partition("-")[0], _ID_TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _check_times(**times: datetime) -> None:
    """Refuse instants that are not UTC, not in the order given, or of no year of a measurement."""
    for name, instant in times.items():
        # Near the ends of what a datetime can hold, no span of time can be added.
        if instant.year not in _YEARS:
            raise ValueError(f"{name} is in the year {instant.year}")
        if instant.utcoffset() != timedelta(0):
            raise ValueError(f"{name} is not in UTC")
    if list(times.values()) != sorted(times.values()):
        raise ValueError(f"{' and '.join(times)} are in the wrong order")
