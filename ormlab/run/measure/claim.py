"""The lab's folder on a host, held for one run and cleared of what earlier runs left there.

A program on the host holds a lock and lives as long as this process does, whose end closes its
standard input. A lost network closes nothing, and sshd may notice it only hours later: so that
program must receive a sign of life now and then.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ormlab.base.errors import LoadError, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ormlab.hosts import Begun, Host

_PATIENCE_S: Final = 60  # without a sign of life; by then the agents have stopped
_PULSE_S: Final = 10.0
_AGENT_S: Final = 180  # an agent notices within seconds; a database server may take its minute
_HELD: Final = "held"
_CONFLICT: Final = 75  # EX_TEMPFAIL of sysexits.h; flock's own failures have other numbers
# One character is one sign of life; at the end of the input, or in vain, head gives none. timeout
# takes 0 for no limit.
_HOLD: Final = """
printf "%s\\n" "$2" > "$1" || exit
echo held
while [ -n "$(timeout "$3" head -c 1)" ]; do :; done
"""


@contextmanager
def claimed(
    host: Host, run_id: str, *, patience_s: int | None = None
) -> Iterator[Callable[[], None]]:
    """Take the lab's folder on a host for one run; it is free when this process ends.

    Args:
        host: connected.
        run_id: names the run in the error that a second run gets.
        patience_s: how long the host waits for a sign of life, 0 for ever; by default a minute,
            and for ever on this machine, where the end of this process is seen at once.

    Yields:
        A function that raises a LoadError if the host has released the folder since.

    Raises:
        LoadError: another run holds it.
        ProvisioningError: the folder cannot be written.
    """
    root = host.spec.root
    lock = f"{root}/run.lock"
    who = f"{run_id} (process {os.getpid()} on {socket.gethostname()})"
    if patience_s is None:
        patience_s = 0 if host.spec.local else _PATIENCE_S
    host.run("mkdir", "-p", root)
    # The holder of a run that was killed a moment ago may still be about to notice.
    take = ["flock", "--timeout", "1", "--conflict-exit-code", str(_CONFLICT), lock]
    held = host.begin(*take, "sh", "-c", _HOLD, "hold", lock, who, str(patience_s))
    if held.line != _HELD:
        raise _refusal(host, lock, held)
    over, lost = threading.Event(), threading.Event()
    beating = threading.Thread(target=_beat, args=(held, over, lost), daemon=True)
    if patience_s:
        beating.start()

    def require() -> None:
        if lost.is_set():
            raise LoadError(
                "host-unclaimed",
                f"{host.spec.name} had no sign of life for {patience_s} s, so that another run may "
                "use the lab's folder there by now",
                where=f"{host.spec.name}:{root}",
                hint="see whether the network or this machine stood still; then resume the run",
            )

    try:
        yield require
    finally:
        over.set()
        if patience_s:
            beating.join()
        held.end()


def _beat(held: Begun, over: threading.Event, lost: threading.Event) -> None:
    """Send signs of life until the run is over or the host no longer listens."""
    while not over.wait(_PULSE_S):
        try:
            held.send(b".")
        except OSError:
            lost.set()
            return


def _refusal(host: Host, lock: str, held: Begun) -> LoadError | ProvisioningError:
    ended = held.end()
    if ended.status == _CONFLICT:
        other = host.run("cat", lock).strip() or "of an unknown name"
        return LoadError(
            "host-in-use",
            f"the run {other} uses the lab's folder on {host.spec.name}: two at once would "
            "disturb each other",
            where=f"{host.spec.name}:{host.spec.root}",
            hint="wait until it has ended, or end that process: what it measured stays, and can be "
            "resumed",
        )
    said = ended.errors.strip().splitlines() or [f"the lock's holder ended with {ended.status}"]
    return ProvisioningError(
        "lab-folder",
        f"the lab's folder on {host.spec.name} cannot be written: {said[-1]}",
        where=f"{host.spec.name}:{lock}",
        hint="make it a folder of the account that does the lab's work, or set lab_root",
    )


def remove_leftovers(
    host: Host, runs: str, tell: Callable[[str], None], check: Callable[[], None]
) -> None:
    """Remove what earlier runs left in the lab's folder, once their agents are gone.

    Whoever has claimed the folder knows that no earlier run is alive. The agents of a killed one
    stop everything when its heartbeat stands still, and each holds the lock of its order until it
    has: whoever gets every lock knows that nothing is left.

    Args:
        host: the caller has claimed its folder.
        runs: the folder of the runs there.
        tell: receives one sentence if an agent is there for a second longer.
        check: raises KeyboardInterrupt when the run is to stop.

    Raises:
        LoadError: an agent of an earlier run does not end.
    """
    locks = host.run("find", runs, "-mindepth", "3", "-maxdepth", "3", "-name", "lock").splitlines()
    deadline, is_told = time.monotonic() + _AGENT_S, False
    while lock := _held(host, locks):
        if time.monotonic() > deadline:
            raise LoadError(
                "agent-alive",
                f"an agent of a run that was killed has not ended within {_AGENT_S} s",
                where=f"{host.spec.name}:{lock}",
                hint="its pid lies beside the lock: end that process, then begin again",
            )
        if not is_told:
            tell(
                f"{host.spec.name}: a run was killed there, and its agent stops within seconds; "
                "this run waits for its end"
            )
            is_told = True
        check()
    host.run("find", runs, "-mindepth", "1", "-delete")


def _held(host: Host, locks: Sequence[str]) -> str | None:
    """The first lock that an agent holds for a second longer; None if all of them are free."""
    wait = ("flock", "--shared", "--timeout", "1")
    return next((lock for lock in locks if not host.try_run(*wait, lock, "true")), None)
