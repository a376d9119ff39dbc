"""``ormlab doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import msgspec

from analysis.rounding import percent
from analysis.tables import Row, Table, columns
from bundle.display import quantity
from bundle.documents.results import GateVerdict
from host.levels import PROFILES
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import Printout, prints
from ormlab.cli.page import Page
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from pathlib import Path

    from analysis.host import Finding
    from host.levels import Profile
    from ormlab.run.doctor import Examination, Noise

_OFFER = "--noise would measure one service against itself and say which difference can be found"


@click.command("doctor")
@options.inventory
@click.option(
    "--profile",
    type=options.Choice(PROFILES),
    help="Judge for this profile.  [default: vm below a hypervisor, else bare-metal]",
)
@click.option(
    "--noise/--no-noise",
    default=False,
    help="Also measure one service against itself, about 90 s.  [default: no-noise]",
)
@click.option(
    "--jitter/--no-jitter",
    default=True,
    help="Spin on every measured CPU for 2 s.  [default: jitter]",
)
@options.bundles("Folder to write the bundle of --noise to.")
@click.option("--verbose", is_flag=True, help="Explain for every reading why it matters.")
@click.option("--strict", is_flag=True, help="Exit with 6 on a warning as well.")
@prints
def command(
    inventory: Path,
    profile: Profile | None,
    bundles: Path,
    *,
    noise: bool,
    jitter: bool,
    verbose: bool,
    strict: bool,
) -> Printout:
    """Say whether the hosts can measure, for which profile, and what weakens their results.

    Takes every reading of docs/readings.md on each host, which takes a few seconds, and judges it.
    Exits with 6 if one is fatal under the profile.

    \b
    Examples:
      ormlab doctor
      ormlab doctor --profile bare-metal --strict
      ormlab doctor --noise
      ormlab doctor --no-jitter
      ormlab doctor --json | jq -r '.problems[].what'
    """
    from ormlab.hosts import inventory as inventories
    from ormlab.run.doctor import examine, measure_noise

    hosts = inventories.load(inventory)
    measured = None
    with reporter() as progress:
        examined = examine(hosts, profile, progress, jitter=jitter)
        if noise:
            measured = measure_noise(hosts, bundles, examined, progress)
    refused = [GateVerdict.FAILED, GateVerdict.WARNING] if strict else [GateVerdict.FAILED]
    problems = [_problem(each.host, finding) for each in examined for finding in each.of(*refused)]

    def text() -> str:
        hosts = "\n".join(examination_text(each, verbose=verbose) for each in examined)
        return f"{hosts}\n\n{noise_text(measured) if measured else _OFFER}"

    return Printout(
        schema="doctor/1",
        result=_result(examined, measured),
        text=text,
        problems=problems,
        code=Exit.HOST_GATE if problems else Exit.OK,
    )


def _problem(host: str, finding: Finding) -> dict[str, str]:
    return {
        "code": f"host-{finding.key.replace('_', '-')}",
        "verdict": finding.word,
        "what": finding.said,
        "where": host,
        "hint": finding.do,
    }


def _result(examined: list[Examination], noise: Noise | None) -> dict[str, object]:
    from analysis.host import sentence, tier_meaning

    return {
        "hosts": [
            {
                "host": each.host,
                "profile": each.profile,
                "conclusion": sentence(each.readings, each.findings, each.profile),
                "tier": tier_meaning(each.readings),
                "findings": [asdict(one) | {"verdict": one.word} for one in each.findings],
            }
            for each in examined
        ],
        "noise": {"folder": str(noise.bundle), **msgspec.to_builtins(noise.floor)}
        if noise
        else None,
    }


def examination_text(examined: Examination, *, verbose: bool) -> str:
    """The conclusion on a host, its tier, and its readings by area; ``verbose`` explains each."""
    from analysis.host import sentence, tier_meaning

    page = Page()
    conclusion = sentence(examined.readings, examined.findings, examined.profile)
    page.line(f"{examined.host}: {conclusion}")
    page.line(tier_meaning(examined.readings))
    for area in dict.fromkeys(finding.area for finding in examined.findings):
        findings = [finding for finding in examined.findings if finding.area == area]
        page.table(_table(area, findings, verbose=verbose))
    return page.text()


def _table(area: str, findings: list[Finding], *, verbose: bool) -> Table:
    from analysis.limits import shown

    rows = (
        Row(
            (
                finding.key,
                shown(finding.value, finding.unit),
                finding.should_be,
                finding.word,
                _advice(finding) if verbose or finding.verdict is not GateVerdict.PASSED else "",
            )
        )
        for finding in findings
    )
    named = columns(area.capitalize(), "Value", "Should be", "Verdict", "Why, and what to do")
    return Table(f"Readings: {area}", named, tuple(rows))


def _advice(finding: Finding) -> str:
    if finding.reason is not None:
        return finding.reason
    return (
        f"{finding.why}: {finding.do}" if finding.verdict is not GateVerdict.PASSED else finding.why
    )


def noise_text(noise: Noise) -> str:
    """The noise floor: what a comparison of equal subjects would show here."""
    subject = noise.floor.subject
    lines = []
    for metric, floor in noise.floor.floors.items():
        lines.append(
            f"{subject} against itself, {metric}: sd {percent(floor.sd, 1)} of a block's ratio "
            f"({percent(floor.sd_low, 1)} to {percent(floor.sd_high, 1)}, "
            f"{quantity(floor.blocks, 'block')})"
        )
        lines += [
            f"  {quantity(int(blocks), 'block')}: 95 % interval +- "
            f"{percent(floor.half_width[blocks], 1)}, smallest difference found "
            f"{percent(effect, 1)}"
            for blocks, effect in floor.detectable.items()
        ]
    lines += [
        f"{subject} against itself, {name}: {why}" for name, why in noise.floor.lacking.items()
    ]
    return "\n".join([*lines, f"bundle: {noise.bundle}"])
