"""``derived/verdicts.json`` and ``judgement-*.json``: what bundles say of a ledger's claims.

The analysis makes these parts itself, so what it computes and what the files hold are one. A figure
is in the unit of the claim's metric; the figure of a ratio or an ordering is the first subject's
over the second's, or their difference where figures may be zero.

History of the schemas: verdicts/1, judgement/1 (both the first). A key that came later has a
default, so that older files can be read. No judgement overwrites an earlier one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from bundle.codec import Document, Part
from bundle.documents.results import Estimate, Interval
from bundle.values import BundleId, Count, Sha256

type Side = Literal["above", "below"]
"""On which side of the band a refuted figure lies."""


class ClaimVerdict(StrEnum):
    """What a bundle says about a claim, in the order of the table in ``analysis.claims.verdict``.

    untestable     what is needed to set up a test is missing
    incoherent     it contradicts its own arithmetic with stated inputs
    not_run        the bundle has no completed trial for it
    invalid_run    a validity gate of the run failed
    incomparable   a material condition differs, or the host does not meet the claim's portability
    inconclusive   too few blocks, the methods disagree, or the interval straddles the band
    upheld         the whole interval lies inside the band
    refuted        the whole interval lies outside the band
    """

    UNTESTABLE = "untestable"
    INCOHERENT = "incoherent"
    NOT_RUN = "not_run"
    INVALID_RUN = "invalid_run"
    INCOMPARABLE = "incomparable"
    INCONCLUSIVE = "inconclusive"
    UPHELD = "upheld"
    REFUTED = "refuted"


class Strength(StrEnum):
    """How much a verdict weighs, in the terms of ACM's artifact review.

    repeated     the source's own plan and program, on its own host
    reproduced   the source's own plan and program, on another host
    replicated   another plan or program than the source's
    none         nothing was judged, or nothing says what measured
    """

    REPEATED = "repeated"
    REPRODUCED = "reproduced"
    REPLICATED = "replicated"
    NONE = "none"


class Outcome(StrEnum):
    """The result of a check.

    holds          an honest run can print these figures together
    doubtful       an honest run can print them only under an unlikely circumstance, or no run can
                   and not all that the check needs is stated
    contradicts    no honest run can print the stated figures together
    undecided      a figure that the check needs is unknown, or arithmetic says nothing about it
    """

    HOLDS = "holds"
    DOUBTFUL = "doubtful"
    CONTRADICTS = "contradicts"
    UNDECIDED = "undecided"


class LedgerOnTrial(Part, frozen=True, kw_only=True):
    """The ledger whose claims were judged.

    Attributes:
        name: by which the lab finds it.
        title: for people.
        sha256: of its file.
    """

    name: str
    title: str
    sha256: Sha256


class BundleOnTrial(Part, frozen=True, kw_only=True):
    """A bundle that gave verdicts.

    Attributes:
        id: of the bundle.
        seal: SHA-256 of its ``SEAL.json``.
        plan: name of its plan.
        plan_sha256: of the resolved plan.
        profile: of the plan.
        host: fingerprint of the host or hosts; null if it was never taken.
        host_class: ``physical, exclusive-l3`` or the like.
        status: of the run.
        sealed_with_the_ledger: whether the run was sealed with this very ledger.
    """

    id: BundleId
    seal: Sha256
    plan: str
    plan_sha256: Sha256
    profile: Literal["smoke", "vm", "bare-metal"]
    host: Sha256 | None
    host_class: str
    status: Literal["complete", "partial", "aborted"]
    sealed_with_the_ledger: bool


class CheckOutcome(Part, frozen=True, kw_only=True):
    """A check on paper with what came of it.

    Attributes:
        check: its name in the ledger.
        kind: of the check.
        outcome: see there.
        says: what is checked, in the ledger's words.
        what: the arithmetic in one sentence.
        convicts: claims that cannot stand because of it; empty unless it contradicts.
        concerns: claims it throws doubt on; empty if it holds or is undecided.
        numbers: what was computed, by name, in the units of the figures that were checked.
    """

    check: str
    kind: Literal["same_ratio", "littles_law", "difference", "percent_of", "method"]
    outcome: Outcome
    says: str
    what: str
    convicts: tuple[str, ...]
    concerns: tuple[str, ...]
    numbers: dict[str, float]


class Band(Part, frozen=True, kw_only=True):
    """The values that count as what was claimed; null where there is no end on that side."""

    low: float | None
    high: float | None


class Measured(Part, frozen=True, kw_only=True):
    """What a bundle measured of a claim's figure.

    Attributes:
        value: by the first method.
        ci95: its 95 % interval; null where it has none.
        ci90: its 90 % interval; null where it has none.
        blocks: how many hold all the trials; 0 for a figure that is counted, not measured.
        estimates: by each method.
    """

    value: float
    ci95: Interval | None
    ci90: Interval | None
    blocks: Count
    estimates: tuple[Estimate, ...]


class ClaimJudgement(Part, frozen=True, kw_only=True):
    """A verdict with what it rests on.

    Attributes:
        verdict: by the table.
        side: on which side of the band a refuted figure lies; null for every other.
        why: one sentence.
        more_blocks: how many more would decide an inconclusive one; null if that is unknown.
        band: of the claim; null where no figure was judged.
        measured: also of an incomparable figure, which has no band; null where nothing was
            measured, or nothing that may be shown.
        strength: none unless something was judged.
        weaknesses: what a reader must know beside the verdict.
    """

    verdict: ClaimVerdict
    side: Side | None
    why: str
    more_blocks: Count | None
    band: Band | None
    measured: Measured | None
    strength: Strength
    weaknesses: tuple[str, ...]

    @property
    def said(self) -> str:
        """The verdict with its side: ``refuted, below``."""
        return f"{self.verdict}, {self.side}" if self.side else str(self.verdict)


class Stand(ClaimJudgement, frozen=True, kw_only=True):
    """The verdict of one bundle.

    Attributes:
        bundle: its id; null where no bundle was needed, or none was there.
        seal: SHA-256 of its ``SEAL.json``; null likewise.
    """

    bundle: BundleId | None
    seal: Sha256 | None


class VariantStanding(Part, frozen=True, kw_only=True):
    """The same claim under another assumption.

    Attributes:
        name: of the variant.
        assumes: what it assumes.
        standing: its verdicts, one a bundle, in the order of the bundles.
    """

    name: str
    assumes: str
    standing: tuple[Stand, ...]


class Flip(Part, frozen=True, kw_only=True):
    """On one host a claim is decided otherwise under another assumption.

    Attributes:
        variant: its name.
        assumes: what it assumes.
        host: fingerprint.
        as_tested: verdict, and side if it has one, by the test itself.
        otherwise: the same by the variant.
    """

    variant: str
    assumes: str
    host: Sha256
    as_tested: str
    otherwise: str


class Undermined(Part, frozen=True, kw_only=True):
    """A refuted claim that follows from this one.

    Attributes:
        claim: its id.
        together_with: other claims that it takes to follow; then any of them may be wrong.
    """

    claim: str
    together_with: tuple[str, ...]


class AcrossHosts(Part, frozen=True, kw_only=True):
    """What hosts agree on about a ratio.

    Attributes:
        hosts: how many measured it.
        above_one: on how many it is above 1.
        below_one: on how many it is below 1.
        prediction: where the ratio of one more host is to be expected, at 95 %; null with fewer
            than three hosts.
    """

    hosts: Count
    above_one: Count
    below_one: Count
    prediction: Interval | None


class Claimed(Part, frozen=True, kw_only=True):
    """What is claimed, as the ledger has it.

    Attributes:
        id: of the claim.
        kind: of the claim.
        says: what it says, in the lab's words.
        source: name of the source.
        locator: place in the source.
        published: the claimed figure as a reader would say it.
        plan: name of the plan that tests it; null without one.
        entailed_by: the claims from which it follows, each entry alone or several together.
    """

    id: str
    kind: Literal["absolute", "ratio", "ordering", "bound", "runs", "statement"]
    says: str
    source: str
    locator: str
    published: str
    plan: str | None
    entailed_by: tuple[tuple[str, ...], ...]


class OnTrial(Claimed, frozen=True, kw_only=True):
    """What stands beside the verdicts on a claim.

    Attributes:
        undermined_by: the refuted claims that follow from it.
        assumes: what its test assumes; empty if nothing.
        variants: its verdicts under other assumptions.
        flips: where an assumption decides.
    """

    undermined_by: tuple[Undermined, ...]
    assumes: str = ""
    variants: tuple[VariantStanding, ...] = ()
    flips: tuple[Flip, ...] = ()


class JudgedClaim(OnTrial, frozen=True, kw_only=True):
    """A claim as one bundle judges it; the keys of `ClaimJudgement` stand beside the claim's."""

    verdict: ClaimVerdict
    side: Side | None
    why: str
    more_blocks: Count | None
    band: Band | None
    measured: Measured | None
    strength: Strength
    weaknesses: tuple[str, ...]

    @property
    def judgement(self) -> ClaimJudgement:
        """The verdict with what it rests on."""
        names = ClaimJudgement.__struct_fields__
        return ClaimJudgement(**{name: getattr(self, name) for name in names})


class StandingClaim(OnTrial, frozen=True, kw_only=True):
    """A claim as several bundles judge it.

    Attributes:
        standing: its verdicts, one a bundle, in the order of the bundles; at least one.
        across_hosts: what hosts agree on; null unless it is a ratio that two of them measured.
    """

    standing: tuple[Stand, ...]
    across_hosts: AcrossHosts | None


class Verdicts(Document, frozen=True, kw_only=True):
    """``derived/verdicts.json``: what one bundle says of every claim of a ledger.

    Attributes:
        schema: the version of this format.
        ledger: of the claims.
        bundle: that judges them.
        conclusion: one sentence: the counts, the first claim that a figure decided, the weakness.
        sealed_with_the_ledger: whether the run was sealed with this very ledger.
        counts: claims by verdict, every verdict named.
        checks: on paper, in the ledger's order.
        claims: in the ledger's order.
    """

    PATH: ClassVar[str] = "derived/verdicts.json"

    schema: Literal["verdicts/1"] = "verdicts/1"
    ledger: LedgerOnTrial
    bundle: BundleOnTrial
    conclusion: str
    sealed_with_the_ledger: bool
    counts: dict[ClaimVerdict, Count]
    checks: tuple[CheckOutcome, ...]
    claims: tuple[JudgedClaim, ...]


class Judgement(Document, frozen=True, kw_only=True):
    """A file beside bundles: what several of them say of claims of a ledger.

    Attributes:
        schema: the version of this format.
        ledger: of the claims.
        claims_in_ledger: how many it has, those that nobody asked for included.
        bundles: that judge them, in the order in which they were given.
        conclusion: as of `Verdicts`.
        counts: claims by the last row of the table that any bundle reached; inconclusive where one
            upholds and one refutes.
        checks: those that concern the claims, in the ledger's order.
        claims: those that were asked for, in the ledger's order.
    """

    PATH: ClassVar[str] = "judgement-{ledger}-{digest}.json"

    schema: Literal["judgement/1"] = "judgement/1"
    ledger: LedgerOnTrial
    claims_in_ledger: Count
    bundles: tuple[BundleOnTrial, ...]
    conclusion: str
    counts: dict[ClaimVerdict, Count]
    checks: tuple[CheckOutcome, ...]
    claims: tuple[StandingClaim, ...]
