"""Whether two subjects did the same work: their answers, their SQL, and what it costs.

Read from ``services/<subject>/answers.json`` (answers/1), ``sql.json`` (sql/1) and
``contract.json`` (ormlab-contract/1). A bundle without them says nothing of the work, and nothing
follows from that.

Other answers are other work, so a comparison of such subjects is invalid. Other SQL is what makes
an ORM: it is published beside the figures, and forbids nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_HEADERS = {"content_type": "Content-Type", "content_length": "Content-Length"}
_SHOWN = 12  # characters of a digest in a sentence
_UPKEEP = re.compile(
    r"(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|RESET|DISCARD|DEALLOCATE|CLOSE"
    r"|UNLISTEN)\b|SELECT pg_advisory_unlock_all\(\)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Work:
    """What the subjects of a run answered, and what it cost the database.

    Attributes:
        answers: by subject, and by operation and request.
        sql: ``sql.json`` by subject.
        broken: by subject, how it breaks the contract.
    """

    answers: dict[str, dict[tuple[str, str], dict[str, Any]]]
    sql: dict[str, dict[str, Any]]
    broken: dict[str, str]

    @classmethod
    def read(cls, bundle: Path) -> Work:
        """Read what a bundle holds of it."""
        work = cls({}, {}, {})
        for folder in sorted((bundle / "services").glob("*/")):
            told = {name: _document(folder / name) for name in ("answers.json", "sql.json")}
            if answers := told["answers.json"]:
                work.answers[folder.name] = {
                    (answer["operation"], answer["request"]): answer
                    for answer in answers["answers"]
                }
            if sql := told["sql.json"]:
                work.sql[folder.name] = sql
            contract = _document(folder / "contract.json")
            if contract and not contract["ok"]:
                first = contract["problems"][0]["case"]
                work.broken[folder.name] = (
                    f"{folder.name} breaks the contract in {len(contract['problems'])} of "
                    f"{contract['cases']} cases, first {first!r}"
                )
        return work

    def problems(self, hypothesis: Mapping[str, str]) -> list[str]:
        """What makes a comparison invalid, one sentence each."""
        names = (hypothesis["baseline"], hypothesis["candidate"])
        broken = [self.broken[name] for name in names if name in self.broken]
        differences = self._differences(*names) or []
        if len(differences) > 1:
            differences = [f"{differences[0]}; and {len(differences) - 1} more requests"]
        return [*broken, *differences]

    def compare(self, hypothesis: Mapping[str, str], workload: str) -> dict[str, Any] | None:
        """Both subjects side by side for one workload; None without the record of both."""
        names = (hypothesis["baseline"], hypothesis["candidate"])
        differences = self._differences(*names)
        if differences is None or not all(name in self.sql for name in names):
            return None
        baseline, candidate = (self.sql[name]["operations"] for name in names)
        return {
            "answers": "different" if differences else "equal",
            "differences": differences,
            "operations": [
                {
                    "operation": key,
                    "sql": _relation(baseline[key]["digest"], candidate[key]["digest"]),
                    "baseline": _costs(baseline[key]),
                    "candidate": _costs(candidate[key]),
                }
                for key in self.sql[names[0]]["mixes"][workload]
            ],
        }

    def verdict(self, hypothesis: Mapping[str, str], workload: str) -> dict[str, Any] | None:
        """The comparison in short: answers, SQL, and the SQL's digest on both sides."""
        told = self.compare(hypothesis, workload)
        if told is None:
            return None
        digests = {
            side: _digest([each[side]["digest"] for each in told["operations"]])
            for side in ("baseline", "candidate")
        }
        sql = _relation(digests["baseline"], digests["candidate"])
        return {"answers": told["answers"], "sql": sql, "sql_digests": digests}

    def per_request(self, subject: str, workload: str) -> dict[str, float | None]:
        """What one request costs the database, by the mix of a workload: figures of ``_COUNTS``."""
        sql = self.sql.get(subject)
        if sql is None:
            return dict.fromkeys(_COUNTS)
        mix, operations = sql["mixes"][workload], sql["operations"]
        return {
            name: sum(weight * count(operations[key]) for key, weight in mix.items())
            / sum(mix.values())
            for name, count in _COUNTS.items()
        }

    def undeclared(self, subject: str) -> list[str]:
        """Operations that cost something else than the service declares, or not always the same."""
        found = []
        for key, cost in self.sql.get(subject, {"operations": {}})["operations"].items():
            if cost["varies"]:
                found.append(f"{key}: its statements vary from request to request")
            if cost["declared"] is None:
                found.append(f"{key}: its service declares nothing for it")
                continue
            for name, words in (("statements", "statements"), ("round_trips", "round trips")):
                got, due = cost[f"{name}_per_request"], cost["declared"][name]
                if got != due:
                    found.append(f"{key}: {got:g} {words}, its service declares {due}")
        return found

    def _differences(self, baseline: str, candidate: str) -> list[str] | None:
        """What was answered differently; None without the answers of both."""
        sides = [
            (name, self.answers[name]) for name in (baseline, candidate) if name in self.answers
        ]
        differences = []
        for (one, first), (other, second) in pairwise(sides):
            for key in first | second:
                if key not in first or key not in second:
                    differences.append(f"{key[1]} was asked of one of {one} and {other} only")
                elif said := _difference(first[key], second[key]):
                    differences.append(f"{one} and {other} answer {key[1]} differently: {said}")
        return differences if len(sides) > 1 else None


def _queries(cost: Mapping[str, Any]) -> float:
    """How many of an operation's statements per request do more than keep house.

    Left out are the ends of transactions and the reset of a session that a pool sends when it
    takes a connection back: what their libraries, their logs and their authors count as a query.
    """
    return float(sum(each["count"] for each in cost["statements"] if not _is_upkeep(each["text"])))


def _is_upkeep(statement: str) -> bool:
    """Whether all that a simple query asks for begins or ends a transaction or resets a session."""
    commands = [command.strip() for command in statement.split(";")]
    return all(_UPKEEP.match(command) for command in commands if command)


_COUNTS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "round_trips": lambda cost: cost["round_trips_per_request"],
    "statements": lambda cost: cost["statements_per_request"],
    "queries": _queries,
}


def _difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """How two answers to one request differ; empty if they do not."""
    said = []
    if first["status"] != second["status"]:
        said.append(f"status {first['status']} and {second['status']}")
    said += [
        f"{name} {first[key]!r} and {second[key]!r}"
        for key, name in _HEADERS.items()
        if first[key] != second[key]
    ]
    if first["sha256"] != second["sha256"]:
        digests = [each["sha256"][:_SHOWN] for each in (first, second)]
        said.append(f"bodies {digests[0]} and {digests[1]} (SHA-256), {_where(first, second)}")
    return ", ".join(said)


def _where(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The first byte in which two bodies differ, counted from 0."""
    bodies: Sequence[bytes] = [base64.b64decode(each["begins"]) for each in (first, second)]
    shorter = min(len(body) for body in bodies)
    for at, (one, other) in enumerate(zip(*bodies, strict=False)):
        if one != other:
            return f"first at byte {at}: 0x{one:02x} and 0x{other:02x}"
    if shorter < min(first["bytes"], second["bytes"]):
        return f"first somewhere after byte {shorter - 1}"
    return f"first at byte {shorter}, where one of them ends"


def _digest(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _relation(first: str, second: str) -> str:
    return "same" if first == second else "different"


def _costs(cost: Mapping[str, Any]) -> dict[str, Any]:
    names = ("statements", "statements_per_request", "round_trips_per_request")
    return {name: cost[name] for name in (*names, "rows_per_request", "digest", "varies")}


def _document(path: Path) -> dict[str, Any] | None:
    return dict(outside.json_of(path)) if path.exists() else None
