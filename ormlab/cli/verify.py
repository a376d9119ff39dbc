"""``ormlab verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bundle.codes import LEVELS, LIMIT, MEANINGS
from bundle.display import quantity, visible
from ormlab.base.errors import Exit
from ormlab.cli import options
from ormlab.cli.output import Printout, prints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.codes import Level
    from bundle.findings import Problem, Verification

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("verify")
@options.bundle
@click.option(
    "--level", type=options.Choice(LEVELS), help="How far to check; default: as far as possible."
)
@click.option("--index", type=_FILE, help="The index.jsonl that lists its seal, for L4.")
@click.option("--allowed-signers", type=_FILE, help="Whose signature counts, as in ssh-keygen(1).")
@click.option("--strict", is_flag=True, help="Count a doubt as a problem.")
@prints
def command(
    bundle: Path,
    level: Level | None,
    index: Path | None,
    allowed_signers: Path | None,
    *,
    strict: bool,
) -> Printout:
    """Check a BUNDLE without trusting its maker; lists every problem, exits 3 if there is one.

    \b
    Levels, each with those before it:
      L0  it is sealed
      L1  its files are exactly those of the manifest, byte for byte
      L2  its files agree with each other
      L3  its results follow from its files: the analysis is run again
      L4  its seal stands in an index, or is signed by someone you name

    Only running it again exposes a maker who invents samples.

    \b
    Examples:
      ormlab verify bundles/20261123T031500Z-1a2b3c4d
      ormlab verify --level L4 --index index.jsonl received/20261123*
      cd bundles/20261123T031500Z-1a2b3c4d && sha256sum -c MANIFEST.sha256
    """
    from ormlab.verify import verify

    if level not in {None, "L4"} and (index or allowed_signers):
        raise click.UsageError("--index and --allowed-signers are for L4: leave out --level")
    outcome = verify(bundle, level=level, index=index, allowed_signers=allowed_signers)
    reached = _up_to(outcome.level_reached)
    result = {
        "level": outcome.level_reached,
        "asked": outcome.asked,
        "meaning": [MEANINGS[each] for each in reached],
        "limit": LIMIT,
        "files": outcome.files,
        "seal": outcome.seal,
        "doubts": [_record(doubt) for doubt in outcome.doubts],
        "notes": list(outcome.notes),
    }
    return Printout(
        schema="ormlab-verify/1",
        result=result,
        text=lambda: "\n".join(_lines(bundle, outcome)),
        problems=[_record(problem) for problem in outcome.problems],
        code=Exit.VERIFICATION_FAILED
        if outcome.problems or (strict and outcome.doubts)
        else Exit.OK,
    )


def _lines(bundle: Path, outcome: Verification) -> Iterator[str]:
    reached = outcome.level_reached or "not even L0"
    seal = f"seal {outcome.seal}" if outcome.seal else "no seal"
    yield f"{bundle}: {reached} of {outcome.asked}, {quantity(outcome.files, 'file')}, {seal}"
    for level in _up_to(outcome.level_reached):
        yield f"  {level} {MEANINGS[level]}"
    for note in outcome.notes:
        yield f"  {visible(note)}"
    for kind, problems in (("problem", outcome.problems), ("doubt", outcome.doubts)):
        for each in problems:
            problem = visible(f"{each.path}: {each.message}")
            yield f"  {kind} {each.level} {each.code}: {problem}"
            yield f"    next: {each.hint}"
    yield f"  {LIMIT}"


def _up_to(level: Level | None) -> tuple[Level, ...]:
    return LEVELS[: LEVELS.index(level) + 1] if level else ()


def _record(problem: Problem) -> dict[str, str]:
    return {
        "code": problem.code,
        "level": problem.level,
        "where": problem.path,
        "what": problem.message,
        "hint": problem.hint,
    }
