"""Small bundles for the tests, whole or broken on purpose."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import UNSET

from bundle.codec import encode
from bundle.derived import write_derived
from bundle.documents.failure import Failure
from bundle.documents.readings import TrialReadings
from bundle.format import BundleRecord, Plan, Provenance, Tool, TrialCounts, TrialRecord
from bundle.read import Bundle
from bundle.seal import CHECKS
from bundle.unsealed import UnsealedRun
from bundle.write import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CREATED = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
PLAN_SHA256 = "5a" * 32
TAKEN_UP = CREATED + timedelta(minutes=30)
TOOL = Tool(version="0.1.0", commit="c" * 40, dirty=False)
NAME = "20261123T031500Z-5a5a5a5a"


def trial_name(index: int) -> str:
    return f"{index:03d}-asyncpg@current-read-one-c64-b{index:02d}"


def trial_record(
    index: int, *, name: str | None = None, failed: bool = False, together: Sequence[str] = ()
) -> TrialRecord:
    failure = Failure(code="load", what="no output", where="wrk", hint="repeat it")
    return TrialRecord(
        id=name or trial_name(index),
        index=index,
        block=index,
        subject="asyncpg@current",
        workload="read-one",
        load="c64",
        status="failed" if failed else "completed",
        failure=failure if failed else None,
        started=CREATED + timedelta(minutes=index),
        ended=CREATED + timedelta(minutes=index, seconds=30),
        readings=TrialReadings(stages_s={"window": 1.0 + index}),
        together=tuple(together) or UNSET,
    )


def fill_trial(
    folder: Path, index: int, *, failed: bool = False, together: Sequence[str] = ()
) -> None:
    record = trial_record(index, failed=failed, together=together)
    (folder / "trial.json").write_bytes(encode(record))
    (folder / "wrk.stdout.txt").write_text(f"Requests/sec: {1000 + index}\n" * 500)
    (folder / "logs").mkdir()
    (folder / "logs/service.log").write_text("started\n")


def write_trial(writer: BundleWriter, index: int, *, failed: bool = False) -> str:
    name = trial_name(index)
    with writer.trial(name) as folder:
        fill_trial(folder, index, failed=failed)
    return name


def write_together(writer: BundleWriter, indices: Sequence[int]) -> list[str]:
    names = [trial_name(index) for index in indices]
    with writer.trials(names) as folders:
        for index, folder in zip(indices, folders, strict=True):
            fill_trial(folder, index, together=names)
    return names


def record_for(writer: BundleWriter, *, completed: int, failed: int = 0, **other) -> BundleRecord:
    values = {
        "id": writer.id,
        "status": "complete",
        "tool": TOOL,
        "plan": Plan(sha256=PLAN_SHA256, name="demo"),
        "ledger": None,
        "host": "7" * 64,
        "trials": TrialCounts(
            planned=completed + failed, completed=completed, failed=failed, skipped=0
        ),
        "omitted": (),
        "redactions": (),
        "previous": None,
        "created": writer.created,
        "sealed": CREATED + timedelta(hours=1),
        "interruptions": writer.interruptions or UNSET,
    }
    return BundleRecord(**(values | other))


def new_writer(parent: Path) -> BundleWriter:
    return BundleWriter.create(parent, plan_sha256=PLAN_SHA256, created=CREATED)


def taken_up(partial: Path) -> BundleWriter:
    return UnsealedRun(partial).take_up(TAKEN_UP)


def sealed(parent: Path, *, trials: int = 2) -> Path:
    with new_writer(parent) as writer:
        writer.add("inputs/plan.yaml", b"name: demo\n")
        for index in range(trials):
            write_trial(writer, index)
        return writer.seal(record_for(writer, completed=trials))


def judged(bundle: Path) -> Path:
    """Add a small derived/."""
    seal = Bundle.open(bundle).seal
    provenance = Provenance(seal=seal, ledger=None, analysis_lock="8" * 64, tool=TOOL)
    files = {"results.json": b"{}\n", "figures/dots.svg": b"<svg/>\n"}
    return write_derived(bundle, files, provenance)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes, indent=2) + "\n")


def relist(bundle: Path) -> None:
    """Make the manifest agree with the files again, as an editor of a bundle would."""
    lines = (bundle / "MANIFEST.sha256").read_text().splitlines()
    paths = [line[66:] for line in lines]
    set_manifest(bundle, [f"{sha256((bundle / path).read_bytes())}  {path}" for path in paths])


def set_manifest(bundle: Path, lines: list[str]) -> None:
    (bundle / "MANIFEST.sha256").write_text("".join(line + "\n" for line in lines))


def manifest_lines(bundle: Path) -> list[str]:
    return (bundle / "MANIFEST.sha256").read_text().splitlines()


def reseal(bundle: Path) -> None:
    """Make the seal agree with manifest and record again, as a dishonest maker would."""
    edit_json(
        bundle / "SEAL.json",
        manifest=sha256((bundle / "MANIFEST.sha256").read_bytes()),
        bundle=sha256((bundle / "bundle.json").read_bytes()),
    )


def coreutils(bundle: Path) -> str:
    """What the commands of the README print for this bundle."""
    shell = subprocess.run(
        ["sh", "-c", CHECKS], cwd=bundle, capture_output=True, text=True, check=False
    )
    return shell.stdout + shell.stderr


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the bytes of the files."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }
