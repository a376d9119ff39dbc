"""``ormlab diff``: what changed between two bundles, and whether their results agree.

History of the document: diff/1 (first).
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analysis.agreement import HOST_SD, Agreement, Side, on_one_host, on_two_hosts
from bundle import outside
from bundle.read import Bundle
from bundle.unpack import unpack
from ormlab.base.changes import Change, changes
from ormlab.base.errors import UsageError
from ormlab.judging import judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA: Final = "diff/1"
_PRIMARY: Final = "throughput"
_STACK: Final = ("python", "packages", "extensions", "digest", "ok")
_SERVER: Final = ("version", "settings")
_COSTS: Final = ("statements", "statements_per_request", "round_trips_per_request")
_SHOWN_DIGITS: Final = 12


def diff(first: Path, second: Path, *, host_sd: float = HOST_SD) -> dict[str, Any]:
    """Compare two bundles; the results of both are computed anew from their files.

    Args:
        first: the folder of a bundle, or an archive made by `ormlab archive pack`.
        second: likewise.
        host_sd: how much hosts are taken to differ; see `analysis.agreement`.

    Returns:
        schema, conclusion, the bundles, relation (whether the second is a rerun of the first, and
        whether the hosts are one), changes by area, agreements by comparison, and verdict: that
        of the comparisons by throughput.

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
        same_host = (
            a.bundle.record.host is not None and a.bundle.record.host == b.bundle.record.host
        )
        changed = [
            {"area": area, "at": each.at, "before": each.before, "after": each.after}
            for area in _AREAS
            for each in _changes(area, a, b)
        ]
        agreements = list(_agreements(a, b, same_host=same_host, host_sd=host_sd))
        verdict = _verdict(agreements)
        relation = {
            "same_host": same_host,
            "is_rerun": b.bundle.record.rerun_of == a.bundle.seal,
            "host_sd": None if same_host else host_sd,
        }
        return {
            "schema": SCHEMA,
            "conclusion": _conclusion(verdict, agreements, changed, relation),
            "verdict": verdict,
            "bundles": [told.identity() for told in (a, b)],
            "relation": relation,
            "changes": changed,
            "agreements": agreements,
        }


class _Told:
    """What a bundle says of everything that may have changed, by area."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.results = json.loads(judge.derived_files(bundle)["results.json"])
        self.resolved: dict[str, Any] = outside.plan_of(bundle.path)

    def area(self, name: str) -> dict[str, Any]:
        """What it says of one area.

        Raises:
            RecordError: a file does not hold what is looked for.
        """
        with outside.readable(self.bundle.path):
            return _AREAS[name](self)

    def identity(self) -> dict[str, Any]:
        record = self.bundle.record
        told = {"id": record.id, "seal": self.bundle.seal, "host": record.host}
        return told | {"status": record.status, "conclusion": self.results["conclusion"]}

    def host(self) -> dict[str, Any]:
        """What decides the fingerprint, and the database server."""
        facts = self._read("host/facts.before.json")
        server = self._read("host/postgres.json")
        return {
            **{key: facts["facts"].get(key) for key in facts["identity"]},
            "tier": facts["placement"]["tier"],
            "postgres": {key: server.get(key) for key in _SERVER},
        }

    def stack(self) -> dict[str, Any]:
        """By stack: interpreter, packages, which extensions are compiled."""
        made: dict[str, Any] = {}
        for path in self._of_subjects("stack.json"):
            told = outside.json_of(path)
            made[told["stack"]] = {key: told.get(key) for key in _STACK}
        return made

    def plan(self) -> dict[str, Any]:
        """The plan with every default, and what it was resolved to but for the trials' names."""
        return {key: value for key, value in self.resolved.items() if key != "trials"}

    def sql(self) -> dict[str, Any]:
        """By subject and operation: statements and round trips of one request."""
        return {
            path.parent.name: {
                name: {key: cost[key] for key in _COSTS}
                for name, cost in outside.json_of(path)["operations"].items()
            }
            for path in self._of_subjects("sql.json")
        }

    def answers(self) -> dict[str, Any]:
        """By subject and request: status and digest of the body."""
        return {
            path.parent.name: {
                each["request"]: {"status": each["status"], "sha256": each["sha256"]}
                for each in outside.json_of(path)["answers"]
            }
            for path in self._of_subjects("answers.json")
        }

    def tool(self) -> dict[str, Any]:
        """The orchestrator, the code that was shipped, and the agent's libraries."""
        source = self._read("inputs/source.json")
        lock = outside.bytes_of(self.bundle.path / "inputs/locks/agent.txt")
        return {**source, "agent_lock": hashlib.sha256(lock).hexdigest()}

    def _read(self, path: str) -> dict[str, Any]:
        return dict(outside.json_of(self.bundle.path / path))

    def _of_subjects(self, name: str) -> list[Path]:
        return sorted((self.bundle.path / "services").glob(f"*/{name}"))


_AREAS: Final = {
    "host": _Told.host,
    "stack": _Told.stack,
    "plan": _Told.plan,
    "sql": _Told.sql,
    "answers": _Told.answers,
    "tool": _Told.tool,
}


@contextmanager
def _open(path: Path) -> Iterator[Bundle]:
    """Open a bundle at L1; one that is packed is unpacked for the time being."""
    if not path.is_file():
        yield Bundle.open(path, level="L1")
        return
    with tempfile.TemporaryDirectory(prefix="ormlab-diff-") as scratch:
        yield Bundle.open(unpack(path, Path(scratch)))


def _changes(area: str, a: _Told, b: _Told) -> Iterator[Change]:
    return changes(a.area(area), b.area(area))


def _agreements(a: _Told, b: _Told, *, same_host: bool, host_sd: float) -> Iterator[dict[str, Any]]:
    """Judge every comparison that both bundles have, by every metric that both judge it by."""
    theirs = dict(_comparisons(b.results))
    for key, ours in _comparisons(a.results):
        if key not in theirs:
            continue
        sides = [ours, theirs[key]]
        judged = _judge(*sides, same_host=same_host, host_sd=host_sd)
        workload, load, baseline, candidate, metric = key
        yield {
            "workload": workload,
            "load": load,
            "baseline": baseline,
            "candidate": candidate,
            "metric": metric,
            "runs": [
                {name: side[name] for name in ("ratio", "low", "high", "blocks", "sd", "verdict")}
                for side in sides
            ],
            **asdict(judged),
        }


def _judge(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], *, same_host: bool, host_sd: float
) -> Agreement:
    first, second = (
        Side(math.log(each["ratio"]), each["sd"], each["blocks"]) for each in (ours, theirs)
    )
    judged = (
        on_one_host(first, second, ours["margin"])
        if same_host
        else on_two_hosts(first, second, host_sd)
    )
    for number, each in enumerate((ours, theirs), start=1):
        if each["verdict"].startswith("INVALID"):
            why = f"invalid in bundle {number}: {each['reasons'][0]['what']}"
            return Agreement("open", judged.method, judged.ratio, judged.low, judged.high, why)
    return judged


def _comparisons(results: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for cell in results["cells"]:
        for each in cell["comparisons"]:
            names = (each["baseline"], each["candidate"], each["metric"])
            yield (cell["workload"], cell["load"], *names), each


def _verdict(agreements: list[dict[str, Any]]) -> str:
    """That of the comparisons by throughput together; open if there are none."""
    verdicts = {each["verdict"] for each in agreements if each["metric"] == _PRIMARY}
    if "differ" in verdicts:
        return "differ"
    return "agree" if verdicts == {"agree"} else "open"


_WORDS: Final = {
    "agree": "The results agree",
    "differ": "The results differ",
    "open": "It is open whether the results agree",
}


def _conclusion(
    verdict: str,
    agreements: list[dict[str, Any]],
    changed: list[dict[str, Any]],
    relation: Mapping[str, Any],
) -> str:
    """The outcome in one sentence: the comparison that decides it, and what changed."""
    by_area: dict[str, int] = {}
    for each in changed:
        by_area[each["area"]] = by_area.get(each["area"], 0) + 1
    counts = ", ".join(f"{area} ({count})" for area, count in by_area.items())
    rest = f"changed: {counts}" if counts else "nothing else changed"
    where = "on one host" if relation["same_host"] else "on two hosts"
    primary = [each for each in agreements if each["metric"] == _PRIMARY]
    if not primary:
        return f"{_WORDS[verdict]}: no comparison by {_PRIMARY} is in both ({where}; {rest})."
    first = next(each for each in primary if each["verdict"] == verdict)
    one, two = (run["ratio"] for run in first["runs"])
    return (
        f"{_WORDS[verdict]}: {first['candidate']} / {first['baseline']} by {_PRIMARY} on "
        f"{first['workload']} under {first['load']} is {one:.3f} and {two:.3f} {where}, "
        f"{first['ratio']:.3f} times{_interval(first)}: {first['why']} ({rest})."
    )


def _interval(agreement: Mapping[str, Any]) -> str:
    if agreement["low"] is None:
        return ""
    name = "95 % interval" if agreement["method"] == "welch" else "expected are"
    return f" ({name} {agreement['low']:.3f} to {agreement['high']:.3f})"
