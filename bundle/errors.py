"""What can go wrong with a bundle, as one tree below `BundleError`.

Each error says what happened, where, and what to do next, and each class has a stable code. Each is
also an error of Python's own: code that knows nothing of bundles can catch it as a ValueError or an
OSError. `verify` does not raise what it finds: it lists it, with the codes of `bundle.codes`.
"""

from __future__ import annotations

from typing import ClassVar


class BundleError(Exception):
    """The root of the tree."""

    code: ClassVar[str] = "bundle-error"  #: stable name of the kind of failure

    def __init_subclass__(cls, *, code: str) -> None:
        super().__init_subclass__()
        cls.code = code

    def __init__(self, what: str, *, where: object, hint: str) -> None:
        """Make an error."""
        super().__init__(what)
        self.what = what
        self.where = str(where)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.hint}"


class PathRefusedError(BundleError, ValueError, code="path-refused"):
    """A name cannot be used in a bundle."""


class RecordError(BundleError, ValueError, code="record-refused"):
    """A record of the bundle is malformed, or contradicts the files beside it."""


class ArchiveError(BundleError, ValueError, code="archive-refused"):
    """An archive is not exactly what `pack` writes."""


class VerificationError(BundleError, ValueError, code="not-verified"):
    """A bundle does not reach the level that the caller needs."""


class NotSealedError(BundleError, ValueError, code="not-sealed"):
    """A bundle has no valid seal, and the caller needs one."""


class IndexBrokenError(BundleError, ValueError, code="index-broken"):
    """A line of the index does not continue the chain of the lines before it."""


class WriterClosedError(BundleError, RuntimeError, code="writer-closed"):
    """A writer was used after its bundle was sealed or closed."""


class StorageError(BundleError, OSError, code="storage-failed"):
    """The operating system refused; `errno` says why."""

    def __init__(self, what: str, *, where: object, hint: str, errno: int | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.errno = errno


class DiskFullError(StorageError, code="disk-full"):
    """There is no room left, or a quota or file size limit is reached."""


class BundleBusyError(StorageError, BlockingIOError, code="bundle-busy"):
    """Another process is writing this bundle."""


class BundleMissingError(StorageError, FileNotFoundError, code="bundle-missing"):
    """There is no bundle at this place."""


class BundleExistsError(StorageError, FileExistsError, code="bundle-exists"):
    """Something is already there that would be overwritten."""
