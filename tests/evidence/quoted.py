"""What evidence/README.md quotes of a bundle, held against the bundle; kept trials only."""

from __future__ import annotations

import json
import re

import pytest

from analysis import generators
from analysis.latency import nearest_rank
from bundle.read import Bundle
from docs.evidence import EVIDENCE
from ormlab.judging import judge

PAGE = (EVIDENCE / "README.md").read_text()


def rows(name):
    """The rows that a table has of one bundle, as lists of cells."""
    table = PAGE[PAGE.rindex(f"| `{name}` |") :].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in table.splitlines()]


def derived(bundle):
    """What the code of today makes of a bundle; its own derived/ may come from an older rule."""
    files = judge.derive(Bundle.open(bundle, level="L1")).files()
    return {name: json.loads(data) for name, data in files.items()}


def windows_of_two_lengths(bundle):
    kept = {}
    for folder in sorted((bundle / "trials").iterdir()):
        trial = json.loads((folder / "trial.json").read_bytes())
        if trial["status"] == "completed":
            kept.setdefault((trial["subject"], trial["load"]), []).append(
                generators.of(folder).figures
            )
    told = [row[-7:] for row in rows(bundle.name)]
    assert len(told) == len(kept)
    for subject, window, *cells in told:
        trials = kept[subject, f"s{window.removesuffix(' s')}"]
        assert cells == [
            ", ".join(f"{each.littles_ratio:.2f}" for each in trials),
            ", ".join(f"{each.throughput:,.0f}" for each in trials),
            ", ".join(f"{nearest_rank(each.bins, 0.5) / 1e3:,.0f}" for each in trials),
            ", ".join(f"{nearest_rank(each.bins, 0.99) / 1e3:,.0f}" for each in trials),
            f"{max(each.bins[-1][0] for each in trials) / 1e3:,.0f}",
        ]


def latencies_of_long_windows(bundle):
    (cell,) = derived(bundle)["results.json"]["cells"]
    for row in rows(bundle.name):
        subject, _, throughput, p50, p99 = row[-5:]
        figures = cell["subjects"][subject]
        assert [throughput, p50, p99] == [
            f"{figures[key]:,.0f}" for key in ("throughput", "p50", "p99")
        ]


def explanation(bundle):
    """With its versions and its figures."""
    ((_, quoted),) = rows(bundle.name)
    stack = json.loads((bundle / "services/tortoise/stack.json").read_bytes())
    assert f"stack `{stack['stack']}`" in quoted
    for package, shown in (("sqlalchemy", "SQLAlchemy"), ("tortoise-orm", "Tortoise")):
        assert f"{shown} {stack['packages'][package]}" in quoted
    assert f"CPython {stack['python']['version']}" in quoted
    (cell,) = derived(bundle)["explanation.json"]["cells"]
    estimates = [cell["total"], *cell["parts"]]
    due = {_ratio(each) for each in estimates}
    assert set(re.findall(r"[\d.]+ \([\d.]+ to [\d.]+\)", quoted)) == due


def _ratio(part):
    told = part["throughput"]
    return f"{told['ratio']:.2f} ({told['low']:.2f} to {told['high']:.2f})"


def controls(bundle):
    (cell,) = derived(bundle)["results.json"]["cells"]
    by_name = {each["outcome"]["name"]: each for each in cell["controls"]}
    _, null, verdict, found, positive = rows(bundle.name)[0]
    estimate = by_name["null"]["outcome"]["estimate"]
    assert float(null.split()[0]) == pytest.approx(estimate["ratio"], abs=6e-4)
    passed = {True: "passed", False: "failed"}
    assert verdict == passed[by_name["null"]["outcome"]["passed"]]
    assert "which chance explains" in by_name["null"]["outcome"]["what"]
    assert by_name["positive"]["verdict"] == "SLOWER"
    ci90 = by_name["positive"]["outcome"]["estimate"]["ci90"]
    shown = [float(digits) for digits in re.findall(r"-?[\d.]+", found.replace("%", ""))]
    due = [by_name["positive"]["outcome"]["estimate"]["ratio"], ci90["low"], ci90["high"]]
    assert shown == pytest.approx([100 * (each - 1) for each in due], abs=0.06)
    assert positive == passed[by_name["positive"]["outcome"]["passed"]]


QUOTED = {
    "20261126T140445Z-a280ebf6": windows_of_two_lengths,
    "20261126T164442Z-cb0c77ee": latencies_of_long_windows,
    "20261126T095342Z-3920068e": explanation,
    **dict.fromkeys(re.findall(r"^\| `(\S+-70a619f1)` \|", PAGE, re.MULTILINE), controls),
}
"""What is quoted of each bundle, by its id."""
