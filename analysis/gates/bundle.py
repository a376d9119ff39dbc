"""The trials of a bundle with the findings of the gates, computed from its files alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.gates import summary
from analysis.gates.evidence import Context, Floor, PairEvidence, RunEvidence, TrialEvidence
from analysis.gates.host import FREQUENCY, TEMPERATURE
from analysis.gates.rest import FOREIGN_LOAD
from analysis.host import judge
from analysis.rounding import brief
from bundle import typed
from bundle.display import quantity
from bundle.documents.host import HostReadings
from bundle.documents.results import FailedTrial, GateVerdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from analysis.figures import Figures
    from analysis.gates.gate import Finding
    from analysis.gates.summary import Assessment
    from bundle.format import TrialRecord
    from bundle.read import Bundle

_BREACHES = (GateVerdict.WARNING, GateVerdict.FAILED)
_SLOWED = {
    FREQUENCY: "CPUs ran at {} % of their clock without boost",
    TEMPERATURE: "the processor came within {} degrees C of its limit",
}


@dataclass(frozen=True)
class Cell:
    """The trials of one workload under one load, those that failed a gate included.

    The figures of ``usable`` ones, by subject and block, may be used.
    """

    trials: list[Assessment]
    usable: dict[str, dict[int, Assessment]]

    @property
    def figures(self) -> dict[str, dict[int, Figures]]:
        """What the usable trials measured, by subject and block."""
        return {
            subject: {block: each.evidence.figures for block, each in by_block.items()}
            for subject, by_block in self.usable.items()
        }

    def doubts(self, subject: str) -> list[str]:
        """Codes of the gates that cast a doubt on a usable trial of a subject."""
        return sorted({code for each in self.usable[subject].values() for code in each.doubts})

    def pair(self, baseline: str, candidate: str) -> list[Finding]:
        """The findings of the gates about a comparison of two subjects."""
        sides = (self.usable.get(subject, {}).values() for subject in (baseline, candidate))
        first, second = ([each.evidence for each in side] for side in sides)
        return summary.judge_pair(PairEvidence(first, second))


@dataclass(frozen=True)
class Gated:
    """A run with the findings of the gates."""

    context: Context
    cells: dict[tuple[str, str], Cell]  #: by workload and load; only those with a usable trial
    failures: list[FailedTrial]  #: of every trial that may not be used
    run: list[Finding]  #: what the gates of the run say
    hosts: tuple[HostReadings, ...]  #: of each host before the first trial

    @property
    def foreign_load(self) -> str | None:
        """What other programs used while the run was measured; None if no more than is allowed.

        Load that switches tells it of every trial. Of other loads nobody knows it, so that the
        second before the first trial must stand for them.
        """
        trials = [each for cell in self.cells.values() for each in cell.trials]
        if not trials:
            return None
        told = [one for each in trials for one in each.findings if one.gate.code == FOREIGN_LOAD]
        known = [(one.reading.value, one.verdict) for one in told if one.reading.value is not None]
        if known:
            over = [value for value, verdict in known if verdict in _BREACHES]
            if not over:
                return None
            return (
                f"other programs used up to {_cores(max(over) / 100)} "
                f"during {len(over)} of {quantity(len(known), 'trial')}"
            )
        judged = (one for each in self.hosts for one in judge(each, self.context.profile))
        before = [
            one.value for one in judged if one.key == "foreign_cpu" and one.verdict in _BREACHES
        ]
        used = max((value for value in before if isinstance(value, int | float)), default=None)
        if used is None:
            return None
        return f"other programs used {_cores(used)} just before the first trial"

    @property
    def slowed(self) -> list[str]:
        """What is known of slow clocks and heat, each with its worst trial; empty if nothing is."""
        trials = [each for cell in self.cells.values() for each in cell.trials]
        said = []
        for code, words in _SLOWED.items():
            told = [one for each in trials for one in each.findings if one.gate.code == code]
            over = [
                one.reading.value
                for one in told
                if one.verdict in _BREACHES and one.reading.value is not None
            ]
            if over:
                said.append(
                    f"{words.format(brief(min(over)))} in the worst of {len(over)} of "
                    f"{len(told)} trials"
                )
        return said


def _cores(number: float) -> str:
    shown = brief(number)
    return f"{shown} core{'' if shown == '1' else 's'}"


def read(bundle: Bundle) -> Gated:
    """Judge every trial of a bundle, and the run, by the gates.

    A trial that its record calls failed stays so, whatever its gates would say today.
    """
    context = Context.read(bundle.path)
    cells: dict[tuple[str, str], Cell] = {}
    failures = []
    for trial in bundle.trials:
        record, assessment = trial.record, None
        if record.failure is None or record.failure.code in summary.CODES:
            assessment = assess(trial.path, record, context)
            cell = cells.setdefault((record.workload, record.load), Cell([], {}))
            cell.trials.append(assessment)
        failure = _failure(record, assessment)
        if failure is not None:
            failures.append(failure)
        elif assessment is not None:
            cell.usable.setdefault(record.subject, {})[record.block] = assessment
    hosts = tuple(_hosts(bundle.path))
    run = RunEvidence(
        completed=len(bundle.trials) - len(failures),
        failed=len(failures),
        hosts=hosts,
        context=context,
        fastest=_fastest(cells),
        floors=Floor.read_all(bundle.path, context),
    )
    cells = {key: cell for key, cell in cells.items() if cell.usable}
    return Gated(context, cells, failures, summary.judge_run(run), hosts)


def _hosts(bundle: Path) -> Iterator[HostReadings]:
    for path in sorted(bundle.glob("host/**/readings.before.json")):
        yield typed.read(bundle, HostReadings, path.relative_to(bundle).as_posix())


def _fastest(cells: Mapping[tuple[str, str], Cell]) -> dict[str, float]:
    """By load, the highest throughput of a usable trial."""
    fastest: dict[str, float] = {}
    for (_, load), cell in cells.items():
        for by_block in cell.figures.values():
            for figures in by_block.values():
                fastest[load] = max(fastest.get(load, 0.0), figures.throughput)
    return fastest


def assess(folder: Path, record: TrialRecord, context: Context) -> Assessment:
    """Judge one trial by the gates."""
    evidence = TrialEvidence(
        folder=folder,
        readings=record.readings,
        subject=record.subject,
        workload=record.workload,
        load=record.load,
        context=context,
    )
    return summary.assess(record.id, evidence)


def _failure(record: TrialRecord, assessment: Assessment | None) -> FailedTrial | None:
    if record.failure is not None:
        failure = record.failure
        return FailedTrial(trial=record.id, code=failure.code, what=failure.what)
    if assessment is not None and (found := assessment.failure):
        return FailedTrial(trial=record.id, code=found.gate.code, what=found.sentence)
    return None
