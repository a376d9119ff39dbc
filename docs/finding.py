"""What became of the article: its figures beside the lab's, from the kept evidence.

The judgement in evidence/ rests on the newest run, on one host, of each plan that tests a claim of
the article. `python -m docs.finding` judges them anew, after a change to the ledger, to how it is
judged, or to the bundles, and takes those that are not in evidence/ from git's history; `make docs`
writes the tables of docs/article.md. `make test` holds the verdicts of the bundles that are in
evidence/ against what they come from, `make test-evidence` the whole judgement. The README's
picture of it is in `docs.picture`.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import TYPE_CHECKING

from analysis.claims import plans_of
from analysis.claims.standing import deciding
from analysis.rounding import measured
from analysis.tables import Row, Table, columns
from analysis.tables.markdown import table
from bundle import typed
from bundle.documents.verdicts import Judgement
from docs.evidence import EVIDENCE, HistoryError, whole
from ormlab.archive.entries import Archive
from ormlab.archive.exchange import pull
from ormlab.base.checkout import ROOT
from ormlab.judging import judge, ledger, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bundle.documents.verdicts import ClaimJudgement, StandingClaim

# The article's own table: both libraries, and which of them is above. It says 500 connections, and
# its figures fit together at about 102 (`ormlab claims show article`).
SIDES = {
    "tput": "requests per second",
    "p50": "median latency, ms",
    "p99": "p99 latency, ms",
    "rss": "resident memory, MiB",  # printed as MB, by a client that divides by 1024 x 1024
}
LOADS = {"": "500 connections", "connections-100": "100 connections"}
_OF_A_SIDE = ("sqlalchemy", "tortoise", "direction")
_WORDS = {"ordering", "runs"}  # kinds without a figure of the article's
# What else a reader of the article would ask, in its order: a claim, or claim/variant where the
# claim is shown under another assumption too.
ROWS = {
    "version.sqlalchemy.direction": "SQLAlchemy 2.0.21 has less latency than 2.0.0",
    "version.tortoise.direction": "Tortoise 0.21.0 serves more than 0.20.0",
    "pool.tput.direction": "SQLAlchemy serves more from a pool of 20 + 10 than of 5 + 10",
    "preping.error.direction": "pool_pre_ping reduces the error rate when connections die",
    "nplus1.queries.lazy": "100 users with their orders, nothing prefetched",
    "nplus1.p99.direction": "prefetching lowers the p99 of 100 users with their orders",
    "payload.direction": "SQLAlchemy still serves more with 5 KB and joins",
    "case.tput.direction": "the case study's migration raises throughput",
    "case.tput.direction/uncached": "the same without the lab's cache of one second",
    "case.p99.direction": "the case study's migration lowers the p99",
    "case.p99.direction/uncached": "the same p99 without the lab's cache of one second",
    "py313.sqlalchemy": "SQLAlchemy 2.0.21 runs on Python 3.13",
    "py313.asyncpg": "asyncpg 0.29.0 runs on Python 3.13",
    "runs.example-1": "its first code example runs as printed",
    "runs.example-2": "its second code example creates its user",
    "runs.example-3": "its benchmark script runs as printed",
    "runs.tip-2": "its code for prefetching runs on its own models",
    "runs.tip-3": "its test for pytest runs as printed",
    "pool.default": "SQLAlchemy pools 5 + 10 connections by default",
    "tortoise.prefetch": "Tortoise's select_related refuses a reverse relation",
    "django.assert-num-queries": "assertNumQueries counts what Tortoise sends",
    "migrations.alembic": "Alembic, for SQLAlchemy, is a third party's",
    "migrations.aerich": "Aerich, for Tortoise, is Tortoise's own",
}


def judgement() -> Judgement:
    """The judgement of the article in evidence/, of which there is one."""
    return typed.read(EVIDENCE, Judgement, _file().name)


def judged_anew(archive: Path) -> Judgement:
    """What the newest run of each plan comes to, on one host, by the code of today.

    The host is that of the newest run of a plan that tests a claim, so that figures of different
    rows can be compared. A newer run of a plan replaces the older ones, because the plans changed
    between them; nobody chooses among them.
    """
    article = ledger.load("article")
    tested = {plan for claim in article.ledger.claims.values() for plan in plans_of(claim)}
    runs = [
        (each.path, each.record)
        for each in Archive.open(archive).entries()
        if each.path and each.record and each.record.plan.name in tested
    ]
    runs.sort(key=lambda run: run[0].name)
    host = runs[-1][1].host
    newest = {record.plan.name: path for path, record in runs if record.host == host}
    return judge.judge_several(sorted(newest.values()), article)


def pages() -> dict[str, str]:
    """docs/article.md, with the tables as they should be."""
    told = judgement()
    claims = {claim.id: claim for claim in told.claims}
    lines = [table(_sides(claims)), "", table(_rows(claims)), "", *_whole(told)]
    page = (ROOT / "docs/article.md").read_text()
    return {"article.md": between_marks(page, "finding", lines)}


def between_marks(page: str, name: str, lines: Sequence[str]) -> str:
    """A page with these lines in the place that is marked as made, by this name."""
    begins, ends = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    head, begin, rest = page.partition(begins)
    _, end, tail = rest.partition(ends)
    if not begin or not end:
        raise ValueError(f"the page has no place for {name}")
    return head + begin + "\n" + "\n".join(lines) + "\n\n" + end + tail


def _sides(claims: Mapping[str, StandingClaim]) -> Table:
    """Both libraries by figure: what was published, what was measured, which is larger."""
    written, rows = ledger.load("article").ledger.claims, []
    for (name, what), (variant, load) in product(SIDES.items(), LOADS.items()):
        stand = [under(claims[f"{name}.{each}"], variant) for each in _OF_A_SIDE]
        if not all(stand):
            continue  # tested under one load alone
        sqlalchemy, tortoise, order = (each for each in stand if each)
        published = [f"{written[f'{name}.{each}'].value:,g}" for each in _OF_A_SIDE[:2]]
        said = claims[f"{name}.direction"].published.partition(": ")[2].partition(" ")[0]
        figures = (measured(sqlalchemy.measured), measured(tortoise.measured))
        rows.append(
            Row(
                (
                    f"{what}, {load}",
                    *(published[0], figures[0], published[1], figures[1], said),
                    f"{order.said}: {measured(order.measured)}",
                )
            )
        )
    sides = ("SQLAlchemy, published", "measured", "Tortoise, published", "measured")
    named = columns("", *sides, "larger, by the article", "verdict: measured ratio")
    return Table("Both libraries", named, tuple(rows))


def under(claim: StandingClaim, variant: str) -> ClaimJudgement | None:
    """The verdict on a claim as it is tested, or under another assumption; None without."""
    if not variant:
        return deciding(claim.standing, claim.together)
    tested = (each for each in claim.variants if each.name == variant)
    return next((deciding(each.standing, each.together) for each in tested), None)


def _rows(claims: Mapping[str, StandingClaim]) -> Table:
    """What else the article says."""
    rows = []
    for name, what in ROWS.items():
        claim_id, _, variant = name.partition("/")
        claim = claims[claim_id]
        stands = under(claim, variant)
        if stands is None:
            raise ValueError(f"no run tests {name}")
        figure = measured(stands.measured)
        if claim.kind == "runs":  # what came of it, without where
            parts = stands.why.split(": ")[1:]
            is_script = claim.published.endswith("script")
            figure = shorten(": ".join(parts if is_script else parts[:2]), 110, placeholder=" ...")
        said = what if claim.kind in _WORDS else f"{what}: {claim.published}"
        rows.append(Row((said, figure, stands.said)))
    named = columns("the article says", "measured, with its 95 % interval", "verdict")
    return Table("What else it says", named, tuple(rows))


def _whole(told: Judgement) -> Iterator[str]:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in told.counts.items() if count)
    standing = [one for claim in told.claims for one in claim.standing]
    weak = [weakness for one in standing for weakness in one.weaknesses]
    most = sorted(dict.fromkeys(weak), key=weak.count, reverse=True)[:2]
    yield f"All {len(told.claims)} claims: {counts}"
    yield "([what each verdict means](claims.md#verdicts))."
    yield f"What weakens most verdicts: {'; '.join(most) or 'nothing known'}."
    if len(hosts := {each.host for each in told.bundles}) > 1:
        yield f"The bundles come from {len(hosts)} hosts, each row from one of them: compare"
        yield "figures within a row, not sizes from row to row."
    if flips := [f"`{claim.id}`" for claim in told.claims if claim.flips]:
        yield f"An assumption decides the verdict on {', '.join(flips)}."


def _file() -> Path:
    (found,) = EVIDENCE.glob("judgement-article-*.json")
    return found


def main() -> None:
    """Replace the judgement, and its name where the page beside it has it."""
    old, page = _file(), EVIDENCE / "README.md"
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        try:
            pull(whole(Path(folder) / "store"), archive, ())
        except HistoryError as problem:
            sys.exit(f"nothing was judged: {problem}")
        told = judged_anew(archive)
    new = verdicts.store(told, EVIDENCE)
    if new != old:
        old.unlink()
        page.write_text(page.read_text().replace(old.name, new.name))


if __name__ == "__main__":
    main()
