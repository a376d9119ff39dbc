"""Every problem of a ledger that its types cannot show, each with its code and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.claims import checks
from analysis.claims import ledger as kinds
from analysis.claims.conditions import READINGS, reading_of
from analysis.claims.metrics import CLAIM_METRICS
from bundle.meant import meant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from analysis.claims.checks import Check
    from analysis.claims.fields import Tolerance
    from analysis.claims.ledger import Claim, Ledger

type Path = tuple[str | int, ...]

CODES: Final[dict[str, str]] = {
    "ledger-missing": "name a file, or one of the ledgers that the lab ships",
    "ledger-invalid": "the format is described in docs/claims.md",
    "key-twice": "give each entry a name of its own",
    "duplicate-id": "claims and checks share one set of names: rename one of the two",
    "source-unknown": "add the source, or name one that is there",
    "copy-missing": "give the sha256 of your copy, or say in `note` what stands in for one",
    "subject-unknown": "add the subject, or name one that is there",
    "conditions-unknown": "add the set of conditions, or name one that is there",
    "claim-unknown": "name a claim that is there",
    "metric-unknown": "name a metric of the registry: `ormlab claims metrics` lists them",
    "reading-unknown": "name a reading of the registry: `ormlab claims metrics` lists them",
    "plan-unknown": "name a plan of the lab's or of plans/ beside the ledger, or say not_run",
    "plan-part-unknown": "name a subject, workload and load that the plan has",
    "entailment-cycle": "let one of these claims stand on its own",
    "test-missing": "give exactly one of test, untestable and not_run",
    "script-missing": "give `script` with `through: script`, of printed code or a program or both",
    "tolerance-missing": "say how far off still counts as the same number, and why",
    "tolerance-without-reason": "say why so much: it is fixed before any run",
    "absolute-anywhere": "sizes do not carry over: say same-class or same-fingerprint",
    "condition-value": "an unknown condition has no value, every other has one",
    "condition-reason": "say in `note` why it may be assumed, or accepted in its place",
    "material-unread": "name a reading, or do not call it material",
    "input-unknown": "name a claim with a value, a condition as set/leaf, or give a number",
    "precision-missing": "give the size of the last digit that is printed: 0.1 for 8.2",
    "convicts-stranger": "only a claim that the check computes with can be convicted by it",
}
"""The stable codes of a ledger's problems, each with what to do next."""

_NO_INPUTS = {
    *("says", "kind", "note", "convicts", "concerns", "locator"),
    *("slack", "wording", "generator", "loop"),
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, by its code, and the keys that lead to it from the top of the document."""

    code: str
    path: Path
    what: str
    word: str = ""  #: that is not known
    known: Collection[str] = ()  #: words that may have been meant

    @property
    def advice(self) -> str:
        """What is wrong, with the known word that is nearest; looking for it takes time."""
        return self.what + meant(self.word, self.known, "; {}")

    @property
    def hint(self) -> str:
        """What to do next."""
        return CODES[self.code]


@dataclass(frozen=True)
class PlanParts:
    """What a plan has, by name."""

    subjects: frozenset[str]
    workloads: frozenset[str]
    loads: frozenset[str]


def lint(ledger: Ledger, plans: Mapping[str, PlanParts] | None) -> list[Problem]:
    """Find every problem of a ledger whose types are right.

    Args:
        ledger: as read.
        plans: those that exist, by name; None if that is not known, and not to be asked.
    """
    problems = [*_sources(ledger), *_conditions(ledger)]
    for name, claim in ledger.claims.items():
        problems += _names(ledger, name, claim)
        problems += _sizes(name, claim)
        problems += _test(name, claim, plans)
    for name, check in ledger.checks.items():
        if name in ledger.claims:
            what = f"{name!r} is a claim and a check"
            problems.append(Problem("duplicate-id", ("checks", name), what))
        problems += _check(ledger, name, check)
    return problems + list(_cycles(ledger))


def inputs_of(check: Check) -> dict[str, checks.Input]:
    """What a check computes with, by the name of its field; ``field.key`` in a table of them."""
    inputs: dict[str, checks.Input] = {}
    for name in type(check).model_fields:
        value = None if name in _NO_INPUTS else getattr(check, name)
        if isinstance(value, dict):
            inputs |= {f"{name}.{key}": each for key, each in value.items()}
        elif value is not None:
            inputs[name] = value
    return inputs


def premises(claim: Claim) -> set[str]:
    """Every claim that stands in ``entailed_by``, alone or with others."""
    names: set[str] = set()
    for entry in claim.entailed_by:
        names |= {entry} if isinstance(entry, str) else set(entry)
    return names


def _sources(ledger: Ledger) -> Iterator[Problem]:
    for name, source in ledger.sources.items():
        if source.sha256 is None and not source.note.strip():
            what = "no copy was kept, so what was read may change unseen"
            yield Problem("copy-missing", ("sources", name), what)


def _conditions(ledger: Ledger) -> Iterator[Problem]:
    for group, leaves in ledger.conditions.items():
        for leaf, condition in leaves.items():
            at: Path = ("conditions", group, leaf)
            if (condition.value is None) != (condition.status == "unknown"):
                what = f"it is {condition.status}, and its value is {condition.value!r}"
                yield Problem("condition-value", at, what)
            reasoned = condition.accepts or condition.status in {"assumed", "inferred"}
            if reasoned and not condition.note.strip():
                yield Problem("condition-reason", at, "what is not as stated needs a reason")
            if condition.material and condition.reading is None and condition.value is not None:
                what = "nothing of a bundle would be held against it"
                yield Problem("material-unread", at, what)
            if condition.reading is not None and reading_of(condition.reading) is None:
                yield from _unknown("reading", [condition.reading], READINGS, (*at, "reading"))
            yield from _unknown("subject", [condition.subject], ledger.subjects, (*at, "subject"))


def _names(ledger: Ledger, name: str, claim: Claim) -> Iterator[Problem]:
    at: Path = ("claims", name)
    yield from _unknown("source", [claim.source], ledger.sources, (*at, "source"))
    yield from _unknown("claim", sorted(premises(claim)), ledger.claims, (*at, "entailed_by"))
    if isinstance(claim, kinds.Statement):
        return
    yield from _unknown("subject", claim.subjects, ledger.subjects, (*at, "subjects"))
    tested = [claim, *kinds.variants_of(claim).values()]
    sets = dict.fromkeys(group for each in tested for group in each.conditions)
    yield from _unknown("conditions", sets, ledger.conditions, (*at, "conditions"))
    if not isinstance(claim, kinds.Runs):
        yield from _unknown("metric", [claim.metric], CLAIM_METRICS, (*at, "metric"))


def _unknown(
    kind: str, names: Iterable[str | None], known: Collection[str], at: Path
) -> Iterator[Problem]:
    """A problem for each name that is given and does not exist."""
    is_many = "are" if kind.endswith("s") else "is"
    for name in names:
        if name is not None and name not in known:
            what = f"there {is_many} no {kind} {name!r}"
            yield Problem(f"{kind}-unknown", at, what, name, known)


def _sizes(name: str, claim: Claim) -> Iterator[Problem]:
    at: Path = ("claims", name)
    tolerance = getattr(claim, "tolerance", None)
    yield from _reasoned(tolerance, (*at, "tolerance"))
    if isinstance(claim, kinds.Statement | kinds.Runs | kinds.Ordering | kinds.Ranking):
        return
    if _counted(claim):
        return
    has_room = isinstance(claim, kinds.Bound | kinds.Range)
    if tolerance is None and not claim.untestable and not has_room:
        yield Problem("tolerance-missing", at, "a printed number is never met exactly")
    if not claim.compares and claim.portability == "any":
        what = f"{claim.metric} depends on the host, and the claim is said to hold on any"
        yield Problem("absolute-anywhere", (*at, "portability"), what)


def _reasoned(tolerance: Tolerance | None, at: Path) -> Iterator[Problem]:
    if tolerance is not None and not tolerance.reason.strip():
        what = f"a {at[-1]} without a reason could be anything"
        yield Problem("tolerance-without-reason", at, what)


def _counted(claim: kinds.Measurable) -> bool:
    """Whether the figure is a count, which is exact and the same on every host."""
    metric = CLAIM_METRICS.get(claim.metric)
    return metric is not None and metric.everywhere


def _test(name: str, claim: Claim, plans: Mapping[str, PlanParts] | None) -> Iterator[Problem]:
    at: Path = ("claims", name)
    given = [key for key in ("test", "untestable", "not_run") if getattr(claim, key, None)]
    if len(given) != 1:
        yield Problem("test-missing", at, f"it has {' and '.join(given) or 'none of them'}")
    if isinstance(claim, kinds.Runs):
        yield from _script(claim, at)
    if plans is None or isinstance(claim, kinds.Statement) or claim.test is None:
        return
    yield from _places(claim, (*at, "test"), plans)
    for variant, changed in kinds.variants_of(claim).items():
        yield from _places(changed, (*at, "test", "variants", variant), plans)


def _script(claim: kinds.Runs, at: Path) -> Iterator[Problem]:
    script = claim.script
    if (script is not None) != (claim.through == "script"):
        what = f"it is said to get through {claim.through}, with {'a' if script else 'no'} script"
        yield Problem("script-missing", at, what)
    if script and not (script.printed or script.program):
        yield Problem("script-missing", (*at, "script"), "it has no code")


def _places(claim: kinds.Testable, at: Path, plans: Mapping[str, PlanParts]) -> Iterator[Problem]:
    """Problems of where a test, or a variant of it, measures."""
    test = claim.test
    if test is None:
        return
    if test.plan not in plans:
        yield from _unknown("plan", [test.plan], plans, at)
        return
    for stranger in sorted(test.arms.keys() - set(claim.subjects)):
        what = f"{stranger!r} is no subject of this claim"
        yield Problem("subject-unknown", at, what)
    parts = plans[test.plan]
    arms = kinds.arms_of(claim).values()
    wanted = [("subject", arm.subject, parts.subjects) for arm in arms]
    if not isinstance(claim, kinds.Runs):
        wanted += [("workload", arm.workload, parts.workloads) for arm in arms]
        wanted += [("load", arm.load, parts.loads) for arm in arms]
    lacking = {(part, named): known for part, named, known in wanted if named not in known}
    for (part, named), known in lacking.items():
        what = f"the plan {test.plan!r} has no {part} {named!r}"
        yield Problem("plan-part-unknown", at, what, str(named), known)


def _check(ledger: Ledger, name: str, check: Check) -> Iterator[Problem]:
    at: Path = ("checks", name)
    used = {value for value in inputs_of(check).values() if isinstance(value, str)}
    for reference in sorted(used):
        if reference in ledger.claims:
            known = hasattr(ledger.claims[reference], "precision")
        else:
            group, _, leaf = reference.partition("/")
            known = leaf in ledger.conditions.get(group, {})
        if not known:
            what = f"{reference!r} is neither a claim with a value nor a condition"
            yield Problem("input-unknown", at, what)
    if isinstance(check, checks.Method | checks.Limit):
        yield from _unknown("claim", check.concerns, ledger.claims, (*at, "concerns"))
    if not isinstance(check, checks.Method):
        yield from _operands(check, at)
    for convicted in check.convicts:
        if convicted not in used or convicted not in ledger.claims:
            what = f"{convicted!r} is no claim that this check computes with"
            yield Problem("convicts-stranger", (*at, "convicts"), what)


def _operands(check: checks.Arithmetic, at: Path) -> Iterator[Problem]:
    """Problems of the precision and the slack of a check's figures."""
    yield from _reasoned(check.slack, (*at, "slack"))
    for field, value in inputs_of(check).items():
        if isinstance(value, checks.Number) and value.value % 1 and not value.precision:
            what = f"{value.value} has a fraction, so it was rounded, and no precision is given"
            yield Problem("precision-missing", (*at, *field.split(".", 1)), what)


def _cycles(ledger: Ledger) -> Iterator[Problem]:
    """Each cycle once, at the first of its claims; the walk is iterative, chains may be long."""
    done: set[str] = set()
    for start in ledger.claims:
        trail: dict[str, None] = {}
        waiting = [(start, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                trail.pop(name)
                done.add(name)
            elif name in trail:
                ring = [*list(trail)[list(trail).index(name) :], name]
                what = "each follows from the next: " + ", ".join(ring)
                yield Problem("entailment-cycle", ("claims", name, "entailed_by"), what)
            elif name not in done and name in ledger.claims:
                trail[name] = None
                waiting.append((name, True))
                waiting += [(premise, False) for premise in sorted(premises(ledger.claims[name]))]
