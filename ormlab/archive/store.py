"""An object store in which nothing is ever replaced or deleted: put if absent, get, head, list.

Any store that obstore speaks to and that honours a conditional put (``If-None-Match: *``); one
that quietly ignores the condition is found out before anything is sent. Credentials come from the
environment or the chain of the store's own library, and nowhere else.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import from_url

from bundle.codec import decode
from bundle.errors import RecordError
from ormlab.archive.errors import EntryError, MismatchError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

    from bundle.codec import Record

_SCHEMES: Final = frozenset({"s3", "s3a", "gs", "az", "abfs", "abfss", "file", "memory"})
_MARKER: Final = "ormlab-store.json"
_FORMAT: Final = b'{"schema":"store/1"}\n'
# Above this a file goes in parts, which no store that obstore speaks to can make conditional.
_WHOLE: Final = 16 * 2**20
_PART: Final = 8 * 2**20
_PARTS_AT_ONCE: Final = 4
_PIECE: Final = 2**20
_LARGEST: Final = 2**26  # of an object that is read whole: an index, and what says where one lies
_PATIENCE: Final = timedelta(minutes=10)  # for one request, of up to 16 MiB
_SECRET: Final = ("KEY", "SECRET", "TOKEN", "PASSWORD")
_SHORTEST_SECRET: Final = 6


@dataclass(frozen=True)
class Store:
    """An object store, by the address that names it."""

    url: str
    _objects: ObjectStore

    @classmethod
    def open(cls, url: str, *, make: bool = False, retries: int = 5) -> Self:
        """Name a store; nothing is asked of it yet.

        Args:
            url: ``s3://bucket/prefix``, ``gs://``, ``az://``, ``file:///folder``, or a folder.
            make: whether to make a folder that is missing.
            retries: how often a request is made again when the connection or the server fails.

        Raises:
            EntryError: it is no such address, or holds credentials.
            StoreError: the folder is missing, or the environment's settings make no sense.
        """
        parts = urlsplit(url if "://" in url else Path(url).absolute().as_uri())
        if parts.scheme not in _SCHEMES:
            hint = f"use one of {', '.join(sorted(_SCHEMES))}, or a folder"
            what = f"an archive cannot be kept at {parts.scheme}:"
            raise EntryError("store-scheme", what, where=parts.scheme, hint=hint)
        if "@" in parts.netloc or parts.query or parts.fragment:
            hint = "put credentials into the environment (AWS_ACCESS_KEY_ID and so on)"
            what = "the address holds more than bucket and prefix"
            raise EntryError("store-address", what, where=parts.scheme, hint=hint)
        address = parts.geturl()
        with _guard(address):
            if parts.scheme == "file":
                if not make and not Path(unquote(parts.path)).is_dir():
                    hint = "name the folder of a store; `ormlab archive push` makes a new one"
                    raise StoreError("store-failed", "there is no store", where=address, hint=hint)
                return cls(address, from_url(address, mkdir=make))
            if parts.scheme == "memory":
                return cls(address, from_url(address))
            objects = from_url(
                address,
                client_options={"timeout": _PATIENCE, "allow_http": _may_be_plain()},
                retry_config={"max_retries": retries, "retry_timeout": _PATIENCE},
            )
            return cls(address, objects)

    def require_conditions(self) -> None:
        """Make sure that a second put of a name is refused; leaves a marker of a few bytes.

        Raises:
            StoreError: the store would replace what is there.
        """
        if self.put_once(_MARKER, _FORMAT) and self.put_once(_MARKER, _FORMAT):
            what = "the store ignores conditional puts: it would replace what is there"
            hint = "use a store that honours If-None-Match, as S3, R2, GCS, Azure and a folder do"
            raise StoreError("store-unconditional", what, where=self.url, hint=hint)

    def put_once(self, name: str, data: bytes) -> bool:
        """Store bytes under a name that is free; False if it is taken, which changes nothing."""
        with _guard(self._at(name)):
            try:
                obstore.put(self._objects, name, data, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def put_file(self, name: str, path: Path) -> None:
        """Store a file under a name, whole or not at all.

        Up to 16 MiB the put is conditional. A larger file goes in parts and appears when the last
        one is there; its name must therefore be free, or be the digest of what is in it.
        """
        with _guard(self._at(name)):
            if path.stat().st_size > _WHOLE:
                obstore.put(
                    self._objects,
                    name,
                    path,
                    use_multipart=True,
                    chunk_size=_PART,
                    max_concurrency=_PARTS_AT_ONCE,
                )
                return
        self.put_once(name, path.read_bytes())

    def size(self, name: str) -> int | None:
        """How many bytes are stored under a name, or None."""
        with _guard(self._at(name)):
            try:
                return obstore.head(self._objects, name)["size"]
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object, or None if the name is free.

        Raises:
            StoreError: it is larger than what the lab reads whole.
        """
        size = self.size(name)
        if size is None:
            return None
        if size > _LARGEST:
            what = f"{name} has {size:,} bytes, more than {_LARGEST:,}"
            hint = "no push writes such a thing: do not rely on this store"
            raise StoreError("store-large", what, where=self.url, hint=hint)
        with _guard(self._at(name)):
            if not size:
                return b""
            return bytes(obstore.get_range(self._objects, name, start=0, end=size))

    def record[T: Record](self, name: str, kind: type[T]) -> T | None:
        """The record under a name, or None if the name is free.

        Raises:
            MismatchError: what is there is not such a record.
            StoreError: it is larger than what the lab reads whole.
        """
        data = self.read(name)
        try:
            return None if data is None else decode(data, kind, where=self.url)
        except RecordError as error:
            raise self.foreign(name, error.what) from error

    def foreign(self, name: str, why: str) -> MismatchError:
        """The error of something that no push of this version writes."""
        what = f"{name} is not what this version stores: {why}"
        hint = "do not rely on this store; nothing of it was used"
        return MismatchError("store-foreign", what, where=self.url, hint=hint)

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield the bytes under a name piece by piece."""
        with _guard(self._at(name)):
            for piece in obstore.get(self._objects, name).stream(min_chunk_size=_PIECE):
                yield bytes(piece)

    def names(self, prefix: str) -> list[str]:
        """The names below a prefix, sorted."""
        with _guard(self._at(prefix)):
            batches = obstore.list(self._objects, prefix)
            return sorted(found["path"] for batch in batches for found in batch)

    def _at(self, name: str) -> str:
        return f"{self.url.rstrip('/')}/{name}"


@contextmanager
def _guard(where: str) -> Iterator[None]:
    """Turn what the library raises into one error, without what only a debugger wants to see."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        # The answer of a server may quote the request, with the key's name in it.
        said = str(error).partition("\n")[0].partition("<")[0].rstrip(": ")
        hint = "check address, network and credentials (the environment), then do the same again"
        raise StoreError("store-failed", _without_secrets(said), where=where, hint=hint) from None


def _may_be_plain() -> bool:
    """Whether the environment allows a store without TLS; giving any option drops the others."""
    return os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true"}


def _without_secrets(text: str) -> str:
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and any(word in name.upper() for word in _SECRET):
            text = text.replace(value, f"({name})")
    return text
