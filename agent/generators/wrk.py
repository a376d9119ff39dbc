"""wrk: it warms up in a run of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.generators.base import Command, Commands, Target
from workloads.load import wrk

if TYPE_CHECKING:
    from bundle.generators.wrk import WrkLoad


def commands(load: WrkLoad, target: Target) -> Commands:
    """A run against the table, and one before it against the table of the warm-up."""
    tables = target.sent.tables

    def run(files: str, table: str, duration_s: int) -> Command:
        argv = wrk.command(
            threads=load.threads,
            connections=load.connections,
            duration_s=duration_s,
            timeout_s=load.timeout_s,
            url=target.service.url,
            table=Path(table),
            out=target.folder / f"{files}.json",
            repeatable=tables.repeatable,
        )
        command = target.command("wrk", argv, duration_s, files=files)
        return replace(command, outputs=(command.stdout, *command.outputs))

    warmup = run("warmup", tables.warmup, load.warmup_s) if load.warmup_s else None
    return Commands(run("wrk", tables.measured, load.duration_s), warmup)
