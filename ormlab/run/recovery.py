"""Whether a host is still the one that a run was begun on, down to what the run made there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle import codec, typed
from bundle.documents.host import HostFacts
from bundle.documents.services import StackOutcome, StatementLog
from ormlab.base.changes import changes
from ormlab.base.errors import HostGateError
from ormlab.hosts.fingerprint import fingerprint
from ormlab.run.measure import record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bundle.codec import Document, Json
    from ormlab.base.changes import Change
    from ormlab.run.measure.session import Session
    from ormlab.run.measure.site import Site

_STACK: Final = ("digest", "ok", "python", "packages", "extensions")
_SERVER: Final = ("version", "settings")
_DATASET: Final = ("digest", "checksums")
_MOST_SHOWN: Final = 5


def is_examined(bundle: Path) -> bool:
    """Whether the run had come to its first trial: this is the last file written before it."""
    return (bundle / StatementLog.PATH).exists()


def require_same_host(bundle: Path, site: Site) -> None:
    """Refuse another host than the one of the trials that are there.

    Raises:
        HostGateError: its fingerprint differs; says what makes it differ.
        RecordError: what is kept of its facts cannot be read.
    """
    facts, now = _facts(bundle), record.facts_of(site)
    if not facts or fingerprint(facts) == fingerprint(now):
        return
    found = changes(_identifying(facts), _identifying(now))
    _refuse(f"this is not the host{'s' if len(facts) > 1 else ''}", found, bundle, site)


def require_same_make(bundle: Path, session: Session) -> None:
    """Refuse stacks, a server or rows that came out otherwise than before.

    A lock does not name the patch release of every interpreter, nor a fingerprint the server.

    Raises:
        HostGateError: one of them differs; says which, and how.
        RecordError: what is kept of them cannot be read.
    """
    before: dict[str, Json] = {}
    after: dict[str, Json] = {}
    for name, subject in session.site.resolved.subjects.items():
        kept = typed.read_if_there(bundle, StackOutcome, subject=name)
        before[subject.stack] = _some(kept, _STACK)
        after[subject.stack] = _some(_masked(session, session.stacks[subject.stack]), _STACK)
    for key, keys, made in (
        ("postgres", _SERVER, record.server_of(session)),
        ("dataset", _DATASET, session.seeded),
    ):
        before[key] = _some(typed.read_if_there(bundle, type(made)), keys)
        after[key] = _some(_masked(session, made), keys)
    what = "what the run needs came out otherwise"
    _refuse(what, changes(before, after), bundle, session.site)


def _masked[T: Document](session: Session, document: T) -> T:
    """A document as the bundle holds it."""
    return session.redactor.masked(document.PATH, document)


def _refuse(what: str, found: Iterable[Change], bundle: Path, site: Site) -> None:
    listed = [str(change) for change in found]
    if not listed:
        return
    more = f"; and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    raise HostGateError(
        "host-changed",
        f"{what} that the trials of {bundle.name} were measured on: "
        f"{'; '.join(listed[:_MOST_SHOWN])}{more}",
        where=site.app.name,
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


def _identifying(facts: dict[str, HostFacts]) -> Json:
    """What makes up the fingerprint of each host, as JSON."""
    return {name: each.identifying for name, each in facts.items()}


def _some(document: Document | None, keys: Iterable[str]) -> Json:
    """Some values of a document that the bundle may lack."""
    plain = {} if document is None else codec.plain(document)
    return {key: plain.get(key) for key in keys}
