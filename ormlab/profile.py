"""``ormlab profile``: a run of one subject whose plan asks for profilers, and what they found."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from analysis.profilers import Looked
from ormlab import plan as plans
from ormlab.base.errors import LoadError
from ormlab.compare import stacks
from ormlab.compare.plan import names, validated, workload, written
from ormlab.run import hosts, subjects
from ormlab.run.measure import record
from ormlab.run.stages import carry_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bundle.documents.profilers import Profiler
    from ormlab.compare.spec import Spec
    from ormlab.compare.stacks import Locked
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress

_WARMUP_S = 1.0


@dataclass(frozen=True)
class Request:
    """What is to be looked at, and by what."""

    spec: Spec  #: the subject
    profilers: tuple[Profiler, ...]  #: in their order
    seed: int  #: of what is requested
    operation: str = "read-user"  #: with ``:LOADING`` where the operation has several
    mix: str | None = None  #: ``PLAN`` or ``PLAN/WORKLOAD`` in place of the operation
    connections: int = 16
    duration_s: float = 10.0  #: of the load under which profilers look, and of the one trial
    python: str | None = None  #: None for that of its stack


@contextmanager
def decided(request: Request) -> Iterator[ResolvedPlan]:
    """The plan of a profile; what it locks and copies is there inside this context.

    Raises:
        UsageError: the request cannot be met; the message names the part.
        ProvisioningError: the network or the disk failed.
    """
    with stacks.prepared((request.spec,), request.python) as ((spec,), locked):
        yield _plan(replace(request, spec=spec), locked)


def _plan(request: Request, locked: Locked) -> ResolvedPlan:
    specs = (request.spec,)
    ((subject, stack),) = zip(names(specs), locked.names, strict=True)
    name, mix, rows = workload(request.operation, request.mix)
    load = {
        "generator": "client-closed",
        "connections": request.connections,
        "duration_s": request.duration_s,
        "warmup_s": _WARMUP_S,
    }
    given = {
        "schema": "plan/1",
        "name": "profile",
        "title": f"{subject} under profilers: {name}",
        "profile": "smoke",
        "seed": request.seed,
        "blocks": 1,
        "dataset": rows,
        "subjects": {subject: request.spec.subject(stack)},
        "workloads": {name: mix},
        "loads": {"closed": load},
        "profilers": list(request.profilers),
        "needs_all_subjects": True,
        "assumptions": [
            *(f"{each} is the subject {spec}" for each, spec in written([subject], specs)),
            *locked.notes,
        ],
    }
    return plans.resolve(validated(given), stacks_folder=locked.folder)


def profile(
    resolved: ResolvedPlan, inventory: Inventory, bundles: Path, progress: Progress
) -> Path:
    """Have the profilers look, measure one trial without them, and seal.

    Returns:
        The folder of the bundle.

    Raises:
        LabError: as `ormlab.run.stages.run`; a subject that cannot run ends it, too.
    """
    with hosts.reached(inventory) as place:
        return carry_out(place, resolved, bundles, progress, record.inputs(resolved))


def read(bundle: Path) -> Looked:
    """What the profilers of such a bundle found.

    Raises:
        LoadError: its subject could not be looked at.
        OSError, RecordError: a document of the bundle cannot be read.
    """
    (found,) = Looked.of_bundle(bundle) or (None,)
    if found is None:
        (subject,) = (path.name for path in (bundle / "services").iterdir())
        raise LoadError(
            "nothing-profiled",
            f"no profiler could look: {subjects.reason(bundle, subject) or 'nobody knows why'}",
            where=str(bundle),
            hint=f"`ormlab judge {bundle}` says what is there",
        )
    return found
