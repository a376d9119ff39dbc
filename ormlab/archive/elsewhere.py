"""Packed bundles that a store in a git repository leaves to the history of that repository.

``elsewhere.json`` in the store (`Elsewhere`) names each of them with a commit whose tree still has
it. Seals and index stay in the store, so what a bundle must be is known without it. The name of a
packed bundle is its digest: what comes out of the history is verified like what comes from a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bundle.codec import decode
from bundle.errors import RecordError
from ormlab.archive.errors import EntryError, MismatchError
from ormlab.archive.layout import ELSEWHERE, Elsewhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.archive.layout import Moved
    from ormlab.archive.store import Store


def read(store: Store) -> Elsewhere | None:
    """What a store leaves to a history; None if it leaves nothing.

    Raises:
        MismatchError: its ``elsewhere.json`` is not what this version reads.
        StoreError: the store could not be reached, or refused.
    """
    data = store.read(ELSEWHERE)
    if data is None:
        return None
    try:
        return decode(data, Elsewhere, where=store.url)
    except RecordError as error:
        what = f"{ELSEWHERE} cannot be read: {error.what}"
        hint = "do not rely on this store; nothing of it was used"
        raise MismatchError("store-foreign", what, where=store.url, hint=hint) from error


def refusal(elsewhere: Elsewhere, moved: Sequence[Moved], *, where: str) -> EntryError:
    """The error of bundles that were asked for and that the history keeps.

    Args:
        elsewhere: of the store.
        moved: which of its bundles, at least one.
        where: the address of the store.
    """
    first = moved[0]
    others = f" and {len(moved) - 1} more are" if len(moved) > 1 else " is"
    what = (
        f"the bundle {first.id}{others} not in this store but in the history of the git "
        f"repository that carries it, at commit {first.commit[:12]}"
    )
    file = f"{first.id}.tar.zst"
    hint = (
        f"in a clone with its history `git show {first.commit}:{elsewhere.path(first)} > {file}`, "
        f"then `ormlab archive unpack {file} ARCHIVE`, and pull again"
    )
    if len(moved) > 1:
        hint += f"; {ELSEWHERE} in the store names the commit and the digest of the others"
    return EntryError("entry-elsewhere", what, where=where, hint=hint)
