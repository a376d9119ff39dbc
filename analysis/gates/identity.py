"""Gates of who answered: the declared service, as in the diagnostic pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET

from analysis.gates.gate import Gate, Reading
from host.expectation import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.gates.evidence import TrialEvidence
    from bundle.documents.readings import Answer, Health
    from bundle.documents.subject import Subject


def _subject(trial: TrialEvidence) -> Reading | None:
    if trial.is_application:
        return None  # the agent believes it because its own process holds the port
    health = trial.readings.health
    if health is None:
        return Reading(None, "the service did not say")
    due = trial.context.packages.get(trial.subject, {})
    differ = [*_settings(health, trial.declared), *_versions(health.versions, due)]
    return Reading(len(differ), ", ".join(differ))


def _settings(health: Health, declared: Subject) -> Iterator[str]:
    """The settings of a service that differ from the subject's; older services report fewer."""
    pairs: dict[str, tuple[object, object]] = {
        "service": (health.service, declared.service),
        "workers": (health.workers, declared.workers),
        "pool": (msgspec.to_builtins(health.pool), declared.pool.model_dump()),
        "loop": (health.loop, declared.loop),
        "json": (health.json, declared.json_library),
        "framework": (health.framework, declared.framework),
        "cache": (msgspec.to_builtins(health.cache), declared.cache.model_dump()),
        "options": (health.options, declared.options),
    }
    for key, (found, due) in pairs.items():
        if found is not None and found != due:
            yield f"{key} {found!r} instead of {due!r}"


def _versions(reported: Mapping[str, str], due: Mapping[str, str]) -> Iterator[str]:
    for package, version in reported.items():
        if package in due and version != due[package]:
            yield f"{package} {version} instead of {due[package]}"


def _probes(trial: TrialEvidence) -> Reading | None:
    probes = trial.readings.probes
    if probes is None:
        return None
    due = trial.context.answers.get(trial.subject, {})
    known = [each for each in probes if each.request in due]
    if not known:
        # A workload may have nothing that can be asked without changing rows.
        return None if not probes else Reading(None, "no answer was recorded to compare with")
    differ = [each.request for each in known if _content(each) != _content(due[each.request])]
    return Reading(len(differ), ", ".join(differ[:3]))


def _content(answer: Answer) -> tuple[int, str | None, str | None, str]:
    """What must be the same in two answers to one request."""
    if answer.canonical is not UNSET:
        return answer.status, answer.content_type, None, answer.canonical
    return answer.status, answer.content_type, answer.content_length, answer.sha256


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="subject",
        what="settings and versions of the service that answered which are not the subject's",
        unit="settings",
        rule=ALWAYS,
        read=_subject,
        high=0,
        why="the figures of one subject would stand under the name of another",
        source="/health of the service, compared with plan and stack",
    ),
    Gate(
        code="probes",
        what="requests that were answered otherwise before the load than in the diagnostic pass",
        unit="requests",
        rule=ALWAYS,
        read=_probes,
        high=0,
        why="other answers are other work; subjects are compared by the answers of that pass",
        source="status, type, length and SHA-256 of one answer to each reading operation",
    ),
)
