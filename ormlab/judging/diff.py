"""``ormlab diff``: what changed between two bundles, and whether their results agree.

History of the document: diff/1 (first).
"""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from analysis import rounding
from analysis.agreement import HOST_SD, Agreement, Side, on_one_host, on_two_hosts
from analysis.metrics import PRIMARY
from bundle import outside, typed
from bundle.codec import Json, Part, plain
from bundle.documents.host import HostFacts, Server, Source
from bundle.documents.plan import POSTGRESQL
from bundle.documents.results import Verdict
from bundle.documents.services import Answers, Sql, StackOutcome
from bundle.read import Bundle
from bundle.unpack import unpack
from ormlab.base.changes import changes, selected
from ormlab.base.errors import UsageError
from ormlab.judging import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bundle.codec import Document
    from bundle.documents.results import Comparison, Results

type Area = Literal["host", "stack", "plan", "sql", "answers", "tool"]
type Outcome = Literal["agree", "differ", "open"]
type _Key = tuple[str, str, str, str, str]  # as _PLACE names them

_PLACE: Final = ("workload", "load", "baseline", "candidate", "metric")
_STACK: Final = ("python", "packages", "extensions", "digest", "ok")
_SERVER: Final = ("version", "settings")
_COSTS: Final = ("statements", "statements_per_request", "round_trips_per_request")
_ANSWER: Final = ("status", "sha256")


class Identity(Part, frozen=True, kw_only=True):
    """One of the two bundles."""

    id: str  #: of the bundle
    seal: str | None  #: SHA-256 of its SEAL.json
    host: str | None  #: fingerprint; null if it was never taken
    status: str  #: of the run
    conclusion: str  #: of its results


class Relation(Part, frozen=True, kw_only=True):
    """How the second bundle is related to the first."""

    same_host: bool  #: by their fingerprints
    is_rerun: bool  #: whether the second names the seal of the first
    host_sd: float | None  #: how much hosts are taken to differ; null on one host


class Changed(Part, frozen=True, kw_only=True):
    """A value that differs."""

    area: Area  #: of what it is part
    at: str  #: its place there: keys and positions, with dots between them
    before: Json  #: in the first bundle; null where it has none
    after: Json  #: in the second; null likewise


class Ratio(Part, frozen=True, kw_only=True):
    """One ratio as one bundle has it; see ``bundle.documents.results.Judged``."""

    ratio: float
    low: float | None
    high: float | None
    blocks: int
    sd: float | None
    verdict: Verdict


class Compared(Agreement, frozen=True, kw_only=True):
    """A comparison that both bundles have, by a metric that both judge it by.

    Attributes:
        workload, load, baseline, candidate, metric: which one.
        runs: what the first bundle says, and the second.
    """

    workload: str
    load: str
    baseline: str
    candidate: str
    metric: str
    runs: tuple[Ratio, Ratio]


class Diff(Part, frozen=True, kw_only=True):
    """What changed between two bundles, and whether their results agree."""

    schema: Literal["diff/1"]
    conclusion: str  #: one sentence
    verdict: Outcome  #: of the comparisons by throughput
    bundles: tuple[Identity, Identity]  #: the first and the second
    relation: Relation  #: of the second to the first
    changes: list[Changed]  #: by area
    agreements: list[Compared]  #: by comparison and metric


def diff(first: Path, second: Path, *, host_sd: float = HOST_SD) -> Diff:
    """Compare two bundles; the results of both are computed anew from their files.

    Args:
        first: the folder of a bundle, or an archive made by `ormlab archive pack`.
        second: likewise.
        host_sd: by how much two hosts are taken to differ; see `analysis.agreement`.

    Raises:
        BundleError: one of them does not reach L1, or is no bundle.
        UsageError: both are the same bundle.
    """
    with ExitStack() as opened:
        a, b = (_Told(opened.enter_context(_open(path))) for path in (first, second))
        if a.bundle.seal == b.bundle.seal:
            raise UsageError(
                "same-bundle",
                f"both are the bundle {a.bundle.record.id}",
                where=str(second),
                hint="name two; `ormlab rerun` makes a second one",
            )
        host = a.bundle.record.host
        same_host = host is not None and host == b.bundle.record.host
        changed = [
            Changed(area=area, **change._asdict())
            for area in _AREAS
            for change in changes(a.area(area), b.area(area))
        ]
        agreements = list(_agreements(a, b, same_host=same_host, host_sd=host_sd))
        verdict = _verdict(agreements)
        relation = Relation(
            same_host=same_host,
            is_rerun=b.bundle.record.rerun_of == a.bundle.seal,
            host_sd=None if same_host else host_sd,
        )
        return Diff(
            schema="diff/1",
            conclusion=_conclusion(verdict, agreements, changed, relation),
            verdict=verdict,
            bundles=(a.identity(), b.identity()),
            relation=relation,
            changes=changed,
            agreements=agreements,
        )


class _Told:
    """What a bundle holds of everything that may have changed, by area.

    Areas are JSON: they are compared value by value, whatever documents they are from.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.results: Results = judge.derive(bundle).results

    def area(self, name: Area) -> Json:
        """What it says of one area.

        Raises:
            RecordError: a file does not hold what is looked for.
        """
        with outside.readable(self.bundle.path):
            return _AREAS[name](self)

    def identity(self) -> Identity:
        record = self.bundle.record
        return Identity(
            id=record.id,
            seal=self.bundle.seal,
            host=record.host,
            status=record.status,
            conclusion=self.results.conclusion,
        )

    def host(self) -> Json:
        """What decides the fingerprint, and the database server."""
        told = typed.read(self.bundle.path, HostFacts)
        return {
            **selected(told.facts, told.identity),
            "tier": told.placement.tier,
            **self._servers(),
        }

    def _servers(self) -> dict[str, Json]:
        plan = typed.read_plan(self.bundle.path).plan
        return {
            "postgres" if each == POSTGRESQL else each: selected(
                typed.read(self.bundle.path, Server, Server.path_of(each)), _SERVER
            )
            for each in plan.databases
        }

    def stack(self) -> Json:
        """By stack: interpreter, packages, which extensions are compiled."""
        return {
            stack.stack: selected(stack, _STACK)
            for stack in self._of_subjects(StackOutcome).values()
        }

    def plan(self) -> Json:
        """The plan with every default, and what it was resolved to but for the trials' names."""
        sealed = typed.read_plan(self.bundle.path)
        told: Json = sealed.model_dump(
            mode="json", by_alias=True, exclude={"trials"}, exclude_unset=True
        )
        return told

    def sql(self) -> Json:
        """By subject and operation: statements and round trips of one request."""
        return {
            subject: {name: selected(cost, _COSTS) for name, cost in sql.operations.items()}
            for subject, sql in self._of_subjects(Sql).items()
        }

    def answers(self) -> Json:
        """By subject and request: status and digest of the body."""
        return {
            subject: {each.request: selected(each, _ANSWER) for each in answers.answers}
            for subject, answers in self._of_subjects(Answers).items()
        }

    def tool(self) -> Json:
        """The orchestrator, the code that was shipped, and the agent's libraries."""
        source = typed.read(self.bundle.path, Source)
        lock = outside.bytes_of(self.bundle.path / "inputs/locks/agent.txt")
        return {**plain(source), "agent_lock": hashlib.sha256(lock).hexdigest()}

    def _of_subjects[T: Document](self, kind: type[T]) -> dict[str, T]:
        """The documents of one kind by subject, of the subjects that have one."""
        paths = sorted(self.bundle.path.glob(kind.PATH.format(subject="*")))
        names = [path.parent.name for path in paths]
        return {name: typed.read(self.bundle.path, kind, subject=name) for name in names}


_AREAS: Final[dict[Area, Callable[[_Told], Json]]] = {
    "host": _Told.host,
    "stack": _Told.stack,
    "plan": _Told.plan,
    "sql": _Told.sql,
    "answers": _Told.answers,
    "tool": _Told.tool,
}


@contextmanager
def _open(path: Path) -> Iterator[Bundle]:
    """Open a bundle at L1; a packed one is unpacked into a temporary folder."""
    if not path.is_file():
        yield Bundle.open(path, level="L1")
        return
    with tempfile.TemporaryDirectory(prefix="ormlab-diff-") as scratch:
        yield Bundle.open(unpack(path, Path(scratch)))


def _agreements(a: _Told, b: _Told, *, same_host: bool, host_sd: float) -> Iterator[Compared]:
    """Judge every comparison that both bundles have, by every metric that both judge it by."""
    theirs = dict(_comparisons(b.results))
    for key, ours in _comparisons(a.results):
        if key in theirs:
            pair = (ours, theirs[key])
            judged = _judge(*pair, same_host=same_host, host_sd=host_sd)
            first, second = (msgspec.convert(each, Ratio, from_attributes=True) for each in pair)
            values = msgspec.structs.asdict(judged) | dict(zip(_PLACE, key, strict=True))
            yield Compared(**values, runs=(first, second))


def _judge(ours: Comparison, theirs: Comparison, *, same_host: bool, host_sd: float) -> Agreement:
    first, second = (Side(math.log(each.ratio), each.sd, each.blocks) for each in (ours, theirs))
    judged = (
        on_one_host(first, second, ours.margin)
        if same_host
        else on_two_hosts(first, second, host_sd)
    )
    for number, each in enumerate((ours, theirs), start=1):
        if each.verdict is Verdict.VOID:
            why = f"void in bundle {number}: {each.reasons[0].what}"
            return Agreement("open", judged.method, judged.ratio, judged.low, judged.high, why)
    return judged


def _comparisons(results: Results) -> Iterator[tuple[_Key, Comparison]]:
    for cell in results.cells:
        for each in cell.comparisons:
            yield (cell.workload, cell.load, each.baseline, each.candidate, each.metric), each


def _verdict(agreements: list[Compared]) -> Outcome:
    """The verdict of all comparisons by throughput together; open if there are none."""
    verdicts = {each.verdict for each in agreements if each.metric == PRIMARY}
    if "differ" in verdicts:
        return "differ"
    return "agree" if verdicts == {"agree"} else "open"


_WORDS: Final[dict[Outcome, str]] = {
    "agree": "The results agree",
    "differ": "The results differ",
    "open": "It is open whether the results agree",
}


def _conclusion(
    verdict: Outcome, agreements: list[Compared], changed: list[Changed], relation: Relation
) -> str:
    """The outcome in one sentence: the comparison that decides it, and what changed."""
    by_area = Counter(each.area for each in changed)
    counts = ", ".join(f"{area} ({count})" for area, count in by_area.items())
    rest = f"changed: {counts}" if counts else "nothing else changed"
    where = "on one host" if relation.same_host else "on two hosts"
    primary = [each for each in agreements if each.metric == PRIMARY]
    if not primary:
        return f"{_WORDS[verdict]}: no comparison by {PRIMARY} is in both ({where}; {rest})."
    first = next(each for each in primary if each.verdict == verdict)
    one, two = (rounding.ratio(run.ratio, run.low, run.high) for run in first.runs)
    ratio = rounding.ratio(first.ratio, first.low, first.high)
    return (
        f"{_WORDS[verdict]}: {first.candidate} / {first.baseline} by {PRIMARY} on "
        f"{first.workload} under {first.load} is {one} and {two} {where}, "
        f"{ratio} times{_interval(first)}: {first.why} ({rest})."
    )


def _interval(agreement: Agreement) -> str:
    if agreement.low is None or agreement.high is None:
        return ""
    name = "95 % interval" if agreement.method == "welch" else "expected are"
    return f" ({name} {rounding.ratio_interval(agreement.low, agreement.high)})"
