"""The verdict on a provisioned host, from the outcomes of its knobs and from its readings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from analysis.host.judgement import Finding, judge
from analysis.limits import shown
from bundle.display import quantity
from bundle.documents.host import HostReadings, Value
from bundle.documents.results import GateVerdict
from host.identity import Identity, Refusal
from host.items import SETTLED
from host.levels import Profile, Tier, lowest
from host.settling import FAILURES, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOT_HERE = "not tunable here"


class Plan(msgspec.Struct, frozen=True):
    """CPUs by purpose in the kernel's list format, as the module lab_placement plans them."""

    tier: Tier
    layout: str
    housekeeping: str
    load: str
    database: str
    service: str
    why: list[str] = []


class Guard(msgspec.Struct, frozen=True):
    """What the role lab_guard found: which machine it is, and what forbids to change it."""

    identity: Identity
    refusals: list[Refusal]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a host, where, and what to do."""

    code: str
    what: str
    where: str
    hint: str


class Judged(msgspec.Struct, frozen=True):
    """One reading, its value as text too, what it should be, and the verdict."""

    key: str
    value: Value
    shown: str
    should_be: str
    verdict: str
    reason: str | None  #: why the value is null
    do: str = ""  #: what to do about a breach; missing in older verdicts


class HostVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """``verdict.json`` of a host: whether it is as its profile wants it."""

    schema: Literal["host-verdict/1"] = "host-verdict/1"
    ok: bool
    conclusion: str
    host: str
    profile: Profile
    layout: str
    tier: Tier  #: at most degraded where a knob cannot be tuned; the plan may promise more
    placement: Plan
    problems: list[Problem]
    counts: dict[str, int]  #: how many outcomes there are of each kind
    outcomes: list[Outcome]  #: those that are neither held nor absent
    findings: list[Judged]  #: readings of what provisioning settles


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a host before anything is changed."""

    schema: Literal["host-preflight/1"] = "host-preflight/1"
    ok: bool  #: whether the host may be enrolled
    conclusion: str
    host: str
    identity: Identity
    enrolled: bool
    problems: list[Problem]
    would_change: list[Outcome]  #: outcomes that the playbook site would settle
    tier: Tier  #: of the host as it is
    placement: Plan
    findings: list[Judged]


def verdict(
    outcomes: Sequence[Outcome], host: str, profile: Profile, plan: Plan, readings: HostReadings
) -> HostVerdict:
    """Judge a host by the outcomes of the roles' knobs, the plan of its cores and its readings."""
    findings = [each for each in judge(readings, profile) if each.area in SETTLED]
    counts = Counter[str](each.verdict for each in outcomes)
    tier = lowest(plan.tier, "degraded") if counts[_NOT_HERE] else plan.tier
    bad = [
        each
        for each in outcomes
        if each.verdict in FAILURES or (each.verdict == _NOT_HERE and profile == "bare-metal")
    ]
    fatal = [each for each in findings if each.verdict is GateVerdict.FAILED]
    again = "play site again; it sets this"
    wrong = [(f"knob-{each.knob}", _said(each), again) for each in bad]
    wrong += [(f"host-{each.key}", each.said, each.do) for each in fatal]
    problems = [Problem(code.replace("_", "-"), what, host, hint) for code, what, hint in wrong]
    judged = [_judged(each) for each in findings]
    weak = [f"tier {tier}"]
    weak += [f"{counts[each]} {each}" for each in (_NOT_HERE, "tolerated") if counts[each]]
    return HostVerdict(
        ok=not problems,
        conclusion=_conclusion(host, profile, problems, [*weak, *_jitter(judged)]),
        host=host,
        profile=profile,
        layout=plan.layout,
        tier=tier,
        placement=plan,
        problems=problems,
        counts=dict(sorted(counts.items())),
        outcomes=[each for each in outcomes if each.verdict not in {"held", "absent"}],
        findings=judged,
    )


def preflight(verdict: HostVerdict, guard: Guard) -> Preflight:
    """Say, before anything is changed, whether a host may be enrolled and what would change."""
    refused = [each for each in guard.refusals if each.code != "not-enrolled"]
    changes = [each for each in verdict.outcomes if each.verdict == "drifted"]
    sets = f"site would set {quantity(len(changes), 'value')}"
    as_it_is = f"tier {verdict.tier} as it is now"
    may = "; ".join([sets, *_unsettable(verdict), as_it_is, *_jitter(verdict.findings)])
    not_so = "; ".join(each.what for each in refused)
    host = verdict.host
    return Preflight(
        ok=not refused,
        conclusion=f"{host} must not be tuned: {not_so}." if refused else f"{host}: {may}.",
        host=host,
        identity=guard.identity,
        enrolled=guard.identity.enrolled_as is not None,
        problems=[Problem(each.code, each.what, host, each.hint) for each in refused],
        would_change=changes,
        tier=verdict.tier,
        placement=verdict.placement,
        findings=verdict.findings,
    )


def _unsettable(verdict: HostVerdict) -> list[str]:
    """What site cannot bring about, with the way out: a fatal reading that the host lacks."""
    return [
        f"it cannot settle {each.key}: {each.reason} ({each.do})"
        for each in verdict.findings
        if each.verdict == "fatal" and each.value is None
    ]


def _jitter(findings: Sequence[Judged]) -> list[str]:
    """What something else takes from the measured CPUs; the same before and after tuning."""
    shown = {each.key: each.shown for each in findings if each.value is not None}
    if not {"jitter", "jitter_longest"} <= shown.keys():
        return []
    return [f"a spinning CPU loses {shown['jitter']}, for at most {shown['jitter_longest']}"]


def _conclusion(
    host: str, profile: Profile, problems: Sequence[Problem], weak: Sequence[str]
) -> str:
    if problems:
        found = quantity(len(problems), "problem")
        return f"{host} is not as {profile} wants it: {found} ({'; '.join(weak)})."
    return f"{host} is as {profile} wants it ({'; '.join(weak)})."


def _said(outcome: Outcome) -> str:
    place = outcome.place or outcome.knob
    shows, wanted = outcome.before or "nothing", outcome.wanted or "something else"
    return f"{place} is {outcome.verdict}: it shows {shows}, wanted {wanted}; {outcome.reason}"


def _judged(finding: Finding) -> Judged:
    return Judged(
        key=finding.key,
        value=finding.value,
        shown=shown(finding.value, finding.unit),
        should_be=finding.should_be,
        verdict=finding.word,
        reason=finding.reason,
        do=finding.do,
    )
