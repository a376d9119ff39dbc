"""``derived/verdicts.json`` and ``judgement-*.json``: verdicts of bundles on a ledger's claims.

The analysis computes these very types. A figure is in the unit of the claim's metric. The figure of
a ratio or an ordering is the first subject's over the second's, or their difference where figures
may be zero.

History of the schemas: verdicts/1, judgement/1 (both the first); verdicts/2, judgement/2 have
verdicts of the rule in which the null arm widens the interval (docs/measurement.md), and of several
runs together. A key that was added later has a default, so that older files stay readable. No
judgement overwrites an earlier one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from bundle.codec import Document, Part
from bundle.documents.results import Estimate, Interval
from bundle.values import BundleId, Count, Sha256

type Side = Literal["above", "below"]
"""On which side of the band a refuted figure lies."""


class ClaimVerdict(StrEnum):
    """What a bundle says about a claim, in the order of the table in ``analysis.claims.verdict``.

    untestable     what is needed to set up a test is missing
    incoherent     it contradicts its own arithmetic with stated inputs
    not_run        the bundle has no completed trial for it, or its script did not end
    invalid_run    a validity gate of the run failed, or its deployments differ by too much
    incomparable   a material condition differs, or the host does not meet the claim's portability
    inconclusive   only an estimate, runs that disagree, or the interval straddles the band
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


JUDGED: Final = frozenset({ClaimVerdict.INCONCLUSIVE, ClaimVerdict.UPHELD, ClaimVerdict.REFUTED})
"""The verdicts that a figure, or the outcome of a stack, decides."""


class Strength(StrEnum):
    """How near a run is to the source's experiment, in the terms of ACM's artifact review.

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
    """The ledger whose claims were judged."""

    name: str  #: name by which the lab finds the ledger
    title: str  #: title for readers
    sha256: Sha256  #: SHA-256 of the ledger's file


class BundleOnTrial(Part, frozen=True, kw_only=True):
    """A bundle that gave verdicts."""

    id: BundleId
    seal: Sha256  #: SHA-256 of its ``SEAL.json``
    plan: str  #: name of its plan
    plan_sha256: Sha256  #: SHA-256 of the resolved plan
    profile: Literal["smoke", "vm", "bare-metal"]  #: profile of the plan
    host: Sha256 | None  #: fingerprint of the host or hosts; null if it was never taken
    host_class: str  #: ``physical, exclusive-l3`` or the like
    status: Literal["complete", "partial", "aborted"]  #: status of the run
    sealed_with_the_ledger: bool  #: whether the bundle was sealed with this ledger inside


class CheckOutcome(Part, frozen=True, kw_only=True):
    """A check on paper with its outcome."""

    check: str  #: name of the check in the ledger
    kind: Literal[
        "same_ratio", "littles_law", "difference", "percent_of", "limit", "same_order", "method"
    ]
    outcome: Outcome
    says: str  #: what is checked, in the ledger's words
    what: str  #: the arithmetic in one sentence
    #: claims that the check contradicts; empty unless the outcome is ``contradicts``
    convicts: tuple[str, ...]
    #: claims that the check casts doubt on; empty if it holds or is undecided
    concerns: tuple[str, ...]
    numbers: dict[str, float]  #: computed values by name, in the units of the checked figures


class Band(Part, frozen=True, kw_only=True):
    """The values that count as what was claimed; null where there is no end on that side."""

    low: float | None
    high: float | None


class Measured(Part, frozen=True, kw_only=True):
    """What was measured of a claim's figure."""

    value: float  #: estimate by the method that decides
    ci95: Interval | None  #: its 95 % interval; null without one
    ci90: Interval | None  #: its 90 % interval; null without one
    blocks: Count  #: number of blocks that hold all the trials; 0 for a figure that is counted
    estimates: tuple[Estimate, ...]  #: the one that decides, then those that check it
    #: standard error of the mean over blocks, of logarithms for a ratio; several runs are weighed
    #: by it. Null for a figure that is counted, and for one that is only an estimate
    error: float | None
    #: e, by which the null arm widens the interval; in log units for a ratio. Null without a null
    #: arm, and for several runs together
    excess: float | None
    #: smallest relative effect that these blocks detect nine times out of ten; null where unknown
    detectable: float | None


class RankedPair(Part, frozen=True, kw_only=True):
    """Two subjects that follow each other in a ranking, judged as an ordering of their own."""

    above: str  #: subject whose figure is claimed to be the larger
    below: str  #: subject whose figure is claimed to be the smaller
    verdict: ClaimVerdict
    side: Side | None  #: ``below`` if refuted
    why: str  #: the reason in one sentence
    measured: Measured | None  #: figure of the one above over that of the one below


class ClaimJudgement(Part, frozen=True, kw_only=True):
    """A verdict with its evidence."""

    verdict: ClaimVerdict
    #: on which side of the band a refuted figure lies; null for every other verdict
    side: Side | None
    why: str  #: the reason in one sentence
    band: Band | None  #: band of the claim; null where no figure was judged
    #: null where nothing was measured that may be shown; an incomparable figure is shown without a
    #: band
    measured: Measured | None
    strength: Strength  #: ``none`` unless a figure was judged
    weaknesses: tuple[str, ...]  #: reasons to trust the verdict less
    #: of a ranking, which has no figure of its own; empty for every other claim
    pairs: tuple[RankedPair, ...] = ()

    @property
    def said(self) -> str:
        """The verdict with its side: ``refuted, below``."""
        return f"{self.verdict}, {self.side}" if self.side else str(self.verdict)


class Stand(ClaimJudgement, frozen=True, kw_only=True):
    """The verdict of one bundle."""

    bundle: BundleId | None  #: id of the bundle; null where none was needed, or there was none
    seal: Sha256 | None  #: SHA-256 of its ``SEAL.json``; null without a bundle


class Together(ClaimJudgement, frozen=True, kw_only=True):
    """The verdict of several committed runs on one host, by their random-effects mean."""

    host: Sha256  #: fingerprint of the host; digest of the node for runs of a fleet
    seals: tuple[Sha256, ...]  #: SHA-256 of the ``SEAL.json`` of each bundle


class VariantStanding(Part, frozen=True, kw_only=True):
    """The same claim under another assumption."""

    name: str  #: name of the variant
    assumes: str  #: what the variant assumes
    standing: tuple[Stand, ...]  #: its verdicts, one for each bundle, in the order of the bundles
    together: tuple[Together, ...] = ()  #: for each host with several committed runs


class Flip(Part, frozen=True, kw_only=True):
    """On one host, another assumption gives a claim another verdict."""

    variant: str  #: name of the variant
    assumes: str  #: what the variant assumes
    host: Sha256  #: fingerprint of the host; digest of the node for runs of a fleet
    as_tested: str  #: verdict of the test itself, and its side if it has one
    otherwise: str  #: verdict of the variant, and its side if it has one


class Undermined(Part, frozen=True, kw_only=True):
    """A refuted claim that follows from this one."""

    claim: str  #: id of the refuted claim
    #: further claims that it follows from; then any of them may be the wrong one
    together_with: tuple[str, ...]


class AcrossHosts(Part, frozen=True, kw_only=True):
    """What hosts agree on about a ratio."""

    hosts: Count  #: number of hosts that measured the ratio
    above_one: Count  #: number of hosts on which it is above 1
    below_one: Count  #: number of hosts on which it is below 1
    #: 95 % prediction interval for the ratio on one more host; null with fewer than three hosts
    prediction: Interval | None


class Claimed(Part, frozen=True, kw_only=True):
    """What is claimed, as the ledger has it."""

    id: str  #: id of the claim
    kind: Literal["absolute", "ratio", "ordering", "ranking", "bound", "range", "runs", "statement"]
    says: str  #: the claim in the lab's words
    source: str  #: name of the source
    locator: str  #: place in the source
    published: str  #: the claimed figure as a reader would say it
    plan: str | None  #: name of the plan that tests it; null without one
    #: claims from which it follows: each entry suffices, alone or as a group
    entailed_by: tuple[tuple[str, ...], ...]


class OnTrial(Claimed, frozen=True, kw_only=True):
    """A claim with everything but its verdicts."""

    undermined_by: tuple[Undermined, ...]  #: refuted claims that follow from it
    assumes: str = ""  #: assumption of its test; empty without one
    variants: tuple[VariantStanding, ...] = ()  #: its verdicts under other assumptions
    flips: tuple[Flip, ...] = ()  #: hosts on which an assumption decides the verdict


class JudgedClaim(OnTrial, frozen=True, kw_only=True):
    """A claim as one bundle judges it; the keys of `ClaimJudgement` stand beside the claim's."""

    verdict: ClaimVerdict
    side: Side | None
    why: str
    band: Band | None
    measured: Measured | None
    strength: Strength
    weaknesses: tuple[str, ...]
    pairs: tuple[RankedPair, ...] = ()

    @property
    def judgement(self) -> ClaimJudgement:
        """The verdict with its evidence."""
        names = ClaimJudgement.__struct_fields__
        return ClaimJudgement(**{name: getattr(self, name) for name in names})


class StandingClaim(OnTrial, frozen=True, kw_only=True):
    """A claim as several bundles judge it."""

    #: its verdicts, one for each bundle, in the order of the bundles; at least one
    standing: tuple[Stand, ...]
    together: tuple[Together, ...]  #: for each host with several committed runs
    across_hosts: AcrossHosts | None  #: null unless the claim is a ratio that two hosts measured


class Verdicts(Document, frozen=True, kw_only=True):
    """``derived/verdicts.json``: what one bundle says of every claim of a ledger."""

    PATH: ClassVar[str] = "derived/verdicts.json"

    schema: Literal["verdicts/2"] = "verdicts/2"
    ledger: LedgerOnTrial  #: ledger of the claims
    bundle: BundleOnTrial  #: the bundle that judges them
    #: in one sentence the counts, the first claim that a figure decided, and the weakness
    conclusion: str
    sealed_with_the_ledger: bool  #: whether the bundle was sealed with this ledger inside
    counts: dict[ClaimVerdict, Count]  #: number of claims by verdict, every verdict named
    checks: tuple[CheckOutcome, ...]  #: checks on paper, in the ledger's order
    claims: tuple[JudgedClaim, ...]  #: in the ledger's order


class Judgement(Document, frozen=True, kw_only=True):
    """A file beside bundles: what several of them say of claims of a ledger."""

    PATH: ClassVar[str] = "judgement-{ledger}-{digest}.json"

    schema: Literal["judgement/2"] = "judgement/2"
    ledger: LedgerOnTrial  #: ledger of the claims
    claims_in_ledger: Count  #: number of all claims of the ledger, also those that nobody asked for
    bundles: tuple[BundleOnTrial, ...]  #: the bundles that judge them, in the given order
    conclusion: str  #: as in `Verdicts`
    #: claims by the last row of the verdict table that any run reached, or the runs of any host
    #: together; inconclusive where one upholds and one refutes
    counts: dict[ClaimVerdict, Count]
    checks: tuple[CheckOutcome, ...]  #: checks that concern the claims, in the ledger's order
    claims: tuple[StandingClaim, ...]  #: the claims that were asked for, in the ledger's order
