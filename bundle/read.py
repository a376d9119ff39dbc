"""A bundle on the disk: its record, and its trials in the order in which they were carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bundle import names, storage
from bundle.codec import LARGEST, decode
from bundle.errors import BundleMissingError, NotSealedError
from bundle.format import BundleRecord, TrialRecord
from bundle.tree import read_small
from bundle.verify import require

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.codes import Level


@dataclass(frozen=True)
class Trial:
    """One closed trial: its folder and its envelope."""

    path: Path
    record: TrialRecord


@dataclass(frozen=True)
class Bundle:
    """A bundle on the disk; `open` makes it."""

    path: Path  #: folder of the bundle
    trials: tuple[Trial, ...]  #: the closed trials, by index
    seal: str | None  #: SHA-256 of SEAL.json, the bundle's identity; None without a seal
    _record: BundleRecord | None

    @classmethod
    def open(cls, path: Path, *, level: Level = "L0", unsealed: bool = False) -> Self:
        """Verify a bundle up to a level and read its records; ``"L1"`` reads every byte.

        With ``unsealed`` it opens a run that has no seal yet, and verifies nothing.

        Raises:
            BundleMissingError: there is no folder.
            NotSealedError: there is no seal, or the seal does not hold.
            VerificationError: the bundle does not reach the level.
            RecordError: a trial.json is malformed.
        """
        if not path.is_dir():
            hint = "name the folder that holds SEAL.json"
            raise BundleMissingError("there is no such folder", where=path, hint=hint)
        with storage.guard(path):
            if unsealed:
                return cls(path, read_trials(path), None, None)
            seal = require(path, level).seal
            data = read_small(path / names.RECORD, limit=LARGEST)
            record = decode(data, BundleRecord, where=path / names.RECORD)
            return cls(path, read_trials(path), seal, record)

    @property
    def record(self) -> BundleRecord:
        """The record of a sealed bundle; NotSealedError if the bundle was opened unsealed."""
        if self._record is None:
            hint = "seal it, or do without the record"
            raise NotSealedError("there is no record before the seal", where=self.path, hint=hint)
        return self._record


def read_trials(path: Path) -> tuple[Trial, ...]:
    """Return the closed trials of a bundle or of an unsealed run, by index.

    Raises:
        RecordError: a trial.json is malformed.
    """
    trials = []
    for folder in (path / names.TRIALS).glob("*"):
        if not folder.name.endswith(names.OPEN_SUFFIX):
            file = folder / names.TRIAL
            data = read_small(file, limit=LARGEST)
            trials.append(Trial(folder, decode(data, TrialRecord, where=file)))
    return tuple(sorted(trials, key=lambda trial: (trial.record.index, trial.record.id)))
