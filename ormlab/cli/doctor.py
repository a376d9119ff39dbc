"""``ormlab doctor``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from host.levels import PROFILES
from ormlab.base import checkout
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import bundle_errors, document
from ormlab.cli.progress import reporter

if TYPE_CHECKING:
    from analysis.host import Finding
    from host.levels import Profile
    from ormlab.run.doctor import Examination, Noise

_OFFER = "--noise would measure one service against itself and say which difference can be found"


@click.command("doctor")
@options.inventory
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    help="Judge for this profile.  [default: vm below a hypervisor, else bare-metal]",
)
@click.option(
    "--noise/--no-noise",
    default=False,
    help="Also measure one service against itself, about 90 s.  [default: no-noise]",
)
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=checkout.BUNDLES,
    help="Folder to write the bundle of --noise to.  [default: bundles/]",
)
@click.option("--verbose", is_flag=True, help="Explain for every reading why it matters.")
@click.option("--strict", is_flag=True, help="Exit with 6 on a warning as well.")
@options.as_json
def command(
    inventory: Path,
    profile: Profile | None,
    bundles: Path,
    *,
    noise: bool,
    verbose: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Say whether the hosts can measure, for which profile, and what weakens their results.

    Takes every reading of docs/readings.md on each host, which takes a few seconds, and judges it.
    Exits with 6 if one is fatal under the profile.

    \b
    Examples:
      ormlab doctor
      ormlab doctor --profile bare-metal --strict
      ormlab doctor --noise
      ormlab doctor --json | jq -r '.hosts[].findings[] | select(.verdict != "ok") | .key'
    """
    from bundle.documents.results import GateVerdict
    from ormlab.cli.doctor_text import examination_text, noise_text
    from ormlab.hosts import inventory as inventories
    from ormlab.run.doctor import examine, measure_noise

    hosts = inventories.load(inventory)
    measured = None
    with bundle_errors(), reporter() as progress:
        examined = examine(hosts, profile, progress)
        if noise:
            measured = measure_noise(hosts, bundles, examined, progress)
    refused = [GateVerdict.FAILED, GateVerdict.WARNING] if strict else [GateVerdict.FAILED]
    problems = [_problem(each.host, finding) for each in examined for finding in each.of(*refused)]
    if as_json:
        document("doctor/1", _result(examined, measured), problems=problems)
    else:
        for each in examined:
            click.echo(examination_text(each, verbose=verbose))
        click.echo(f"\n{noise_text(measured) if measured else _OFFER}")
    if problems:
        sys.exit(Exit.HOST_GATE)


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
