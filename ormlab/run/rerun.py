"""``ormlab rerun``: the plan, locks and inputs of a bundle once more, on this host.

The stacks are made from the locks in the bundle, not from today's. An input that cannot be what it
was is refused; a source that differs is reported, and the new bundle records it.

To run a stranger's bundle again is to install and import what its locks name. So `propose` says
beforehand what would be executed, and locks that are not the checkout's have to be trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bundle import codec, outside, strict_yaml
from bundle.documents.host import Rerun, Source
from bundle.documents.plan import SealedPlan
from bundle.read import Bundle
from ormlab.base import scratch, source
from ormlab.base.changes import changes, listed
from ormlab.base.errors import UsageError
from ormlab.run import hosts, recorded
from ormlab.run.measure import record
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress
    from ormlab.run.recorded import LockFile

PATCH = "inputs/source.patch"


@dataclass(frozen=True)
class Installed:
    """A stack that would be installed and imported."""

    name: str  #: of the stack
    digest: str  #: of all that decides what is installed
    packages: int  #: how many are installed
    builds: bool  #: whether packages are built from source, and so run code of their own then


@dataclass(frozen=True)
class RerunProposal:
    """What a rerun would execute."""

    bundle: str  #: the id of the bundle
    seal: str  #: digest of its seal
    plan_sha256: str  #: digest of its plan
    resolved: ResolvedPlan  #: the plan, resolved by this version with the recorded locks
    stacks: tuple[Installed, ...]  #: what would be installed
    #: the files that decide what is installed, and the services, compared with the checkout's
    locks: tuple[LockFile, ...]
    #: which source measured the bundle; the checkout's own is what would be executed
    source: Source
    has_patch: bool  #: whether the bundle holds uncommitted changes; they are not applied
    commit: str | None  #: of this checkout; None outside of git
    differences: tuple[str, ...]  #: what differs and yet decides nothing, in sentences

    @property
    def foreign(self) -> tuple[str, ...]:
        """The locks, definitions and services that are not the checkout's."""
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


def propose(bundle: Path) -> RerunProposal:
    """Say what a rerun would execute; nothing is executed, no host is touched.

    Raises:
        BundleError: the bundle does not reach L1.
        UsageError: its plan or its stacks cannot be what they were.
    """
    original = Bundle.open(bundle, level="L1")
    with scratch.folder() as folder:
        return _propose(original, folder)


def rerun(
    bundle: Path,
    inventory: Inventory,
    bundles: Path,
    proposal: RerunProposal,
    progress: Progress,
    *,
    trust_locks: bool = False,
) -> Path:
    """Run a bundle's plan again; returns the folder of the new bundle, which names the old seal.

    Args:
        bundle: a sealed bundle.
        inventory: where.
        bundles: folder that takes the new bundle.
        proposal: what `propose` said of the bundle.
        progress: receives the news of the run.
        trust_locks: whether packages may be installed from locks that are not the checkout's.

    Raises:
        BundleError: the bundle does not reach L1.
        UsageError: its locks are not the checkout's, and are not trusted; it is another bundle
            than was proposed; its plan or its stacks cannot be what they were.
        LoadError: this host lacks the generator of a load that was driven.
        LabError: as `ormlab.run.stages.run`.
    """
    require_trust(bundle, proposal, trust_locks=trust_locks)
    original = Bundle.open(bundle, level="L1")
    if original.seal != proposal.seal:
        raise UsageError(
            "bundle-replaced",
            "somebody replaced the bundle after the proposal",
            where=str(bundle),
            hint="copy it to where nobody else writes, and run it again",
        )
    with hosts.reached(inventory) as place:
        resolved = _propose(original, place.scratch).resolved
        for difference in proposal.differences:
            progress.warn(difference)
        loads = resolved.plan.loads
        driven = {name: loads[name] for name in loads if name not in resolved.omitted_loads}
        if lacking := hosts.undrivable(place, driven):
            raise hosts.generator_missing(place, driven, lacking)
        origin = Rerun(schema="rerun/1", bundle=original.record.id, seal=str(original.seal))
        inputs = {Rerun.PATH: codec.serialise(origin), **record.inputs(resolved)}
        return carry_out(place, resolved, bundles, progress, inputs)


def require_trust(bundle: Path, proposal: RerunProposal, *, trust_locks: bool) -> None:
    """Refuse locks and services that are not the checkout's, unless they are trusted.

    Raises:
        UsageError: a lock or a service is not the checkout's, and is not trusted.
    """
    if proposal.foreign and not trust_locks:
        raise UsageError(
            "locks-foreign",
            f"the bundle runs other code than this checkout: {', '.join(proposal.foreign)}",
            where=str(bundle / "inputs"),
            hint="compare its locks and services with workloads/stacks/ and workloads/services/; "
            "--trust-locks installs and runs what they name, with the rights of this user",
        )


def require_same_run(bundle: Path, resolved: ResolvedPlan) -> tuple[str, ...]:
    """Refuse to repeat a run, resolved with its own locks, as something else than it was.

    Returns:
        What differs and yet decides nothing that the plan had decided, in sentences.

    Raises:
        UsageError: a stack would not be the one that was measured, or the plan another one.
    """
    then = recorded.plan(bundle)
    for name, stack in resolved.stacks.items():
        if stack.digest() != then.stacks.get(name):
            raise UsageError(
                "stack-lost",
                f"the stack {name} cannot be made as it was: with the recorded lock, what "
                f"{name}.in requests here gives another digest",
                where=str(bundle / recorded.LOCKS / f"{name}.txt"),
                hint=recorded.USE_ITS_VERSION,
            )
    # The written documents are compared, because the type fills in what a plan leaves out.
    before = outside.yaml_of(bundle / SealedPlan.PATH)
    found = list(changes(before, strict_yaml.load(resolved.document).value))
    if decided := [change for change in found if change.before is not None]:
        raise UsageError(
            "plan-differs",
            f"this version makes another run of its plan: {listed(decided)}",
            where=str(bundle / SealedPlan.PATH),
            hint=recorded.USE_ITS_VERSION,
        )
    return (
        *(f"the plan does not set {e.at}, this version adds {e.after}" for e in found),
        *_other_source(bundle, resolved),
    )


def _other_source(bundle: Path, resolved: ResolvedPlan) -> Iterator[str]:
    """How the source that measures differs from the one that has measured, in sentences."""
    now = record.inputs(resolved)
    then = recorded.source(bundle)
    here = codec.read(now[Source.PATH], Source)
    if then.commit != here.commit or then.dirty or here.dirty:
        same = then.shipped == here.shipped
        clean = {True: " with changes", False: "", None: ""}
        yield (
            f"it was measured by commit {then.commit}{clean[then.dirty]}, this is "
            f"{here.commit}{clean[here.dirty]}; the code on the host is "
            f"{'the same' if same else 'another'}"
        )
    agent = f"{recorded.LOCKS}/agent.txt"
    if outside.bytes_of(bundle / agent) != now[agent]:
        yield "the agent has other libraries than it had"


def _propose(original: Bundle, folder: Path) -> RerunProposal:
    """Lay out the recorded services and stacks below a folder, and resolve the plan with them."""
    known = recorded.lay_out_services(original.path, folder / "services")
    stacks_folder = recorded.lay_out(original.path, folder / "stacks", known)
    resolved = recorded.resolve_again(original.path, stacks_folder, known)
    differences = require_same_run(original.path, resolved)
    return RerunProposal(
        bundle=original.record.id,
        seal=str(original.seal),
        plan_sha256=original.record.plan.sha256,
        resolved=resolved,
        stacks=tuple(
            Installed(name, stack.digest(), len(stack.pins()), stack.build is not None)
            for name, stack in resolved.stacks.items()
        ),
        locks=recorded.compare(stacks_folder, resolved.stacks.values())
        + recorded.compare_services(resolved.services.values() if known else ()),
        source=recorded.source(original.path),
        has_patch=(original.path / PATCH).is_file(),
        commit=source.here().commit,
        differences=differences,
    )
