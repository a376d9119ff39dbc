"""Watching releases: ask the index, measure what is due, archive it, say what each one changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bundle import typed
from bundle.display import quantity
from bundle.documents.results import Results
from ormlab.archive import keep
from ormlab.archive.runs import read_runs
from ormlab.base.errors import Interrupted, LabError
from ormlab.compare import stacks
from ormlab.releases import changes, choice, index, plan
from ormlab.releases.seen import seen
from ormlab.reproduce import existing
from ormlab.run import hosts
from ormlab.run.measure import record
from ormlab.run.resume import resume_if_same
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.releases.choice import DueRelease, ReleaseChoice
    from ormlab.releases.plan import Watched
    from ormlab.run.progress import Progress

_GO_ON = "the same command goes on with the releases that are missing"


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    watched: tuple[Watched, ...]
    archive: Path  #: folder of the archive, which is made if it is missing
    bundles: Path  #: folder that takes the bundles of new runs
    since: datetime | None = None  #: as in `ormlab.releases.choice.choose`
    limit: int | None = None  #: likewise, of each package


@dataclass(frozen=True)
class Found:
    """What is new of one package."""

    watched: Watched
    choice: ReleaseChoice
    newest: str | None  #: the highest version that the archive has; None if it has none

    @property
    def package(self) -> str:
        """The package of the service."""
        return self.watched.spec.service.manifest.package


@dataclass(frozen=True)
class MeasuredRelease:
    """One release that was measured."""

    package: str
    due: DueRelease
    bundle: Path  #: in the archive
    cells: tuple[changes.CellChanges, ...]  #: none without a usable trial
    unusable: tuple[str, ...]  #: what could not be measured, with the reason


@dataclass
class Outcome:
    """What the releases that were due came to."""

    measured: list[MeasuredRelease] = field(default_factory=list)
    #: why a release could not be measured, by package and version
    failed: dict[tuple[str, str], LabError] = field(default_factory=dict)


def look(request: Request) -> tuple[Found, ...]:
    """Ask the index and the archive what is new; measures nothing.

    Raises:
        UsageError: an index answers with something else, or no stack is as asked for.
        ProvisioningError: the index cannot be reached.
        IndexBrokenError: the index of the archive was changed.
    """
    pythons = [stacks.interpreter(each.spec, each.python) for each in request.watched]
    indexes = index.addresses()
    runs = read_runs(request.archive) if request.archive.is_dir() else ()
    found = []
    for watched, python in zip(request.watched, pythons, strict=True):
        package = watched.spec.service.manifest.package
        had = seen(request.archive, runs, watched.plan_name, watched.subject, package)
        known = index.releases(package, python, indexes)
        chosen = choice.choose(
            known, had, since=request.since, after=watched.after, limit=request.limit
        )
        found.append(Found(watched, chosen, str(max(had)) if had else None))
    return tuple(found)


def measure(
    request: Request, found: Sequence[Found], inventory: Inventory, progress: Progress
) -> Outcome:
    """Measure every release that is due, and archive each bundle as soon as it is sealed.

    A release that cannot be measured keeps no other from it. What was sealed and not archived, or
    begun and not sealed, when a process ended, is taken up by the next call.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; releases that were archived before stay so.
        BundleError: a bundle could not be written or archived.
    """
    outcome = Outcome()
    try:
        for each, due in _in_order(found):
            what = f"{each.package} {due.release.version} over {due.over.version}"
            progress.stage(f"release: {what}")
            try:
                with plan.decided(each.watched, due) as resolved:
                    bundle = _bundle(resolved, request, inventory, progress)
                kept = keep.add(bundle, request.archive).path
            except Interrupted:
                raise
            except LabError as problem:
                outcome.failed[each.package, str(due.release.version)] = problem
                progress.warn(f"{what} could not be measured: {problem.what}")
                continue
            outcome.measured.append(read(kept, each.package, due))
    except Interrupted as interrupted:
        interrupted.hint += f"; {_GO_ON}"
        raise
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted",
            f"interrupted after {quantity(len(outcome.measured), 'release')}",
            where=str(request.archive),
            hint=f"what was archived stays; {_GO_ON}",
        ) from None
    return outcome


def _in_order(found: Sequence[Found]) -> Iterator[tuple[Found, DueRelease]]:
    """All that is due; of a package the oldest upload first, because what is new is told by it."""
    return ((each, due) for each in found for due in each.choice.due)


def _bundle(
    resolved: ResolvedPlan, request: Request, inventory: Inventory, progress: Progress
) -> Path:
    """The sealed bundle of a plan: one that is there, one that is continued, or a new one."""
    sealed = existing.of_plan(request.bundles, resolved.plan.name)
    serving, _ = existing.weighed(sealed, {resolved.sha256}, trials=True)
    if serving:
        progress.note(f"{serving[-1].path.name} has it already")
        return serving[-1].path
    anew = "the release is measured from its beginning"
    if (begun := existing.begun(request.bundles, resolved.sha256)) and (
        continued := resume_if_same(begun, inventory, progress, otherwise=anew)
    ):
        return continued
    with hosts.reached(inventory) as place:
        loads = resolved.plan.loads
        if lacking := hosts.undrivable(place, loads):
            raise hosts.generator_missing(place, loads, lacking)
        return carry_out(place, resolved, request.bundles, progress, record.inputs(resolved))


def read(bundle: Path, package: str, due: DueRelease) -> MeasuredRelease:
    """What a judged bundle says of a release."""
    results = typed.read(bundle, Results)
    trials = (each for each in results.omitted if each.path.startswith("trials/"))
    unusable = tuple(dict.fromkeys(each.reason for each in trials))
    return MeasuredRelease(package, due, bundle, changes.of(results), unusable)
