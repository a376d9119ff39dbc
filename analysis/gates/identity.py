"""Gates of who answered: the declared service, as it was when its work was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.gates.gate import ALWAYS, Gate, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analysis.gates.evidence import TrialEvidence

# Keys of /health and of a plan's subject that must agree.
_SETTINGS = {
    "service": "service",
    "workers": "workers",
    "pool": "pool",
    "loop": "loop",
    "json": "json_library",
    "framework": "framework",
    "cache": "cache",
    "options": "options",
}
_ANSWER = ("status", "content_type", "content_length", "sha256")


def _subject(trial: TrialEvidence) -> Reading:
    told = trial.observed.get("health", {})
    if not told:
        return Reading(None, "the service did not say")
    differ = [
        f"{key} {told[key]!r} instead of {trial.declared[name]!r}"
        for key, name in _SETTINGS.items()
        # What a plan's version does not know yet was not there to differ.
        if key in told and name in trial.declared and told[key] != trial.declared[name]
    ]
    due: Mapping[str, str] = trial.context.packages.get(trial.subject, {})
    differ += [
        f"{package} {version} instead of {due[package]}"
        for package, version in told.get("versions", {}).items()
        if package in due and version != due[package]
    ]
    return Reading(len(differ), ", ".join(differ))


def _probes(trial: TrialEvidence) -> Reading | None:
    asked: list[Mapping[str, Any]] | None = trial.observed.get("probes")
    if asked is None:
        return None
    due = trial.context.answers.get(trial.subject, {})
    known = [each for each in asked if each["request"] in due]
    if not known:
        # A workload may have nothing that can be asked without changing rows.
        return None if not asked else Reading(None, "no answer was recorded to compare with")
    differ = [
        each["request"]
        for each in known
        if any(each[key] != due[each["request"]][key] for key in _ANSWER)
    ]
    return Reading(len(differ), ", ".join(differ[:3]))


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="subject",
        scope="trial",
        what="settings and versions of the service that answered which are not the subject's",
        unit="settings",
        rule=ALWAYS,
        read=_subject,
        high=0,
        why="the figures of one subject under the name of another",
        source="what the service says of itself on /health, held against plan and stack",
    ),
    Gate(
        code="probes",
        scope="trial",
        what="requests that were answered otherwise before the load than in the diagnostic pass",
        unit="requests",
        rule=ALWAYS,
        read=_probes,
        high=0,
        why="other answers are other work; those of the pass are compared between the subjects",
        source="status, type, length and SHA-256 of one answer to each operation that only reads",
    ),
)
