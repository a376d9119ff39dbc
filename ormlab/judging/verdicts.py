"""What a ledger claims, what a bundle brings to its claims, and where judgements are stored."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import asdict

from analysis import claims
from analysis.rounding import percent
from bundle import typed
from bundle.codec import Part, serialise
from bundle.display import quantity
from bundle.documents.host import HostFacts
from bundle.documents.results import Better
from bundle.documents.verdicts import CheckOutcome, Claimed, LedgerOnTrial
from bundle.storage import write_file

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.claims import Ledger, Run
    from analysis.claims.ledger import Claim
    from bundle.documents.results import Results
    from bundle.documents.verdicts import Judgement
    from bundle.read import Bundle
    from ormlab.judging.ledger import LedgerFile


class ConditionOverview(Part, frozen=True, kw_only=True):
    """A condition as the ledger has it; see `analysis.claims.ledger.Condition`."""

    value: str | int | float | bool | None
    precision: float | None
    status: str
    material: bool
    reading: str | None
    subject: str | None
    accepts: tuple[str, ...]
    locator: str
    note: str


class ClaimOverview(Claimed, frozen=True, kw_only=True):
    """A claim as the ledger has it, before any bundle."""

    #: what the checks on paper say of it; empty if nothing
    arithmetic: Literal["incoherent", "in doubt", ""]
    portability: str | None  #: how far it reaches; None for a statement
    tolerance: str | None  #: with its reason; None without one
    untestable: str | None  #: why it cannot be tested; None if it can
    not_run: str | None  #: why nobody tests it yet; None if somebody does
    cost: str  #: of the test, in words
    note: str  #: of whoever wrote the ledger
    conditions: dict[str, ConditionOverview]  #: under which it was published, by name


class Overview(Part, frozen=True, kw_only=True):
    """What a ledger claims, and what arithmetic alone says of it."""

    ledger: LedgerOnTrial  #: whose claims they are
    conclusion: str  #: one sentence
    claims: tuple[ClaimOverview, ...]  #: in the ledger's order
    checks: tuple[CheckOutcome, ...]  #: on paper, in the ledger's order


class MetricLine(Part, frozen=True, kw_only=True):
    """A figure that a ledger may speak of; see `analysis.claims.metrics.ClaimMetric`."""

    name: str
    unit: str
    better: Better
    estimator: str


class ReadingLine(Part, frozen=True, kw_only=True):
    """A condition that a bundle tells; see `analysis.claims.conditions.Reading`."""

    name: str
    scope: str
    what: str


class Registries(Part, frozen=True, kw_only=True):
    """The metrics and the readings of conditions that a ledger may name."""

    metrics: tuple[MetricLine, ...]
    readings: tuple[ReadingLine, ...]


def overview(ledger: LedgerFile) -> Overview:
    """What a ledger claims, and what arithmetic alone says of it."""
    written = ledger.ledger
    checks = claims.outcomes(written)
    told = tuple(_overview(written, name, claim, checks) for name, claim in written.claims.items())
    count = sum(each.arithmetic == "incoherent" for each in told)
    doubtful = sum(each.arithmetic == "in doubt" for each in told)
    tested = sum(each.plan is not None for each in told)
    return Overview(
        ledger=LedgerOnTrial(name=written.name, title=written.title, sha256=ledger.sha256),
        conclusion=(
            f"{quantity(len(told), 'claim')}, {tested} with a plan that tests them; on paper "
            f"{count} incoherent, {doubtful} in doubt."
        ),
        claims=told,
        checks=tuple(checks),
    )


def _overview(ledger: Ledger, name: str, claim: Claim, checks: list[CheckOutcome]) -> ClaimOverview:
    own = [each for each in checks if name in each.concerns]
    convicted = any(name in each.convicts for each in own)
    tolerance = getattr(claim, "tolerance", None)
    return ClaimOverview(
        **asdict(claims.describe(name, claim)),
        arithmetic="incoherent" if convicted else "in doubt" if own else "",
        portability=getattr(claim, "portability", None),
        tolerance=f"{percent(tolerance.relative, 1)}: {tolerance.reason}" if tolerance else None,
        untestable=claim.untestable,
        not_run=claim.not_run,
        cost=getattr(claim, "cost", ""),
        note=claim.note,
        conditions={
            leaf: msgspec.convert(each.model_dump(mode="json"), ConditionOverview)
            for leaf, each in ledger.conditions_of(claim).items()
        },
    )


def registries() -> Registries:
    """The metrics and the readings of conditions that a ledger may name."""
    families = tuple(
        ReadingLine(name=f"{each.prefix}NAME", scope="run", what=each.what)
        for each in claims.FAMILIES
    )
    written = {
        "metrics": list(claims.CLAIM_METRICS.values()),
        "readings": [*claims.READINGS.values(), *families],
    }
    return msgspec.convert(written, Registries, from_attributes=True)


def store(document: Judgement, folder: Path) -> Path:
    """Write a judgement under a name made of what it rests on, so that none is overwritten.

    Returns:
        The file; the same bundles, ledger and verdicts give the same name.
    """
    data = serialise(document)
    digest = hashlib.sha256(data).hexdigest()[:8]
    path = folder / document.PATH.format(ledger=document.ledger.name, digest=digest)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(path, data)
    return path


def run_of(bundle: Bundle, results: Results, ledger: Ledger) -> Run:
    """What a verified bundle brings to the claims of a ledger.

    Raises:
        OSError: a document of the bundle cannot be read.
        RecordError: a document of the bundle is not what it should be.
    """
    resolved = typed.read_plan(bundle.path)
    facts = typed.read(bundle.path, HostFacts)
    wanted = {
        place
        for claim in ledger.claims.values()
        for tested in (claim, *claims.variants_of(claim).values())
        if not isinstance(tested, claims.Statement)
        and tested.test
        and tested.test.plan == resolved.plan.name
        for place in claims.places_of(tested).values()
    }
    return claims.collect(bundle, resolved, facts, results, wanted)
