"""The plan of a comparison: a null arm on the first subject, and as many blocks as time allows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from pydantic import ValidationError

from bundle.display import quantity
from bundle.documents.plan import DatasetSize, OperationShare, Plan, Workload
from bundle.meant import meant
from ormlab import plan as plans
from ormlab.base.errors import PlanError, UsageError
from ormlab.compare import apart
from ormlab.plan import applications, meaning
from workloads.contract.fields import LOADINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ormlab.compare.spec import Spec
    from ormlab.compare.stacks import Locked
    from ormlab.plan import ResolvedPlan

type Design = Literal["switchback", "trials"]
type Metric = Literal["throughput", "p50", "p99", "cpu_service"]

METRICS: Final[tuple[Metric, ...]] = get_args(Metric.__value__)

_MOST_BLOCKS: Final = 20  # more deployments than these gain little; longer ones take the rest
_GENERATORS: Final[Mapping[Design, tuple[str, float, float]]] = {
    # The load, its warm-up, and the shortest time for each subject in a block, seconds. At three
    # minutes these give 10 to 15 blocks, where the interval is narrowest.
    "switchback": ("client-switchback", 1.0, 1.25),
    "trials": ("client-closed", 0.5, 2.0),
}
_STEP_S: Final = 0.05
_LEAST_S: Final = 0.5  # of measuring a subject in a block, however many blocks are asked for
_LONGEST_NAME: Final = 30  # of a subject; a control's arm adds five characters, a number three
_ROWS: Final = DatasetSize(users=20_000, orders=10_000)
_ROWS_TO_DELETE: Final = DatasetSize(users=200_000, orders=200_000)


@dataclass(frozen=True)
class Request:
    """What a comparison is to be; what is not given is decided here."""

    specs: tuple[Spec, ...]  #: the subjects; the first is the baseline of all others
    seed: int  #: of the order, and of what is requested
    design: Design = "switchback"
    #: with ``:LOADING`` where the operation has several; None for ``read-user``, or the first of an
    #: application that only reads
    operation: str | None = None
    mix: str | None = None  #: ``PLAN`` or ``PLAN/WORKLOAD`` in place of the operation
    connections: int = 64
    time_s: float = 180.0  #: that measuring takes; setting up comes on top
    metric: Metric = "throughput"
    margin: float | None = None  #: of the metric, as a fraction; None for the profile's
    blocks: int | None = None  #: None for as many as the time allows
    python: str | None = None  #: of all subjects; None for that of their stacks


def make(request: Request, locked: Locked) -> ResolvedPlan:
    """Make and resolve the plan.

    Raises:
        UsageError: workload, load or subjects are not possible, or the time is too short.
    """
    name, mix, rows = _asked(request)
    subjects = dict(zip(names(request.specs), _subjects(request, locked), strict=True))
    baseline, *candidates = subjects
    given = {
        "schema": "plan/1",
        "name": "compare",
        "title": f"{', '.join(candidates)} against {baseline}: {name}, closed loop, "
        f"{quantity(request.connections, 'connection')}",
        "profile": "vm",
        "seed": request.seed,
        "blocks": 1,
        **({"dataset": rows} if rows else {}),
        "subjects": subjects,
        "workloads": {name: mix},
        "loads": {request.design: _load(request, 1.0)},
        "comparisons": [{"baseline": baseline, "candidate": each} for each in candidates],
        "null_arm": baseline,
        "needs_all_subjects": True,
        "margins": {request.metric: request.margin} if request.margin is not None else {},
        "assumptions": [
            *(f"{each} is the subject {spec}" for each, spec in written(subjects, request.specs)),
            *locked.notes,
        ],
    }
    plan = validated(given)
    blocks, duration_s = _fitting(request, plan, locked)
    loads = {request.design: _load(request, duration_s)}
    timed = plan.model_dump(by_alias=True) | {"blocks": blocks, "loads": loads}
    return plans.resolve(Plan.model_validate(timed), stacks_folder=locked.folder)


def validated(given: Mapping[str, object]) -> Plan:
    """The plan that a command has made.

    Raises:
        PlanError: a value is not possible; the message names its key.
    """
    try:
        return Plan.model_validate(given)
    except ValidationError as wrong:
        what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in wrong.errors())
        hint = "docs/plans.md describes plans"
        raise PlanError("plan-invalid", what, where=str(given["name"]), hint=hint) from None


def names(specs: tuple[Spec, ...]) -> list[str]:
    """A name for each subject, all different: as short as tells them apart."""
    plain = [_called(spec) for spec in specs]
    wanted = []
    for name, spec in zip(plain, specs, strict=True):
        alike = [other for called, other in zip(plain, specs, strict=True) if called == name]
        wanted.append(name if len(alike) == 1 else _called(spec, alike))
    taken: list[str] = []
    for name in wanted:
        short = name[:_LONGEST_NAME].rstrip(".-")
        again = (f"{short}-{number}" for number in range(2, len(specs) + 1))
        taken.append(short if short not in taken else next(n for n in again if n not in taken))
    return taken


def _called(spec: Spec, alike: Sequence[Spec] = ()) -> str:
    """The parts of a subject's name; with what tells it from others of that name, if there are."""
    source = "local" if spec.path else ""
    if spec.path and alike:
        source = apart.part(spec.path, [each.path for each in alike if each.path]) or source
    parts = [spec.service.name, spec.version or source]
    if alike:
        parts += [f"{key.rpartition('.')[2]}-{value}" for key, value in spec.settings.items()]
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(filter(None, parts)).lower()).strip(".-")


def written(subjects: Iterable[str], specs: Iterable[Spec]) -> list[tuple[str, Spec]]:
    """The subjects whose name does not say all, without the folder of a local source."""
    pairs = [(name, _without_folders(spec)) for name, spec in zip(subjects, specs, strict=True)]
    return [(name, spec) for name, spec in pairs if name != str(spec)]


def _without_folders(spec: Spec) -> Spec:
    """A subject as a plan may name it: of what is local, the last part alone."""
    service = spec.service
    if not service.is_shipped:
        service = replace(service, folder=Path(service.name))
    return replace(spec, service=service, path=Path(spec.path.name) if spec.path else None)


def _subjects(request: Request, locked: Locked) -> list[object]:
    pairs = zip(request.specs, locked.names, strict=True)
    return [spec.subject(stack) for spec, stack in pairs]


def _load(request: Request, duration_s: float) -> dict[str, object]:
    generator, warmup_s, _ = _GENERATORS[request.design]
    return {
        "generator": generator,
        "connections": request.connections,
        "duration_s": duration_s,
        "warmup_s": warmup_s,
    }


def _asked(request: Request) -> tuple[str, Workload, DatasetSize | None]:
    """Name, operations and rows of what is requested; an application has rows of its own."""
    first = request.specs[0].service
    if request.mix is None and first.is_application:
        known = applications.read(first).operations
        reading = (name for name, each in known.items() if not each.writes)
        chosen = request.operation or next(reading, next(iter(known)))
        return chosen, Workload(operations=[OperationShare(operation=chosen)]), None
    return workload(request.operation or "read-user", request.mix)


def workload(operation: str, mix: str | None) -> tuple[str, Workload, DatasetSize | None]:
    """Name, operations and rows of what is requested.

    Args:
        operation: with ``:LOADING`` where it has several ways of loading.
        mix: ``PLAN`` or ``PLAN/WORKLOAD`` in its place; None without one.

    Raises:
        UsageError: there is no such operation or workload.
        PlanError: there is no such plan.
    """
    if mix is not None:
        return _mix(mix)
    name, _, loading = operation.partition(":")
    if loading and loading not in LOADINGS:
        raise UsageError(
            "operation-invalid",
            f"{loading!r} is no way of loading",
            where="--operation",
            hint=meant(loading, LOADINGS, "{} ")
            + f"write {name}:{LOADINGS[0]}, or one of {', '.join(LOADINGS[1:])}",
        )
    share = OperationShare.model_validate({"operation": name, "loading": loading or None})
    try:
        meaning.operation(share)
    except ValueError as wrong:
        hint = f"NAME, or NAME:LOADING as in users-with-orders:{LOADINGS[-1]}"
        raise UsageError("operation-invalid", str(wrong), where="--operation", hint=hint) from None
    rows = _ROWS_TO_DELETE if name.startswith("delete-") else _ROWS
    return name, Workload(operations=[share]), rows


def _mix(wanted: str) -> tuple[str, Workload, DatasetSize | None]:
    plan_name, _, name = wanted.partition("/")
    plan = plans.load(plan_name)
    if not name and len(plan.workloads) == 1:
        (name,) = plan.workloads
    if name not in plan.workloads:
        raise UsageError(
            "workload-unknown",
            f"the plan {plan_name} has no workload {name!r}"
            if name
            else f"the plan {plan_name} has several workloads",
            where="--mix",
            hint=meant(name, plan.workloads, "{} ")
            + f"write one of {', '.join(f'{plan_name}/{each}' for each in plan.workloads)}",
        )
    return name, plan.workloads[name], plan.dataset


def _fitting(request: Request, plan: Plan, locked: Locked) -> tuple[int, float]:
    """The blocks, and the seconds of each subject in one, that take the time asked for.

    The time of a block is a straight line over those seconds, so two durations show it.
    """
    _, _, shortest_s = _GENERATORS[request.design]

    def block_s(duration_s: float) -> float:
        loads = {request.design: _load(request, duration_s)}
        timed = Plan.model_validate(plan.model_dump(by_alias=True) | {"loads": loads})
        return plans.duration(plans.resolve(timed, stacks_folder=locked.folder)).expected_s

    slope = block_s(2.0) - block_s(1.0)
    around_s = block_s(1.0) - slope
    least = around_s + slope * shortest_s
    blocks = request.blocks or max(1, min(_MOST_BLOCKS, int(request.time_s / least)))
    duration_s = int((request.time_s / blocks - around_s) / slope / _STEP_S) * _STEP_S
    if duration_s < (_LEAST_S if request.blocks else shortest_s):
        needed = blocks * (least if not request.blocks else around_s + slope * _LEAST_S)
        raise UsageError(
            "time-too-short",
            f"{quantity(blocks, 'block')} of {len(plan.subjects) + 1} deployments "
            f"{'takes' if blocks == 1 else 'take'} at least {needed:.0f} s, and --time gives "
            f"{request.time_s:g} s",
            where="--time",
            hint="give more time, fewer blocks or fewer subjects",
        )
    return blocks, round(duration_s, 2)
