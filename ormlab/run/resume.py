"""``ormlab resume``: continue a run whose process was ended, from its last closed trial.

Inputs, hosts and what the run made there must be what they were, so that the trials before and
after belong to one run. If the run had come to its first trial, contract and diagnosis are not
repeated: they follow from the code, the stacks, the server and the rows, which are all compared.
If it had not, all of the preparation is repeated and replaces what is there of it.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bundle import codec, index, names, strict_yaml, typed
from bundle.documents.host import HostFacts, Rerun, Seeded, Server
from bundle.documents.plan import SealedPlan
from bundle.documents.services import StackOutcome, StatementLog
from bundle.read import Bundle
from bundle.unsealed import UnsealedRun
from ormlab.base import checkout
from ormlab.base.changes import changes, listed, selected
from ormlab.base.errors import HostGateError, UsageError
from ormlab.hosts.fingerprint import fingerprint
from ormlab.judging import judge
from ormlab.run import hosts, preparation, recorded, sealing
from ormlab.run.measure import record
from ormlab.run.stages import Run, finish

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bundle.codec import Document, Json
    from ormlab.base.changes import Change
    from ormlab.hosts.inventory import Inventory
    from ormlab.plan import ResolvedPlan
    from ormlab.run.measure.session import Session
    from ormlab.run.measure.site import Site
    from ormlab.run.progress import Progress

_SOURCE: Final = "inputs/source"  # source.json and source.patch
_STACK: Final = ("digest", "ok", "python", "packages", "extensions")
_SERVER: Final = ("version", "settings")
_DATASET: Final = ("digest", "checksums")


def resume(folder: Path, inventory: Inventory, progress: Progress) -> Path:
    """Continue the run of a folder ``<id>.partial``; returns the sealed and judged bundle.

    Nothing in the folder changes before everything has been found as it was.

    Raises:
        UsageError: it is sealed, or was begun with another plan, other locks or another source.
        BundleMissingError: it is not the folder of an unsealed run.
        BundleBusyError: its writer is alive, or somebody else resumes it.
        HostGateError: the host is another one, or not what it was.
        LabError: as `ormlab.run.stages.run`.
    """
    folder = folder.resolve()
    sealed = folder.with_name(folder.name.removesuffix(names.PARTIAL_SUFFIX))
    if (sealed / names.SEAL).exists():
        return _complete(sealed, given=folder)
    with UnsealedRun(folder) as unsealed, hosts.reached(inventory) as place:
        stacks_folder, known = checkout.STACKS, None
        if (folder / Rerun.PATH).exists() or recorded.names_its_own(folder):
            known = recorded.lay_out_services(folder, place.scratch / "services")
            stacks_folder = recorded.lay_out(folder, place.scratch / "stacks", known)
        resolved = recorded.resolve_again(folder, stacks_folder, known)
        require_same_inputs(folder, resolved)
        attempt = len(unsealed.interruptions) + 1
        with ExitStack() as held:
            deployed = preparation.deployed(
                place, resolved, progress, run_id=unsealed.id, attempt=attempt
            )
            site = held.enter_context(deployed)
            require_same_host(folder, site)
            session = held.enter_context(preparation.started(site, progress))
            # The last file that is written before the first trial.
            is_examined = (folder / StatementLog.PATH).exists()
            if is_examined:
                require_same_make(folder, session)
            with unsealed.take_up(datetime.now(UTC)) as writer:
                # The hosts are released before anything is sealed.
                with sealing.sealed_if_cut_short(writer, resolved, progress), held:
                    run = Run(session, writer, progress)
                    if is_examined:
                        preparation.require_subjects(run)
                        run.add(record.host_again(site, attempt))
                    else:
                        for part in ("host", "services", "generators"):
                            shutil.rmtree(folder / part, ignore_errors=True)
                        preparation.examine(run)
                    finish(run)
                return sealing.seal(writer, resolved, progress, place.check)


def resume_if_same(
    folder: Path, inventory: Inventory, progress: Progress, *, otherwise: str
) -> Path | None:
    """Continue a run, or leave it as it is and warn where what decides it has changed.

    Args:
        folder: as `resume` takes it, and the others.
        inventory: likewise.
        progress: likewise.
        otherwise: what the caller does instead, in words.

    Returns:
        The sealed and judged bundle; None where the run cannot be continued.

    Raises:
        LabError: as `resume`, but for these reasons.
    """
    try:
        return resume(folder, inventory, progress)
    except (UsageError, HostGateError) as changed:
        progress.warn(f"{folder.name} stays as it is, for {changed.what}; {otherwise}")
        return None


def require_same_inputs(bundle: Path, resolved: ResolvedPlan) -> None:
    """Refuse to go on with other inputs than those of the trials that are there.

    Raises:
        UsageError: plan, locks or source are not byte for byte what they were; names what differs.
    """
    now = record.inputs(resolved)
    then = {
        f"inputs/{path.relative_to(bundle / 'inputs').as_posix()}": path.read_bytes()
        for path in (bundle / "inputs").rglob("*")
        if path.is_file()
    }
    compared = (recorded.LOCKS, recorded.SERVICES, _SOURCE, SealedPlan.PATH)
    then = {path: data for path, data in then.items() if path.startswith(compared)}
    differences = [
        line
        for path in sorted(now | then)
        if now.get(path) != then.get(path)
        for line in _described(path, then.get(path), now.get(path))
    ]
    if differences:
        raise UsageError(
            "inputs-changed",
            f"the run was begun with other inputs: {listed(differences)}",
            where=str(bundle),
            hint="check out the commit that inputs/source.json names, then resume; or run anew",
        )


def require_same_host(bundle: Path, site: Site) -> None:
    """Refuse another host than the one of the trials that are there.

    Raises:
        HostGateError: its fingerprint differs; names what makes it differ.
        RecordError: the facts in the bundle cannot be read.
    """
    facts, now = _facts(bundle), record.facts_of(site)
    if not facts or fingerprint(facts) == fingerprint(now):
        return
    found = changes(
        {name: each.identifying for name, each in facts.items()},
        {name: each.identifying for name, each in now.items()},
    )
    _refuse(f"this is not the host{'s' if len(facts) > 1 else ''}", found, bundle, site)


def require_same_make(bundle: Path, session: Session) -> None:
    """Refuse stacks, a server or rows that came out otherwise than before.

    A lock does not name the patch release of every interpreter, nor a fingerprint the server.

    Raises:
        HostGateError: one of them differs; names which, and how.
        RecordError: what the bundle has of them cannot be read.
    """
    before: dict[str, Json] = {}
    after: dict[str, Json] = {}
    for name, subject in session.site.resolved.subjects.items():
        kept = typed.read_if_there(bundle, StackOutcome, subject=name)
        before[subject.stack] = selected(kept, _STACK)
        after[subject.stack] = selected(_masked(session, session.stacks[subject.stack]), _STACK)
        if rows := session.seeded.get(name):
            key, path = "dataset", Seeded.PATH
            if session.site.resolved.plan.application:
                key, path = f"dataset of {name}", Seeded.OF_SUBJECT.format(subject=name)
            before[key] = selected(typed.read_if_there(bundle, Seeded, path), _DATASET)
            after[key] = selected(_masked(session, rows), _DATASET)
    for name, server in record.servers_of(session).items():
        held = typed.read_if_there(bundle, Server, Server.path_of(name))
        before[name] = selected(held, _SERVER)
        after[name] = selected(_masked(session, server), _SERVER)
    what = "what the run needs came out otherwise"
    _refuse(what, changes(before, after), bundle, session.site)


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


def _described(path: str, then: bytes | None, now: bytes | None) -> Iterator[str]:
    """How an input differs, in clauses."""
    name = path.removeprefix("inputs/")
    if then is None or now is None:
        yield f"{name} is {'new' if then is None else 'gone'}"
    elif path.endswith(".json"):
        yield from (f"{name}: {each}" for each in changes(codec.parse(then), codec.parse(now)))
    elif path.endswith(".yaml"):
        before, after = strict_yaml.load(then).value, strict_yaml.load(now).value
        yield from (f"{name}: {each}" for each in changes(before, after))
    else:
        yield f"{name} is another one"


def _masked[T: Document](session: Session, document: T) -> T:
    """A document as the bundle holds it."""
    return session.redactor.masked(document.PATH, document)


def _refuse(what: str, found: Iterable[Change], bundle: Path, site: Site) -> None:
    if differences := list(found):
        raise HostGateError(
            "host-changed",
            f"{what} that the trials of {bundle.name} were measured on: {listed(differences)}",
            where=site.app.name,
            hint="make the host what it was, or name it with --inventory; nothing was changed",
        )


def _facts(bundle: Path) -> dict[str, HostFacts]:
    """The facts of each host, by its name in the bundle; none before they were read."""
    others = {path.parent.name: path for path in bundle.glob("host/host-*/facts.before.json")}
    found = {
        name: typed.read_if_there(bundle, HostFacts, path.relative_to(bundle).as_posix())
        for name, path in {"host-1": bundle / HostFacts.PATH, **others}.items()
    }
    return {name: facts for name, facts in found.items() if facts is not None}
