"""The bundle against the plain tools: verifying against sha256sum, packing against tar and zstd.

Both sides of a ratio do the same work on the same files, alternately, with the files in the page
cache; a ratio above 1 means that the lab is slower.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bundle.codec import encode
from bundle.documents.readings import TrialReadings
from bundle.format import BundleRecord, Plan, Tool, TrialCounts, TrialRecord
from bundle.pack import pack
from bundle.read import Bundle
from bundle.verify import verify
from bundle.write import BundleWriter
from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS: Final = 5
_TRIALS: Final = 60
_FILES: Final = 6
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TOOL: Final = Tool(version="bench", commit=None, dirty=None)


def run(*, megabytes: int = 200) -> dict[str, object]:
    """Measure on a bundle made for it.

    Args:
        megabytes: size of the bundle, over a few hundred files; three quarters do not compress.

    Returns:
        A figure by name: ratios to the plain tool, each the median over pairs of runs, the size
        measured on, and for what could not be measured the reason.
    """
    with tempfile.TemporaryDirectory(prefix="ormlab-bench-") as scratch:
        folder = Path(scratch)
        bundle = _make(folder, megabytes * 2**20)
        files = verify(bundle).files
        return {
            "bundle.files": files,
            "bundle.megabytes": megabytes,
            "bundle.verify_over_sha256sum": _ratio(lambda: _verify(bundle), lambda: _sum(bundle)),
            "bundle.pack_over_tar_zstd": _packing(bundle, folder),
        }


def _packing(bundle: Path, folder: Path) -> object:
    if not (shutil.which("zstd") and shutil.which("tar")):
        return {"skipped": "no tar or no zstd program here"}
    ours, theirs = folder / "ours.tar.zst", folder / "theirs.tar.zst"

    def by_us() -> None:
        ours.unlink(missing_ok=True)
        pack(bundle, ours)

    # pack verifies first and flushes to the disk last, so the other side does that too.
    script = (
        'cd "$1" && sha256sum --check --quiet MANIFEST.sha256 && '
        'tar --sort=name -cf - . | zstd -9 --single-thread -q -f -o "$2" && '
        'sync "$2" && sha256sum "$2"'
    )

    def by_them() -> None:
        _quietly(["sh", "-c", script, "sh", str(bundle), str(theirs)])

    return _ratio(by_us, by_them)


def _ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Return the median over rounds of our time over theirs; each goes first in turn."""
    ours(), theirs()
    ratios = []
    for number in range(_ROUNDS):
        if number % 2:
            denominator, numerator = _seconds(theirs), _seconds(ours)
        else:
            numerator, denominator = _seconds(ours), _seconds(theirs)
        ratios.append(numerator / denominator)
    return round(median(ratios), 3)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _verify(bundle: Path) -> None:
    if not verify(bundle, "L1").ok:
        raise RuntimeError("the bundle made for the benchmark does not verify")


def _sum(bundle: Path) -> None:
    _quietly(["sha256sum", "--check", "--strict", "--quiet", "MANIFEST.sha256"], bundle)


def _quietly(command: list[str], folder: Path | None = None) -> None:
    subprocess.run(
        command, env=environment("tool"), cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


def _make(parent: Path, size: int) -> Path:
    with BundleWriter.create(parent, plan_sha256="0" * 64, created=_NOW) as writer:
        for index in range(_TRIALS):
            with writer.trial(f"{index:03d}-a") as folder:
                _fill(folder, index, size // _TRIALS)
        counts = TrialCounts(planned=_TRIALS, completed=_TRIALS, failed=0, skipped=0)
        record = BundleRecord(
            id=writer.id,
            status="complete",
            tool=_TOOL,
            plan=Plan(sha256="0" * 64, name="bench"),
            ledger=None,
            host=None,
            trials=counts,
            omitted=(),
            redactions=(),
            previous=None,
            created=writer.created,
            sealed=writer.created,
        )
        return Bundle.open(writer.seal(record)).path


def _fill(folder: Path, index: int, size: int) -> None:
    """Write one trial: half samples, a quarter packed logs, and the rest text in small files."""
    record = TrialRecord(
        id=f"{index:03d}-a",
        index=index,
        block=0,
        subject="a",
        workload="w",
        load="l",
        status="completed",
        failure=None,
        started=_NOW,
        ended=_NOW,
        readings=TrialReadings(),
    )
    (folder / "trial.json").write_bytes(encode(record))
    (folder / "samples.parquet").write_bytes(os.urandom(size // 2))
    (folder / "service.log.zst").write_bytes(os.urandom(size // 4))
    line = json.dumps({"bin": index, "count": 1, "latency_us": 11_800}) + "\n"
    for number in range(_FILES - 2):
        (folder / f"wrk{number}.json").write_text(line * (size // 16 // len(line)))
