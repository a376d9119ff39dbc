"""What can go wrong with a bundle, as one tree.

    BundleError               bundle-error      also
    ├── PathRefusedError      path-refused      ValueError
    ├── RecordError           record-refused    ValueError
    ├── ArchiveError          archive-refused   ValueError
    ├── VerificationError     not-verified      ValueError
    ├── NotSealedError        not-sealed        ValueError
    ├── IndexBrokenError      index-broken      ValueError
    ├── WriterClosedError     writer-closed     RuntimeError
    └── StorageError          storage-failed    OSError
        ├── DiskFullError     disk-full         OSError
        ├── BundleBusyError   bundle-busy       BlockingIOError
        ├── BundleMissingError  bundle-missing  FileNotFoundError
        └── BundleExistsError   bundle-exists   FileExistsError

Each says what happened, where, and what to do next, and has a stable code. What `verify` finds in
a bundle is not raised: it is listed, with the codes of `bundle.codes`.
"""

from __future__ import annotations

from typing import ClassVar


class BundleError(Exception):
    """The root of the tree.

    Attributes:
        code: stable name of the kind of failure.
        what: what happened, one clause.
        where: the file, folder or key it happened at.
        hint: what to do next.
    """

    code: ClassVar[str] = "bundle-error"

    def __init__(self, what: str, *, where: object, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = str(where)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.hint}"


class PathRefusedError(BundleError, ValueError):
    """A name cannot be used in a bundle."""

    code = "path-refused"


class RecordError(BundleError, ValueError):
    """A record of the bundle is malformed, or says what is not so."""

    code = "record-refused"


class ArchiveError(BundleError, ValueError):
    """An archive is not exactly what `pack` writes."""

    code = "archive-refused"


class VerificationError(BundleError, ValueError):
    """A bundle does not reach the level that the caller needs."""

    code = "not-verified"


class NotSealedError(BundleError, ValueError):
    """A bundle has no seal that holds, and the caller needs one."""

    code = "not-sealed"


class IndexBrokenError(BundleError, ValueError):
    """A line of the index does not continue the chain of those before it."""

    code = "index-broken"


class WriterClosedError(BundleError, RuntimeError):
    """A writer was used after its bundle was sealed or closed."""

    code = "writer-closed"


class StorageError(BundleError, OSError):
    """The operating system refused; `errno` says why."""

    code = "storage-failed"

    def __init__(self, what: str, *, where: object, hint: str, errno: int | None = None) -> None:
        super().__init__(what, where=where, hint=hint)
        self.errno = errno


class DiskFullError(StorageError):
    """There is no room left, or a quota or file size limit is reached."""

    code = "disk-full"


class BundleBusyError(StorageError, BlockingIOError):
    """Another process is writing this bundle."""

    code = "bundle-busy"


class BundleMissingError(StorageError, FileNotFoundError):
    """There is no bundle at this place."""

    code = "bundle-missing"


class BundleExistsError(StorageError, FileExistsError):
    """Something is already there that would be overwritten."""

    code = "bundle-exists"
