"""Peak memory of client and orchestrator for a trial of 30 s at the client's full rate."""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path

from bench import in_process_of_its_own
from bench.client import generators, missing


def run(*, seconds: float = 30.0) -> dict[str, object]:
    """Measure both on the files of one trial.

    Returns:
        Peak resident memory in bytes of all processes of the client, and of a process that
        fetches the trial's files from the local host and keeps them as the orchestrator does;
        or the reason why there is none.
    """
    reason = missing("nginx")
    if reason:
        return {"memory": {"skipped": reason}}
    with generators() as bench:
        report = bench.client(seconds)
        peak = in_process_of_its_own("bench.memory", bench.folder)
    return {
        "memory.samples": report.samples.rows,
        "memory.client_peak_bytes": report.peak_rss_bytes,
        "memory.orchestrator_peak_bytes": int(peak),
    }


def _keep(raw: str) -> None:
    """Do with a trial's files what a run does, and print this process's peak memory."""
    from ormlab.base import checkout
    from ormlab.hosts import connected, inventory
    from ormlab.run.measure.keep import keep

    (host,) = inventory.load(checkout.INVENTORY).hosts
    with tempfile.TemporaryDirectory() as scratch, connected([host]) as hosts:
        fetched, kept = Path(scratch) / "fetched", Path(scratch) / "kept"
        hosts[host.name].fetch(raw, fetched)
        kept.mkdir()
        keep(fetched, kept)
    sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}\n")


if __name__ == "__main__":
    _keep(sys.argv[1])
