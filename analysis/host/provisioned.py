"""The verdict on a provisioned host: what its knobs show and what its readings come to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from analysis.host.expectation import Profile, Verdict, shown
from analysis.host.judgement import Finding, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA = "host-verdict/1"
PREFLIGHT_SCHEMA = "host-preflight/1"
_NOT_HERE = "not tunable here"
_DRIFT = ("drifted", "refused", "gone")
# What provisioning settles; foreign load, ports and programs are looked at before each run.
_AREAS = ("processor", "memory", "kernel", "limits")
_TIERS = ("none", "degraded", "exclusive-core", "exclusive-l3")


def verdict(
    outcomes: Sequence[Mapping[str, Any]],
    host: str,
    profile: Profile,
    plan: Mapping[str, Any],
    readings: Mapping[str, Any],
) -> dict[str, Any]:
    """Judge a host.

    Args:
        outcomes: of the roles' knobs, see `agent.knobs.settling.Outcome`.
        host: its name in the inventory.
        profile: to judge under.
        plan: of the cores, with layout and tier.
        readings: the document of the schema host-readings/1.

    Returns:
        schema, ok, conclusion, host, profile, layout, tier, placement, problems (code, what,
        where, hint), the outcomes that are not plain, how many there are of each kind, and the
        findings. Where a knob cannot be tuned the tier is at most degraded.
    """
    findings = [each for each in judge(readings, profile) if each.area in _AREAS]
    fatal = [each for each in findings if each.verdict is Verdict.FATAL]
    counts = Counter(str(each["verdict"]) for each in outcomes)
    tier = str(plan["tier"])
    if counts[_NOT_HERE]:
        tier = min(tier, "degraded", key=_TIERS.index)
    problems = [
        _problem(f"knob-{each['knob']}", _said(each), host, "play site again; it sets this")
        for each in outcomes
        if each["verdict"] in _DRIFT or (each["verdict"] == _NOT_HERE and profile == "bare-metal")
    ]
    problems += [_problem(f"host-{each.key}", each.said, host, each.do) for each in fatal]
    return {
        "schema": SCHEMA,
        "ok": not problems,
        "conclusion": _conclusion(host, profile, tier, problems, counts),
        "host": host,
        "profile": profile,
        "layout": plan["layout"],
        "tier": tier,
        "placement": dict(plan),
        "problems": problems,
        "counts": dict(sorted(counts.items())),
        "outcomes": [dict(each) for each in outcomes if each["verdict"] not in {"held", "absent"}],
        "findings": [_finding(each) for each in findings],
    }


def preflight(verdict: Mapping[str, Any], guard: Mapping[str, Any]) -> dict[str, Any]:
    """What can be said of a host before anything is changed.

    Args:
        verdict: on the host as it is.
        guard: identity and refusals, as the role lab_guard found them.

    Returns:
        schema, ok (the host may be enrolled), conclusion, host, identity, enrolled, problems,
        would_change (the outcomes that site would settle), tier, placement and findings.
    """
    refused = [each for each in guard["refusals"] if each["code"] != "not-enrolled"]
    changes = [each for each in verdict["outcomes"] if each["verdict"] == "drifted"]
    host, tier = verdict["host"], verdict["tier"]
    may = f"site would set {len(changes)} values; tier {tier} as it is now"
    not_so = "; ".join(each["what"] for each in refused)
    return {
        "schema": PREFLIGHT_SCHEMA,
        "ok": not refused,
        "conclusion": f"{host} must not be tuned: {not_so}." if refused else f"{host}: {may}.",
        "host": host,
        "identity": guard["identity"],
        "enrolled": guard["identity"]["enrolled_as"] is not None,
        "problems": [dict(each) | {"where": host} for each in refused],
        "would_change": changes,
        "tier": tier,
        "placement": verdict["placement"],
        "findings": verdict["findings"],
    }


def _conclusion(
    host: str,
    profile: str,
    tier: str,
    problems: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
) -> str:
    weak = [f"tier {tier}"]
    weak += [f"{counts[each]} {each}" for each in (_NOT_HERE, "tolerated") if counts[each]]
    if problems:
        return f"{host} is not as {profile} wants it: {len(problems)} problems ({'; '.join(weak)})."
    return f"{host} is as {profile} wants it ({'; '.join(weak)})."


def _said(outcome: Mapping[str, Any]) -> str:
    place = outcome["place"] or outcome["knob"]
    shows, wanted = outcome["before"] or "nothing", outcome["wanted"] or "something else"
    return (
        f"{place} is {outcome['verdict']}: it shows {shows}, wanted {wanted}; {outcome['reason']}"
    )


def _problem(code: str, what: str, where: str, hint: str) -> dict[str, str]:
    return {"code": code.replace("_", "-"), "what": what, "where": where, "hint": hint}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "value": finding.value,
        "shown": shown(finding.value, finding.unit),
        "should_be": finding.should_be,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
    }
