"""Whether a host is still the one that a run was begun on, down to what the run made there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bundle import outside, typed
from bundle.documents.host import HostFacts
from ormlab.base.changes import Change, changes
from ormlab.base.errors import HostGateError
from ormlab.hosts.fingerprint import fingerprint
from ormlab.run.measure import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from bundle.codec import Json
    from ormlab.plan import ResolvedPlan
    from ormlab.run.measure.session import Session

_STACK: Final = ("digest", "ok", "python", "packages", "extensions")
_SERVER: Final = ("version", "settings")
_DATASET: Final = ("digest", "checksums")
_MOST_SHOWN: Final = 5


def is_examined(bundle: Path) -> bool:
    """Whether the run had come to its first trial: this is the last file written before it."""
    return (bundle / "host/statement-log.json").exists()


def require_same_host(bundle: Path, session: Session) -> None:
    """Refuse another host than the one of the trials that are there.

    Raises:
        HostGateError: its fingerprint differs; says what makes it differ.
    """
    facts, now = _facts(bundle), record.facts_of(session)
    if not facts or fingerprint(facts) == fingerprint(now):
        return
    found = changes(_identifying(facts), _identifying(now))
    _refuse(f"this is not the host{'s' if len(facts) > 1 else ''}", found, bundle, session)


def require_same_make(bundle: Path, session: Session, resolved: ResolvedPlan) -> None:
    """Refuse stacks, a server or rows that came out otherwise than before.

    A lock does not name the patch release of every interpreter, nor a fingerprint the server.

    Raises:
        HostGateError: one of them differs; says which, and how.
    """
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name, subject in resolved.subjects.items():
        stack = _document(bundle / "services" / name / "stack.json") or {}
        before[subject.stack] = _some(stack, _STACK)
        made = session.redactor.document("stack.json", session.stacks[subject.stack])
        after[subject.stack] = _some(made, _STACK)
    for name, keys, made in (
        ("postgres", _SERVER, session.server),
        ("dataset", _DATASET, session.template),
    ):
        before[name] = _some(_document(bundle / f"host/{name}.json") or {}, keys)
        # The bundle holds it masked.
        after[name] = _some(session.redactor.document(f"host/{name}.json", made), keys)
    _refuse("what the run needs came out otherwise", changes(before, after), bundle, session)


def _refuse(what: str, found: Iterable[Change], bundle: Path, session: Session) -> None:
    listed = [str(change) for change in found]
    if not listed:
        return
    more = f"; and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    raise HostGateError(
        "host-changed",
        f"{what} that the trials of {bundle.name} were measured on: "
        f"{'; '.join(listed[:_MOST_SHOWN])}{more}",
        where=session.host_name,
        hint="make the host what it was, or name it with --inventory; nothing was changed",
    )


def _facts(bundle: Path) -> dict[str, HostFacts]:
    """What is kept of each host's facts, by its name in the bundle; none before they were read."""
    others = {path.parent.name: path for path in bundle.glob("host/host-*/facts.before.json")}
    found = {
        name: typed.read_if_there(bundle, HostFacts, path.relative_to(bundle).as_posix())
        for name, path in {"host-1": bundle / HostFacts.PATH, **others}.items()
    }
    return {name: facts for name, facts in found.items() if facts is not None}


def _identifying(facts: Mapping[str, HostFacts]) -> Json:
    return {name: each.identifying for name, each in facts.items()}


def _some(document: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: document.get(key) for key in keys}


def _document(path: Path) -> dict[str, Any] | None:
    return dict(outside.json_of(path)) if path.exists() else None
