"""``ormlab plan``."""

from __future__ import annotations

import click

from ormlab.cli.output import document

_OVERHEAD_S = 2.5  # of a trial beyond its load, as seen; only for the estimate printed here


@click.command("plan")
@click.argument("plan")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the resolved plan as it is hashed.")
def command(plan: str, *, as_json: bool, as_yaml: bool) -> None:
    """Show what a PLAN would do and for how long, without touching any host.

    \b
    Examples:
      ormlab plan demo
      ormlab plan demo --yaml
    """
    from ormlab import plan as plans

    resolved = plans.resolve(plans.load(plan))
    written = resolved.plan
    if as_yaml:
        click.echo(resolved.document.decode(), nl=False)
        return
    measured = sum(written.loads[trial.load].duration_s for trial in resolved.trials)
    warmup = sum(getattr(written.loads[trial.load], "warmup_s", 0) for trial in resolved.trials)
    expected = measured + warmup + _OVERHEAD_S * len(resolved.trials)
    if as_json:
        result = {
            "name": written.name,
            "sha256": resolved.sha256,
            "trials": [trial.id for trial in resolved.trials],
            "measured_s": measured,
            "expected_s": expected,
        }
        document("ormlab-plan/1", result)
        return
    click.echo(
        f"{written.title}: {len(resolved.trials)} trials in {written.blocks} blocks, "
        f"{measured:.0f} s measured, about {expected / 60:.0f} min (plan {resolved.sha256[:8]})."
    )
    for name, subject in written.subjects.items():
        pool = f"{subject.pool.size}+{subject.pool.overflow}"
        click.echo(f"  subject   {name}: {subject.service} on {subject.stack}, pool {pool}")
    for name, workload in written.workloads.items():
        mix = ", ".join(f"{each.operation} x{each.weight:g}" for each in workload.operations)
        click.echo(f"  workload  {name}: {mix}")
    for name, load in written.loads.items():
        click.echo(f"  load      {name}: {load.generator}, {load.duration_s:g} s")
    for assumption in written.assumptions:
        click.echo(f"  assumed   {assumption}")
