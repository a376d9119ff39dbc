"""Trying stacks without any load: what is run where a claim is about installing or importing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bundle.documents.plan import DatasetSize
from bundle.format import Omission
from bundle.write import BundleWriter
from ormlab import plan as plans
from ormlab.run import hosts, preparation
from ormlab.run.measure import record
from ormlab.run.stages import Run, keep_inputs, seal, sealed_if_cut_short

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from ormlab.plan import ResolvedPlan
    from ormlab.run.progress import Progress
    from ormlab.run.start import Request

EXPECTED_S = 300.0  # a stack whose packages have to be compiled takes minutes, others seconds
_FEWEST_ROWS = 1000
_NO_TRIALS = (Omission(path="trials/*", reason="the stacks were tried without any load"),)


def alone(resolved: ResolvedPlan, subjects: Collection[str]) -> ResolvedPlan:
    """The part of a plan that decides what its stacks can do.

    It keeps the plan's name, and the subjects that are asked for with one trial each.

    Args:
        resolved: the whole plan.
        subjects: of it.
    """
    written = resolved.plan
    workload, load = next(iter(written.workloads)), next(iter(written.loads))
    return plans.resolve(
        written.model_copy(
            update={
                "title": f"{written.title}: the stacks alone",
                "blocks": 1,
                "dataset": DatasetSize(users=_FEWEST_ROWS, orders=_FEWEST_ROWS),
                "subjects": {name: resolved.subjects[name] for name in sorted(subjects)},
                "workloads": {workload: written.workloads[workload]},
                "loads": {load: written.loads[load]},
                "comparisons": [],
                "explanation": None,
                "null_arm": None,
                "positive_control": None,
            }
        )
    )


def try_out(request: Request, progress: Progress) -> Path:
    """Make the stacks of a plan, seal what became of them, and judge that.

    The bundle has no trial: all are declared omitted.

    Args:
        request: with a plan as `alone` makes it.
        progress: is told how it goes.

    Returns:
        The folder of the sealed and judged bundle.

    Raises:
        LabError: the host could not be reached or set up; nothing is left then.
        Interrupted: Ctrl-C or SIGTERM; nothing is left then.
    """
    resolved = plans.resolve(request.plan)
    with hosts.reached(request.inventory) as place:
        created = datetime.now(UTC).replace(microsecond=0)
        with BundleWriter.create(
            request.bundles, plan_sha256=resolved.sha256, created=created
        ) as writer:
            with sealed_if_cut_short(writer, resolved, progress):
                keep_inputs(writer, record.inputs(resolved, request.ledger))
                with (
                    preparation.deployed(place, resolved, progress, run_id=writer.id) as site,
                    preparation.started(site, progress) as session,
                ):
                    run = Run(session, writer, progress)
                    run.add(record.host_before(session))
                    for name, subject in resolved.subjects.items():
                        run.add(record.stack(name, session.stacks[subject.stack]))
                    run.add(record.host_after(session))
            return seal(writer, resolved, progress, place.check, _NO_TRIALS)
