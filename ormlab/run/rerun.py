"""``ormlab rerun``: the plan, locks and inputs of a bundle once more, on this host.

The stacks are made from the locks that the bundle holds, not from today's. What of the inputs
cannot be honoured is refused; a source that differs is said, and stands in the new bundle.

To run a stranger's bundle again is to install and import what its locks name. So what would be
executed is told beforehand (`propose`), and locks that are not the checkout's have to be trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bundle.codec import serialise
from bundle.documents.host import Rerun
from bundle.read import Bundle
from ormlab.base import scratch, source
from ormlab.base.errors import UsageError
from ormlab.run import hosts, inputs, recorded
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.documents.host import Source
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress
    from ormlab.run.recorded import Lock

PATCH = "inputs/source.patch"


@dataclass(frozen=True)
class Request:
    """What is to be run again.

    Attributes:
        bundle: a sealed bundle.
        inventory: where.
        bundles: folder that takes the new bundle.
        trust_locks: whether packages may be installed from locks that are not the checkout's.
    """

    bundle: Path
    inventory: Inventory
    bundles: Path
    trust_locks: bool = False


@dataclass(frozen=True)
class Installed:
    """A stack that would be installed and imported.

    Attributes:
        name: of the stack.
        digest: of all that decides what is installed.
        packages: how many are installed.
        builds: whether packages are built from source, and so run code of their own then.
    """

    name: str
    digest: str
    packages: int
    builds: bool


@dataclass(frozen=True)
class Proposal:
    """What a rerun would execute.

    Attributes:
        bundle: the id of the bundle.
        seal: digest of its seal.
        plan_sha256: digest of its plan.
        resolved: the plan, resolved by this version with the recorded locks.
        stacks: what would be installed.
        locks: the files that decide what is installed, held against the checkout's.
        source: which source measured the bundle; the checkout's own is what would be executed.
        has_patch: whether the bundle holds uncommitted changes; they are not applied.
        commit: of this checkout; None outside of git.
        differences: what is not as it was and yet decides nothing, in sentences.
    """

    bundle: str
    seal: str
    plan_sha256: str
    resolved: ResolvedPlan
    stacks: tuple[Installed, ...]
    locks: tuple[Lock, ...]
    source: Source
    has_patch: bool
    commit: str | None
    differences: tuple[str, ...]

    @property
    def foreign(self) -> tuple[str, ...]:
        """The files of locks and definitions that are not the checkout's."""
        return tuple(lock.name for lock in self.locks if lock.compared != "same")

    def document(self) -> dict[str, Any]:
        """As JSON: bundle, plan, stacks, locks, source."""
        plan = self.resolved.plan
        return {
            "bundle": {"id": self.bundle, "seal": self.seal},
            "plan": {
                "name": plan.name,
                "sha256": self.plan_sha256,
                "trials": len(self.resolved.trials),
                "subjects": list(self.resolved.subjects),
                "loads": [name for name in plan.loads if name not in self.resolved.omitted_loads],
            },
            "stacks": [asdict(stack) for stack in self.stacks],
            "locks": {lock.name: lock.compared for lock in self.locks},
            "source": {
                "measured_by": self.source.commit,
                "with_changes": self.source.dirty,
                "patch_in_bundle": self.has_patch,
                "this_checkout": self.commit,
            },
            "differences": list(self.differences),
        }


def propose(request: Request) -> Proposal:
    """Say what a rerun would execute; nothing is executed, no host is touched.

    Raises:
        BundleError: the bundle does not reach L1.
        UsageError: its plan or its stacks cannot be what they were.
    """
    original = Bundle.open(request.bundle, level="L1")
    with scratch.folder() as folder:
        return _propose(original, folder / "stacks")


def rerun(request: Request, proposal: Proposal, progress: Progress) -> Path:
    """Run a bundle's plan again; returns the folder of the new bundle, which names the old seal.

    Args:
        request: what, and where.
        proposal: what was said of it beforehand.
        progress: is told how it goes.

    Raises:
        BundleError: the bundle does not reach L1.
        UsageError: its locks are not the checkout's, and are not trusted; it is another bundle
            than was proposed; its plan or its stacks cannot be what they were.
        LoadError: this host lacks the generator of a load that was driven.
        LabError: as `ormlab.run.start.run`.
    """
    require_trust(request, proposal)
    original = Bundle.open(request.bundle, level="L1")
    if original.seal != proposal.seal:
        raise UsageError(
            "bundle-replaced",
            "the bundle is no longer the one that was looked at",
            where=str(request.bundle),
            hint="copy it to where nobody else writes, and run it again",
        )
    with hosts.reached(request.inventory) as place:
        resolved = _propose(original, place.scratch / "stacks").resolved
        for said in proposal.differences:
            progress.warn(said)
        loads = resolved.plan.loads
        driven = {name: loads[name] for name in loads if name not in resolved.omitted_loads}
        if lacking := hosts.undrivable(place, driven):
            raise hosts.generator_missing(place, driven, lacking)
        origin = Rerun(schema="rerun/1", bundle=original.record.id, seal=str(original.seal))
        return carry_out(
            place,
            resolved,
            request.bundles,
            progress,
            origin={Rerun.PATH: serialise(origin)},
        )


def require_trust(request: Request, proposal: Proposal) -> None:
    """Refuse locks that are not the checkout's, unless they are trusted.

    Raises:
        UsageError: likewise.
    """
    if proposal.foreign and not request.trust_locks:
        raise UsageError(
            "locks-foreign",
            f"the bundle installs other packages than this checkout: {', '.join(proposal.foreign)}",
            where=str(request.bundle / recorded.LOCKS),
            hint="compare them with workloads/stacks/; --trust-locks installs and imports what "
            "they name, with the rights of this user",
        )


def _propose(original: Bundle, stacks_folder: Path) -> Proposal:
    """Lay out the recorded stacks in a new folder, and resolve the plan with them."""
    inputs.recorded_stacks(original.path, stacks_folder)
    resolved = inputs.resolve_again(original.path, stacks_folder)
    differences = inputs.require_honoured(original.path, resolved)
    return Proposal(
        bundle=original.record.id,
        seal=str(original.seal),
        plan_sha256=original.record.plan.sha256,
        resolved=resolved,
        stacks=tuple(
            Installed(name, stack.digest(), len(stack.pins()), stack.build is not None)
            for name, stack in resolved.stacks.items()
        ),
        locks=recorded.compare(stacks_folder, resolved.stacks.values()),
        source=inputs.source_of(original.path),
        has_patch=(original.path / PATCH).is_file(),
        commit=source.here().commit,
        differences=tuple(differences),
    )
