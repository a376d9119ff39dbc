"""Whether two subjects did the same work: their answers, their SQL, and what it costs.

A bundle without ``services/<subject>/answers.json``, ``sql.json`` and ``contract.json`` says
nothing of the work, and nothing follows from that.

Other answers are other work, so a comparison of such subjects is invalid. Other SQL is what makes
an ORM: it is published beside the figures, and forbids nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from analysis.rounding import count
from bundle import typed
from bundle.display import quantity
from bundle.documents.results import Costs, Digests, OperationPair, SideBySide, WorkInShort
from bundle.documents.services import Answers, ContractOutcome, Effects, Sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.documents.results import Relation
    from bundle.documents.services import Cost, Shown, TableContent

_SHOWN = 12  # characters of a digest in a sentence
_UPKEEP = re.compile(
    r"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|RESET|DISCARD|DEALLOCATE|CLOSE"
    r"|UNLISTEN)\b|SELECT pg_advisory_unlock_all\(\)$",
    re.IGNORECASE,
)


class PerRequest(NamedTuple):
    """What one request of a workload's mix costs the database; None where it was not recorded.

    A round trip is a message that waits for an answer. ``queries`` are the statements that do more
    than keep house.
    """

    round_trips: float | None = None
    statements: float | None = None
    queries: float | None = None


@dataclass(frozen=True)
class Work:
    """What the subjects of a run answered, by operation and request, and their SQL.

    ``broken`` says in one sentence how a subject breaks the contract.
    """

    answers: dict[str, dict[tuple[str, str], Shown]]
    sql: dict[str, Sql]
    broken: dict[str, str]
    effects: dict[str, Effects] = field(default_factory=dict)

    @classmethod
    def read(cls, bundle: Path) -> Work:
        """Read the answers, the SQL and the outcome of the contract that a bundle holds.

        Raises:
            OSError: a file is no regular one, or too large.
            RecordError: a file is invalid.
        """
        work = cls({}, {}, {})
        for folder in sorted((bundle / "services").glob("*/")):
            name = folder.name
            if answers := typed.read_if_there(bundle, Answers, subject=name):
                work.answers[name] = {
                    (answer.operation, answer.request): answer for answer in answers.answers
                }
            if sql := typed.read_if_there(bundle, Sql, subject=name):
                work.sql[name] = sql
            if effects := typed.read_if_there(bundle, Effects, subject=name):
                work.effects[name] = effects
            contract = typed.read_if_there(bundle, ContractOutcome, subject=name)
            if contract and not contract.ok:
                work.broken[name] = (
                    f"{name} breaks the contract in {len(contract.problems)} of "
                    f"{quantity(contract.cases, 'case')}, first {contract.problems[0].case!r}"
                )
        return work

    def problems(self, baseline: str, candidate: str) -> list[str]:
        """What makes a comparison of two subjects invalid, one sentence each."""
        names = (baseline, candidate)
        broken = [self.broken[name] for name in names if name in self.broken]
        differences = self._differences(*names) or []
        if len(differences) > 1:
            differences = [
                f"{differences[0]}; and {quantity(len(differences) - 1, 'more request')}"
            ]
        return [*broken, *differences, *self._unlike(*names)]

    def compare(self, baseline: str, candidate: str, workload: str) -> SideBySide | None:
        """Two subjects side by side for one workload; None without the record of both."""
        names = (baseline, candidate)
        differences = self._differences(*names)
        if differences is None or not all(name in self.sql for name in names):
            return None
        first, second = (self.sql[name].operations for name in names)
        return SideBySide(
            baseline=baseline,
            candidate=candidate,
            answers="different" if differences else "equal",
            differences=differences,
            operations=[
                OperationPair(
                    operation=key,
                    sql=_relation(first[key].digest, second[key].digest),
                    baseline=_costs(first[key]),
                    candidate=_costs(second[key]),
                )
                for key in self.sql[baseline].mixes[workload]
            ],
        )

    def in_short(self, baseline: str, candidate: str, workload: str) -> WorkInShort | None:
        """Whether two subjects did the same work in a workload; None without the record of both."""
        side_by_side = self.compare(baseline, candidate, workload)
        if side_by_side is None:
            return None
        digests = Digests(
            _digest([each.baseline.digest for each in side_by_side.operations]),
            _digest([each.candidate.digest for each in side_by_side.operations]),
        )
        sql = _relation(digests.baseline, digests.candidate)
        return WorkInShort(answers=side_by_side.answers, sql=sql, sql_digests=digests)

    def per_request(self, subject: str, workload: str) -> PerRequest:
        """What one request costs the database, by the mix of a workload."""
        sql = self.sql.get(subject)
        if sql is None:
            return PerRequest()
        mix, whole = sql.mixes[workload], sum(sql.mixes[workload].values())
        costs = [(weight, sql.operations[key]) for key, weight in mix.items()]
        return PerRequest(
            sum(weight * cost.round_trips_per_request for weight, cost in costs) / whole,
            sum(weight * cost.statements_per_request for weight, cost in costs) / whole,
            sum(weight * _queries(cost) for weight, cost in costs) / whole,
        )

    def answer_bytes(self, subject: str, workload: str) -> int | None:
        """The mean length of an answer's body, by the mix of a workload, to whole bytes.

        None where it was not recorded.
        """
        sql, answers = self.sql.get(subject), self.answers.get(subject)
        if sql is None or answers is None or workload not in sql.mixes:
            return None
        mix = sql.mixes[workload]
        lengths = {
            key: [each.bytes for (operation, _), each in answers.items() if operation == key]
            for key in mix
        }
        if not (all(lengths.values()) and sum(mix.values()) > 0):
            return None
        return round(fmean(map(fmean, lengths.values()), mix.values()))

    def undeclared(self, subject: str) -> list[str]:
        """Operations that cost something else than the service declares, or not always the same."""
        differences = []
        # An application declares no statements.
        is_service = subject in self.sql and subject not in self.effects
        operations = self.sql[subject].operations if is_service else {}
        for key, cost in operations.items():
            if cost.varies:
                differences.append(f"{key}: its statements vary from request to request")
            if cost.declared is None:
                differences.append(f"{key}: its service declares nothing for it")
                continue
            for words, got, due in (
                ("statements", cost.statements_per_request, cost.declared.statements),
                ("round trips", cost.round_trips_per_request, cost.declared.round_trips),
            ):
                if got != due:
                    differences.append(f"{key}: {count(got)} {words}, its service declares {due}")
        return differences

    def _unlike(self, one: str, other: str) -> list[str]:
        """The tables in which two applications left other rows after the same requests."""
        if one not in self.effects or other not in self.effects:
            return []
        first, second = self.effects[one].tables, self.effects[other].tables
        unlike = []
        for table in sorted(first | second):
            if first.get(table) == second.get(table):
                continue
            told = [
                f"{name} {_done(tables.get(table))}"
                for name, tables in ((one, first), (other, second))
            ]
            unlike.append(f"the same requests leave other rows in {table}: {' and '.join(told)}")
        return unlike

    def _differences(self, one: str, other: str) -> list[str] | None:
        """The requests that two subjects answered differently; None without the answers of both."""
        if one not in self.answers or other not in self.answers:
            return None
        first, second = self.answers[one], self.answers[other]
        differences = []
        for key in first | second:
            if key not in first or key not in second:
                differences.append(f"{key[1]} was asked of one of {one} and {other} only")
            elif difference := _difference(first[key], second[key]):
                differences.append(f"{one} and {other} answer {key[1]} differently: {difference}")
        return differences


def _done(content: TableContent | None) -> str:
    """What the requests did to a table, in words."""
    if content is None:
        return "has no such table"
    return (
        f"inserted {content.inserted}, updated {content.updated}, deleted {content.deleted}, "
        f"{content.rows} rows {content.sha256[:_SHOWN]} (SHA-256)"
    )


def _queries(cost: Cost) -> float:
    """How many of an operation's statements per request are queries.

    Left out are the ends of transactions and the reset of a session that a pool sends when it
    takes a connection back: what their libraries, their logs and their authors count as a query.
    """
    return float(sum(each.count for each in cost.statements if not _is_upkeep(each.text)))


def _is_upkeep(statement: str) -> bool:
    """Whether all that a simple query asks for begins or ends a transaction or resets a session."""
    commands = [command.strip() for command in statement.split(";")]
    return all(_UPKEEP.match(command) for command in commands if command)


def _difference(first: Shown, second: Shown) -> str:
    """How two answers to one request differ; empty if they do not."""
    differences = []
    is_canonical = first.canonical is not UNSET and second.canonical is not UNSET
    if first.status != second.status:
        differences.append(f"status {first.status} and {second.status}")
    for name, one, other in (
        ("Content-Type", first.content_type, second.content_type),
        ("Content-Length", first.content_length, second.content_length),
    ):
        if one != other and not (is_canonical and name == "Content-Length"):
            differences.append(f"{name} {one!r} and {other!r}")
    if is_canonical:
        if first.canonical != second.canonical:
            differences.append(f"JSON, {_where(first, second)} of the canonical form")
    elif first.sha256 != second.sha256:
        digests = f"{first.sha256[:_SHOWN]} and {second.sha256[:_SHOWN]}"
        differences.append(f"bodies {digests} (SHA-256), {_where(first, second)}")
    return ", ".join(differences)


def _where(first: Shown, second: Shown) -> str:
    """The first byte in which two bodies differ, counted from 0."""
    bodies: Sequence[bytes] = [base64.b64decode(each.begins) for each in (first, second)]
    shorter = min(len(body) for body in bodies)
    for at, (one, other) in enumerate(zip(*bodies, strict=False)):
        if one != other:
            return f"first at byte {at}: 0x{one:02x} and 0x{other:02x}"
    if shorter < min(first.bytes, second.bytes) and first.canonical is UNSET:
        return f"first somewhere after byte {shorter - 1}"
    return f"first at byte {shorter}, where one of them ends"


def _digest(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _relation(first: str, second: str) -> Relation:
    return "same" if first == second else "different"


def _costs(cost: Cost) -> Costs:
    return Costs(**{key: getattr(cost, key) for key in Costs.__struct_fields__})
