"""The tables of docs/gates.md, made from the registry of the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.gates.summary import GATES
from host.levels import PROFILES, SHARING_TIERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.gates.gate import Scope
    from host.expectation import Rule

_SCOPES: dict[Scope, str] = {
    "trial": "Gates of a trial",
    "comparison": "Gates of two subjects under one load",
    "run": "Gates of a run",
}
_MEANING: dict[Scope, str] = {
    "trial": "The lab tries these gates in this order. A trial that fails one is kept as failed "
    "under the gate's code, and repeated at the end of its block.",
    "comparison": "Where one of these gates fails, the comparison is VOID under that load.",
    "run": "Where one of these gates fails, every comparison of the run is VOID.",
}


def markdown() -> Iterator[str]:
    """Yield the lines of the tables, a heading before each."""
    for scope, title in _SCOPES.items():
        yield f"## {title}\n\n{_MEANING[scope]}\n"
        yield "| code | what is limited | allowed | severity | why | source |"
        yield "|---|---|---|---|---|---|"
        for gate in GATES:
            if gate.scope == scope:
                unread = "" if gate.required else "; may be unreadable"
                cells = (
                    f"`{gate.code}`",
                    gate.what,
                    f"{gate.limit} {gate.unit}",
                    f"{severity(gate.rule)}{unread}",
                    gate.why,
                    gate.source,
                )
                yield f"| {' | '.join(cells)} |"
        yield ""


def severity(rule: Rule) -> str:
    """The severities of a rule in words."""
    by_profile = {profile: rule.severity(profile, None) for profile in reversed(PROFILES)}
    kinds = set(by_profile.values())
    if len(kinds) == 1:
        words = kinds.pop().value
    else:
        words = ", ".join(f"{kind.value} on {profile}" for profile, kind in by_profile.items())
    if rule.sharing is not None:
        words += f"; {rule.sharing.value} on the tiers {' and '.join(sorted(SHARING_TIERS))}"
    return words
