"""What the rounds of load that switches say of a cell's comparisons.

The ratio of a comparison is that of all answers over all measured seconds. Its rounds check it: by
the middle of their own ratios, by leaving out those that the host disturbed, and by what one slice
leaves behind for the next. Only a verdict that needs the disturbed rounds is taken back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, median
from typing import TYPE_CHECKING, Final, Self

from msgspec import structs

from analysis.generators.slices import SlicedOutput
from analysis.inference import Ruling, Undefined, Verdict, paired_t
from analysis.inference.ruling import same_without_disturbed
from analysis.inference.slices import Arms, Slice, SlicedBlock
from bundle.documents.results import Reason
from bundle.documents.sliced import CheckedRatio, SlicedChecks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.figures import Figures
    from analysis.gates import Cell
    from bundle.documents.results import Comparison
    from bundle.generators.slices import SlicedReport

DISTURBED_SHARE: Final = 0.1
"""A slice is disturbed if steal and foreign programs took so much more of a core than in the middle
slice of its subject and block. Less is lost in the noise of a slice, whose speed varies by 10 % and
more on a virtual machine. What is always there disturbs no round more than another: the gates judge
it."""
DISTURBED_S: Final = 0.03
"""And not by less than this: the kernel counts both in ticks of 10 ms, for each CPU and kind."""
_LEAST_S = 1e-9
_NOTHING_LEFT = "no block has an undisturbed round"
_KEPT = {Verdict.VOID, Verdict.ESTIMATE}  # no verdicts, so nothing to take back

type ByBlock = Mapping[int, SlicedBlock]


@dataclass(frozen=True)
class Sliced:
    """The usable trials of one workload under load that switches, by subject and block."""

    reports: Mapping[str, Mapping[int, SlicedReport]]
    resting: Mapping[str, float | None]  #: by subject, percent of a core, middle of its trials

    @classmethod
    def read(cls, cell: Cell) -> Self | None:
        """Take the slices of a cell's trials; None under any other load."""
        reports: dict[str, dict[int, SlicedReport]] = {}
        resting: dict[str, float | None] = {}
        for subject, by_block in cell.usable.items():
            outputs = {block: trial.evidence.output for block, trial in by_block.items()}
            of_subject = {
                block: output
                for block, output in outputs.items()
                if isinstance(output, SlicedOutput)
            }
            reports[subject] = {block: output.report for block, output in of_subject.items()}
            shares = [output.resting for output in of_subject.values() if output.resting]
            known = [share.percent for share in shares if share.percent is not None]
            resting[subject] = median(known) if known else None
        return cls(reports, resting) if any(reports.values()) else None

    @cached_property
    def blocks(self) -> ByBlock:
        """The rounds of each block, with those of its subjects that have a usable trial."""
        return dict(self._blocks())

    @cached_property
    def unread(self) -> str | None:
        """Why nobody knows which rounds were disturbed; None if it is known."""
        for by_block in self.reports.values():
            for block, report in by_block.items():
                for name in ("steal_ns", "foreign_ns"):
                    if any(getattr(each, name) is None for each in report.slices):
                        why = report.unread.get(name, "no reason is given")
                        return f"block {block}: {name} was not read: {why}"
        return None

    @cached_property
    def undisturbed(self) -> ByBlock:
        """The blocks without their disturbed rounds; one without any other is left out."""
        if self.unread:
            return {}
        kept = {number: block.undisturbed() for number, block in self.blocks.items()}
        return {n: block for n, block in kept.items() if not isinstance(block, Undefined)}

    def without_disturbed(
        self, trials: Mapping[str, Mapping[int, Figures]]
    ) -> dict[str, dict[int, Figures]]:
        """The figures of a cell's trials with the throughput of the undisturbed rounds.

        Args:
            trials: usable ones by subject and block.
        """
        rates = {number: block.rates() for number, block in self.undisturbed.items()}
        return {
            subject: {
                block: replace(figures, throughput=rates[block][subject])
                for block, figures in by_block.items()
                if subject in rates.get(block, {})
            }
            for subject, by_block in trials.items()
        }

    def check(
        self, comparisons: Iterable[Comparison], undisturbed: Iterable[Comparison]
    ) -> list[Comparison]:
        """Add to each comparison by throughput what its rounds say.

        A verdict that the undisturbed rounds do not share becomes INCONCLUSIVE.

        Args:
            comparisons: of all rounds.
            undisturbed: of the figures of `without_disturbed`; they may lack some.
        """
        others = {(each.baseline, each.candidate): each for each in undisturbed}
        return [
            self._checked(each, others.get((each.baseline, each.candidate))) for each in comparisons
        ]

    def _checked(self, told: Comparison, without: Comparison | None) -> Comparison:
        checks = self.checks(self._arms(told), margin=told.margin, undisturbed=without)
        ruling = Ruling(told.verdict, told.size_resolved, told.reasons)
        if told.verdict not in _KEPT and without:
            other = Ruling(without.verdict, without.size_resolved, without.reasons)
            ruling = same_without_disturbed(ruling, other)
        elif told.verdict not in _KEPT and not self.unread:
            reason = Reason("disturbed-rounds", _NOTHING_LEFT)
            ruling = Ruling(Verdict.INCONCLUSIVE, None, (reason,))
        return structs.replace(told, **vars(ruling), sliced=checks)

    def checks(
        self, arms: Arms, *, margin: float, undisturbed: Comparison | None = None
    ) -> SlicedChecks:
        """What the rounds say of one comparison.

        Args:
            arms: its subjects.
            margin: theta as a fraction.
            undisturbed: the comparison without disturbed rounds, where there is one.
        """
        wanted = {*arms.baselines, arms.candidate}
        blocks = {n: each for n, each in self.blocks.items() if wanted <= set(_subjects(each))}
        checked = [each.check(arms) for each in blocks.values()]
        rounds = [each for each in checked if not isinstance(each, Undefined)]
        totals = [each.totals for each in rounds]
        middles = [each.hodges_lehmann for each in rounds]
        left = {number: each for number, each in self.undisturbed.items() if number in blocks}
        carried, lacks = self._carried(arms, blocks)
        return SlicedChecks(
            blocks=len(blocks),
            rounds=_rounds(blocks),
            slice_s=median(report.slice_s for report in self._all_reports),
            set_s=max(filter(None, (report.set_s for report in self._all_reports)), default=None),
            measured=self._measured,
            resting={name: self.resting[name] for name in sorted(wanted)},
            totals=math.exp(fmean(totals)) if totals else None,
            hodges_lehmann=math.exp(fmean(middles)) if middles else None,
            without_answers=sum(len(each.without_answers) for each in rounds),
            beyond_margin=(
                abs(fmean(totals) - fmean(middles)) > math.log1p(margin) if rounds else None
            ),
            disturbed=None if self.unread else _rounds(blocks) - _rounds(left),
            undisturbed=(
                CheckedRatio(ratio=undisturbed.ratio, low=undisturbed.low, high=undisturbed.high)
                if undisturbed
                else None
            ),
            undisturbed_lacks=None if undisturbed else self.unread or _lack(left),
            carry_over=carried,
            carry_over_lacks=lacks,
        )

    def _carried(self, arms: Arms, blocks: ByBlock) -> tuple[CheckedRatio | None, str | None]:
        """Over blocks of which every subject is usable: else a slice lacks its predecessor."""
        whole = [each for number, each in blocks.items() if self._is_whole(number)]
        found = [each.carry_over(arms) for each in whole]
        values = [each for each in found if not isinstance(each, Undefined)]
        if not values:
            reasons = [each.what for each in found if isinstance(each, Undefined)]
            return None, (reasons or ["no block has a usable trial of every subject"])[0]
        told = paired_t(values)
        low, high = (told.ci95.low, told.ci95.high) if told.ci95 else (None, None)
        return CheckedRatio(ratio=told.ratio, low=low, high=high), None

    def _is_whole(self, number: int) -> bool:
        return set(_subjects(self.blocks[number])) == self._due

    @cached_property
    def _due(self) -> set[str]:
        """The subjects that every block was to have."""
        return {name for report in self._all_reports for name in report.spec.subjects}

    def _arms(self, told: Comparison) -> Arms:
        null = f"{told.baseline}-null"
        has_null = bool(self.reports.get(null)) and null != told.candidate
        return Arms(told.baseline, told.candidate, null if has_null else None)

    @property
    def _all_reports(self) -> list[SlicedReport]:
        return [report for by_block in self.reports.values() for report in by_block.values()]

    @cached_property
    def _measured(self) -> float | None:
        """Share of a block's window within its slices, middle of the blocks; None without any."""
        shares = []
        for number in self.blocks:
            reports = self._of_block(number).values()
            window = next(iter(reports)).window.seconds
            shares.append(sum(report.seconds for report in reports) / window)
        return median(shares) if shares else None

    def _of_block(self, number: int) -> dict[str, SlicedReport]:
        return {
            subject: by_block[number]
            for subject, by_block in self.reports.items()
            if number in by_block
        }

    def _blocks(self) -> Iterable[tuple[int, SlicedBlock]]:
        for number in sorted({block for by_block in self.reports.values() for block in by_block}):
            reports = self._of_block(number)
            counts = {len(report.slices) for report in reports.values()}
            # Trials of two deployments were not measured side by side.
            if len({report.window.start_ns for report in reports.values()}) == 1 and min(counts):
                yield number, _block(reports, min(counts))


def _rounds(blocks: ByBlock) -> int:
    return sum(len(each.rounds) for each in blocks.values())


def _lack(left: ByBlock) -> str:
    """Why there is no comparison of the rounds that were left."""
    return "no comparison of the undisturbed rounds was made" if left else _NOTHING_LEFT


def _subjects(block: SlicedBlock) -> Sequence[str]:
    return [each.subject for each in block.rounds[0]]


def _block(reports: Mapping[str, SlicedReport], count: int) -> SlicedBlock:
    """The rounds of trials that were alive together, in the order of the slices."""
    ways = {subject: _slices(subject, report) for subject, report in reports.items()}
    rounds = []
    for at in range(count):
        visits = [(report.slices[at].start_ns, name) for name, report in reports.items()]
        rounds.append(tuple(ways[name][at] for _, name in sorted(visits)))
    return SlicedBlock(tuple(rounds))


def _slices(subject: str, report: SlicedReport) -> list[Slice]:
    shares = [
        _taken_s(each.steal_ns, each.foreign_ns) / max(_LEAST_S, each.read_s)
        for each in report.slices
    ]
    usual = median(shares)
    return [
        Slice(
            subject,
            each.answers,
            each.seconds,
            disturbed=(share - usual)
            > max(DISTURBED_SHARE, DISTURBED_S / max(_LEAST_S, each.read_s)),
        )
        for each, share in zip(report.slices, shares, strict=True)
    ]


def _taken_s(steal_ns: int | None, foreign_ns: int | None) -> float:
    """CPU seconds that others took; `Sliced.unread` says where it is not known."""
    return ((steal_ns or 0) + (foreign_ns or 0)) / 1e9
