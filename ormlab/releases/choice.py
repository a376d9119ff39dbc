"""Which releases are due, and with which release each is compared.

The comparisons are the links of a chain: each release is compared with the one before it, in the
order of versions. What is left out to save time leaves no gap, because the chain goes over it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from packaging.version import Version

    from ormlab.releases.index import Release


@dataclass(frozen=True)
class DueRelease:
    """A release that is to be measured."""

    release: Release
    over: Release  #: the release before it, which it is compared with


@dataclass(frozen=True)
class SkippedRelease:
    """A new release that is not measured."""

    release: Release
    why: str


@dataclass(frozen=True)
class ReleaseChoice:
    """The new releases of a package, both kinds in the order of their uploads."""

    due: tuple[DueRelease, ...]
    left_out: tuple[SkippedRelease, ...]


def choose(
    releases: Sequence[Release],
    seen: Collection[Version],
    *,
    since: datetime | None = None,
    after: Version | None = None,
    limit: int | None = None,
) -> ReleaseChoice:
    """Decide what is due.

    A release is new if it was uploaded after the newest one that was seen; of a package of which
    none was, its highest version alone is new. With ``since`` or ``after`` a release is new if it
    was uploaded then or later, has a higher version than that, and was not seen.

    Args:
        releases: of a package, in the order of their versions.
        seen: those that the archive has.
        since: an instant.
        after: a version.
        limit: how many may be due; if more are new, these are spread evenly over the new versions,
            the highest one among them.
    """
    new = [each for each in _new(releases, seen, since, after) if each.version not in seen]
    wanted = [each for each in new if each.unfit is None]
    picked = {*_spread(wanted, limit)}
    passed_over = {each for each in wanted if each not in picked}
    chain = [each for each in releases if each.unfit is None and each not in passed_over]
    over = {release: before for before, release in pairwise(chain)}
    due = [DueRelease(each, over[each]) for each in picked if each in over]
    left_out = [SkippedRelease(each, each.unfit) for each in new if each.unfit is not None]
    left_out += [SkippedRelease(each, "--limit leaves it out") for each in passed_over]
    left_out += [
        SkippedRelease(each, "there is none before it") for each in picked if each not in over
    ]
    return ReleaseChoice(
        tuple(sorted(due, key=lambda each: _when(each.release))),
        tuple(sorted(left_out, key=lambda each: _when(each.release))),
    )


def _new(
    releases: Sequence[Release],
    seen: Collection[Version],
    since: datetime | None,
    after: Version | None,
) -> Sequence[Release]:
    if since is not None or after is not None:
        return [
            each
            for each in releases
            if (since is None or each.uploaded >= since) and (after is None or each.version > after)
        ]
    known = [each.uploaded for each in releases if each.version in seen]
    if known:
        return [each for each in releases if each.uploaded > max(known)]
    fit = [at for at, each in enumerate(releases) if each.unfit is None]
    return releases[fit[-1] if fit else -1 :]


def _spread(wanted: Sequence[Release], limit: int | None) -> list[Release]:
    """At most so many, evenly spread, the last one among them."""
    last = len(wanted) - 1
    if limit is None or last < limit:
        return list(wanted)
    return [wanted[last - number * last // max(1, limit - 1)] for number in range(limit)]


def _when(release: Release) -> tuple[datetime, Version]:
    return release.uploaded, release.version
