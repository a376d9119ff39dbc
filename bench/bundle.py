"""The bundle against the plain tools: verifying against sha256sum, packing against tar and zstd.

Both sides of a ratio do the same work on the same files, alternately, with the files in the page
cache; a ratio above 1 means that the lab is slower.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from bench import output_of
from bundle.codec import encode
from bundle.pack import pack
from bundle.verify import verify
from tests.bundle import making

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS: Final = 5
_TRIALS: Final = 60
_FILES: Final = 6


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
        output_of("sh", "-c", script, "sh", bundle, theirs)

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
    output_of("sha256sum", "--check", "--strict", "--quiet", "MANIFEST.sha256", cwd=bundle)


def _make(parent: Path, size: int) -> Path:
    with making.new_writer(parent) as writer:
        for index in range(_TRIALS):
            with writer.trial(making.trial_name(index)) as folder:
                _fill(folder, index, size // _TRIALS)
        return writer.seal(making.record_for(writer, completed=_TRIALS))


def _fill(folder: Path, index: int, size: int) -> None:
    """Write one trial: half samples, a quarter packed logs, and the rest text in small files."""
    (folder / "trial.json").write_bytes(encode(making.trial_record(index)))
    (folder / "samples.parquet").write_bytes(os.urandom(size // 2))
    (folder / "service.log.zst").write_bytes(os.urandom(size // 4))
    line = json.dumps({"bin": index, "count": 1, "latency_us": 11_800}) + "\n"
    for number in range(_FILES - 2):
        (folder / f"wrk{number}.json").write_text(line * (size // 16 // len(line)))
