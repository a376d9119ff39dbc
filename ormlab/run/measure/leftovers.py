"""What runs whose orchestrator was ended have left on a host: waited for, then removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ormlab.base.errors import LoadError

if TYPE_CHECKING:
    from ormlab.hosts import Host

_PATIENCE_S = 180  # an agent notices within seconds; a database server may take its minute to stop


def remove(host: Host, runs: str, run_id: str) -> None:
    """Remove the folders of earlier attempts at a run, and those of runs that ended long ago.

    The agents of an earlier attempt stop everything when its heartbeat stands still, and each
    holds the lock of its order until it has: taking every lock is to know that nothing is left.

    Args:
        host: connected.
        runs: the folder of all runs on it; exists.
        run_id: the run that is about to begin or to go on.

    Raises:
        LoadError: an agent of an earlier attempt does not end.
    """
    named = ["(", "-name", run_id, "-o", "-name", f"{run_id}.*", ")"]
    earlier = host.run("find", runs, "-mindepth", "1", "-maxdepth", "1", *named).splitlines()
    for folder in earlier:
        _await_agents(host, folder)
    # Nobody has moved their heartbeat for minutes.
    stale = ["-name", "heartbeat", "-mmin", "+2", "-printf", "%h\\n"]
    old = host.run("find", runs, "-mindepth", "2", "-maxdepth", "2", *stale).splitlines()
    for folder in dict.fromkeys([*earlier, *old]):
        host.run("rm", "-rf", folder)


def _await_agents(host: Host, folder: str) -> None:
    locks = host.run("find", folder, "-mindepth", "2", "-maxdepth", "2", "-name", "lock")
    for lock in locks.splitlines():
        wait = ["flock", "--shared", "--timeout", str(_PATIENCE_S), lock, "true"]
        if not host.try_run(*wait):
            raise LoadError(
                "agent-alive",
                f"an agent of the interrupted run has not ended within {_PATIENCE_S} s",
                where=f"{host.spec.name}:{lock}",
                hint="its pid lies beside the lock: end that process, then resume again",
            )
