"""What happens to a bundle when the disk is full; run by test_full_disk on a disk of its own.

    python -m tests.bundle.full_disk FOLDER

Mounts a file system of 4 MiB on the folder, which vanishes with the process, and fills it again
and again. Ends with 0 and prints ``ok`` if every step did what it should.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bundle import index
from bundle.codec import encode
from bundle.errors import DiskFullError
from bundle.pack import pack
from bundle.unpack import unpack
from bundle.verify import verify
from tests.bundle import making

if TYPE_CHECKING:
    from bundle.write import BundleWriter


def fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(2**16))


@contextmanager
def full(disk: Path):
    """A disk with no byte left, and the error that this must give."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    try:
        yield pytest.raises(DiskFullError, match="free some space")
    finally:
        filler.unlink()


def trials_that_do_not_fit(writer: BundleWriter, disk: Path) -> None:
    kept = making.write_trial(writer, 0)
    with pytest.raises(DiskFullError), writer.trial("large") as folder:
        (folder / "samples.parquet").write_bytes(os.urandom(8 * 2**20))
    with full(disk) as fails, fails, writer.trial(making.trial_name(1)) as folder:
        (folder / "trial.json").write_bytes(encode(making.trial_record(1)))
    with full(disk) as fails, fails:
        writer.add("host/facts.json", b"x" * 5000)
    assert writer.closed_trials() == (kept,)
    assert sorted(path.name for path in writer.folder.iterdir()) == ["host", "trials"]
    assert [path.name for path in (writer.folder / "trials").iterdir()] == [kept]


def main(disk: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "ormlab", disk], check=True)
    parent = disk / "bundles"
    with making.new_writer(parent) as writer:
        trials_that_do_not_fit(writer, disk)
        with full(disk) as fails, fails:
            writer.seal(making.record_for(writer, completed=1))
        partial = writer.folder
    with making.taken_up(partial) as writer:
        making.write_trial(writer, 1)
        bundle = writer.seal(making.record_for(writer, completed=2))
    assert verify(bundle).ok
    assert len(index.read(parent)) == 1

    derived = making.judged(bundle)
    before = making.snapshot(disk)
    with full(disk) as fails, fails:
        making.judged(bundle)
    archive = disk / "bundle.tar.zst"
    with full(disk) as fails, fails:
        pack(bundle, archive)
    assert making.snapshot(disk) == before
    assert derived.is_dir()
    pack(bundle, archive)
    (disk / "other").mkdir()
    with full(disk) as fails, fails:
        unpack(archive, disk / "other")
    assert list((disk / "other").iterdir()) == []
    assert verify(unpack(archive, disk / "other")).ok
    print("ok")  # noqa: T201 (for the test that waits)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
