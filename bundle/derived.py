"""Writing derived/: what was computed from a sealed bundle, and may be computed again."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from bundle import manifest, names, storage
from bundle.codec import encode
from bundle.errors import PathRefusedError, RecordError
from bundle.verify import require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bundle.format import Provenance


def write_derived(bundle: Path, files: Mapping[str, bytes], provenance: Provenance) -> Path:
    """Replace derived/ of a sealed bundle as a whole.

    The new folder is made beside the bundle and moved in. A crash leaves the old one, the new one,
    or for a moment none, and the bundle verifies in each case.

    ``files`` has bytes by path relative to derived/; the provenance must name this bundle's seal.

    Raises:
        NotSealedError: the bundle does not reach L0.
        RecordError: the results were made from another seal.
        PathRefusedError: a name is not allowed.
        DiskFullError: there was no room; the old derived/ is still there.
    """
    seal = require(bundle, "L0").seal
    if provenance.seal != seal:
        hint = f"judge this bundle, whose seal is {seal}"
        raise RecordError("the results name another seal", where=bundle, hint=hint)
    _check_names(files)
    bundle = bundle.resolve()
    fresh = bundle.with_name(f".{bundle.name}.derived")
    stale = bundle.with_name(f".{bundle.name}.derived.old")
    target = bundle / names.DERIVED
    with storage.guard(target):
        lock = storage.Lock(bundle)
        try:
            _remove(fresh)
            _remove(stale)
            _fill(fresh, files, provenance)
            _swap(fresh, target, stale)
            storage.sync(bundle)
        finally:
            _remove(fresh)
            _remove(stale)
            lock.release()
    return target


def _check_names(files: Mapping[str, bytes]) -> None:
    for path in files:
        names.check_path(f"{names.DERIVED}/{path}")
    hint = "rename one of them"
    for first, second in names.collisions([*files, names.DERIVED_MANIFEST]):
        what = f"the name differs from {first} only in case"
        raise PathRefusedError(what, where=second, hint=hint)
    if names.DERIVED_MANIFEST in files:
        raise PathRefusedError(
            "this name is the list's own", where=names.DERIVED_MANIFEST, hint=hint
        )


def _fill(folder: Path, files: Mapping[str, bytes], provenance: Provenance) -> None:
    folder.mkdir()
    listing = manifest.render({p: hashlib.sha256(data).hexdigest() for p, data in files.items()})
    # sha256sum skips lines that start with a hash sign.
    head = b"# " + encode(provenance, indent=0)
    for path, data in {**files, names.DERIVED_MANIFEST: head + listing}.items():
        target = folder / path
        storage.make_folders(target.parent, under=folder)
        storage.write_file(target, data)


def _swap(fresh: Path, target: Path, stale: Path) -> None:
    with suppress(FileNotFoundError):
        target.rename(stale)
    try:
        fresh.rename(target)
    except OSError:
        with suppress(FileNotFoundError):
            stale.rename(target)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
