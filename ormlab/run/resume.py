"""``ormlab resume``: continue a run whose process was ended, from its last closed trial.

Inputs, host and what the run made there must be what they were, so that the trials before and
after belong to one run. The contract and the diagnosis are not repeated if the run had come to
its first trial: they follow from the code, the stacks, the server and the rows, which are all
compared. If it had not, all of the preparation is repeated and what is there of it is replaced.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bundle import index, names
from bundle.documents.host import Rerun
from bundle.read import Bundle
from bundle.unsealed import UnsealedRun
from ormlab.base import checkout
from ormlab.base.errors import UsageError
from ormlab.judging import judge
from ormlab.run import hosts, inputs, preparation, recovery, sealing
from ormlab.run.measure import record
from ormlab.run.stages import Run, finish, seal, sealed_if_cut_short

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts.inventory import Inventory
    from ormlab.run.progress import Progress


@dataclass(frozen=True)
class Request:
    """What is to be resumed.

    Attributes:
        folder: ``<id>.partial``.
        inventory: where the run was begun.
    """

    folder: Path
    inventory: Inventory


def resume(request: Request, progress: Progress) -> Path:
    """Continue a run; returns the folder of the sealed and judged bundle.

    Until all is known to be as it was, nothing in the folder is changed.

    Raises:
        UsageError: it is sealed, or was begun with another plan, other locks or another source.
        BundleMissingError: it is not the folder of an unsealed run.
        BundleBusyError: its writer is alive, or somebody else resumes it.
        HostGateError: the host is another one, or not what it was.
        LabError: as `ormlab.run.start.run`.
    """
    folder = request.folder.resolve()
    sealed = folder.with_name(folder.name.removesuffix(names.PARTIAL_SUFFIX))
    if (sealed / names.SEAL).exists():
        return _complete(sealed, given=folder)
    with UnsealedRun(folder) as unsealed, hosts.reached(request.inventory) as place:
        stacks_folder = checkout.STACKS
        if (folder / Rerun.PATH).exists():
            stacks_folder = inputs.recorded_stacks(folder, place.scratch / "stacks")
        resolved = inputs.resolve_again(folder, stacks_folder)
        inputs.require_unchanged(folder, resolved)
        attempt = len(unsealed.interruptions) + 1
        with ExitStack() as held:
            deployed = preparation.deployed(
                place, resolved, progress, run_id=unsealed.id, attempt=attempt
            )
            site = held.enter_context(deployed)
            recovery.require_same_host(folder, site)
            session = held.enter_context(preparation.started(site, progress))
            examined = recovery.is_examined(folder)
            if examined:
                recovery.require_same_make(folder, session)
            with unsealed.take_up(datetime.now(UTC)) as writer:
                # The hosts are given back before anything is sealed.
                with sealed_if_cut_short(writer, resolved, progress), held:
                    run = Run(session, writer, progress)
                    if examined:
                        run.add(record.host_again(site, attempt))
                    else:
                        for part in ("host", "services", "generators"):
                            shutil.rmtree(folder / part, ignore_errors=True)
                        preparation.examine(run)
                    finish(run)
                return seal(writer, resolved, progress, place.check)


def _complete(sealed: Path, given: Path) -> Path:
    """Do what a run that was ended right after its seal had left to do.

    Raises:
        UsageError: it had left nothing, or the folder named is not the one that was renamed.
        BundleError: it does not reach L1.
    """
    bundle = Bundle.open(sealed, level="L1")
    is_judged = (sealed / names.DERIVED / names.DERIVED_MANIFEST).exists()
    lines = sealed.parent / names.INDEX
    before = lines.read_bytes() if lines.exists() else b""
    if not given.is_dir():
        # Adds no second line, and mends one that was cut short.
        index.append(sealed.parent, bundle.record.id, str(bundle.seal))
    if given.is_dir() or (is_judged and lines.read_bytes() == before):
        raise UsageError(
            "already-sealed",
            f"the run {sealed.name} came to its end and is sealed",
            where=str(sealed),
            hint=f"`ormlab judge` computes its results again; only {names.PARTIAL_SUFFIX} folders "
            "can be resumed",
        )
    judge.judge(sealed, sealing.ledger_of(sealed))
    return sealed
