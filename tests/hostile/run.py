"""What the lab's commands do with hostile bundles, each bundle within limits.

    python -m tests.hostile.run --bundle BUNDLE --work FOLDER [COMMAND ...]

makes every bundle of the table from a sealed one, runs the commands on each, and prints the CPU
seconds and the memory of the most expensive ones. Exit code 1 if anything was written outside,
executed, not refused with one of the lab's own errors, or beyond a limit.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import resource
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click

from tests.hostile import table
from tests.hostile.making import TABLE, make

MOST_CPU_S = 10
MOST_MEMORY = 2**30
COMMANDS = ("verify", "judge", "diff", "report", "rerun", "archive")

__all__ = ["COMMANDS", "TABLE", "Told", "carry_out", "table"]


class Told(NamedTuple):
    """What became of one command on one bundle.

    Attributes:
        command: which one.
        name: of the bundle.
        end: ``ok``, the code of an error, or what else was raised.
        cpu_s: CPU seconds.
        peak: bytes of memory at the most.
    """

    command: str
    name: str
    end: str
    cpu_s: float
    peak: int

    @property
    def is_refused_or_done(self) -> bool:
        return not self.end.startswith("!")


class TooLongError(BaseException):
    """A command took more CPU time than it may."""


def arguments(command: str, bundle: Path, sound: Path, work: Path) -> list[str]:
    """The command line of a command."""
    match command:
        case "diff":
            return ["diff", str(sound), str(bundle), "--json"]
        case "report":
            return ["report", str(bundle), "-o", str(work / "report.html")]
        case "rerun":
            return ["rerun", str(bundle), "--dry-run"]
        case "archive":
            return ["archive", "add", str(bundle), "--archive", str(work / "archive")]
    return [command, str(bundle), "--json"]


def carry_out(command: str, bundle: Path, sound: Path, work: Path) -> Told:
    """Run one command on one bundle in this process."""
    from ormlab.base.errors import LabError  # noqa: PLC0415
    from ormlab.cli import group  # noqa: PLC0415 - the child imports it once

    _forget_peak()
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            line = arguments(command, bundle, sound, work)
            group.main(line, standalone_mode=False)
        end = "ok"
    except LabError as refused:
        end = refused.code if refused.hint else "!no hint"
    except (SystemExit, click.exceptions.Exit) as left:
        code = left.code if isinstance(left, SystemExit) else left.exit_code
        end = f"exit {code}"
    except click.ClickException as refused:
        end = f"usage {refused.exit_code}"
    except TooLongError:
        end = "!more than 10 s"
    except BaseException as raised:  # noqa: BLE001 - what a user would see as a traceback
        end = f"!{type(raised).__name__}: {raised}"[:200]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    peak = _peak()
    if peak > MOST_MEMORY:
        end = f"!{peak >> 20} MiB"
    if "\x1b" in out.getvalue():
        end = "!an escape reached the terminal"
    return Told(command, bundle.parent.name, end, round(time.process_time() - start, 2), peak)


def _remember_this_machine() -> None:
    """Read once, not for each bundle, what no bundle decides: the inventory, and the checkout."""
    from ormlab.base import source  # noqa: PLC0415
    from ormlab.hosts import inventory  # noqa: PLC0415

    inventory.load = functools.cache(inventory.load)
    source.here = functools.cache(source.here)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _too_long(*_: object) -> None:
    raise TooLongError


def main(argv: list[str]) -> int:
    """Run the command line; the results go to standard output, one JSON array a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, required=True, help="a sealed bundle, judged")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder")
    parser.add_argument("--made", action="store_true", help="the bundles lie in it already")
    parser.add_argument("commands", nargs="*", default=COMMANDS)
    options = parser.parse_args(argv)
    signal.signal(signal.SIGPROF, _too_long)
    work = options.work.absolute()
    bundles = work / "bundles"
    if not options.made:
        (work / "outside").mkdir(parents=True)
        for each in TABLE:
            make(each, options.bundle, bundles, work / "outside")
    _remember_this_machine()
    failed = 0
    for command in options.commands:
        for folder in sorted(bundles.iterdir()):
            (bundle,) = (path for path in folder.iterdir() if path.name != "wheels")
            told = carry_out(command, bundle, options.bundle, work)
            failed += not told.is_refused_or_done
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
