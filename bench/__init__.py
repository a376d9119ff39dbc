"""Speed and memory of the lab itself, as ratios of two sides measured in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from host.environment import Program


def output_of(*command: object, program: Program = "tool", cwd: Path | None = None) -> bytes:
    """Standard output of a command, which gets the environment of its kind of program.

    Raises:
        CalledProcessError: it failed.
    """
    argv = [str(word) for word in command]
    return subprocess.run(
        argv, env=environment(program), cwd=cwd, check=True, stdout=subprocess.PIPE
    ).stdout


def in_process_of_its_own(benchmark: str, *arguments: object) -> bytes:
    """Standard output of a benchmark's module, which has loaded nothing but what it measures."""
    return output_of(sys.executable, "-m", benchmark, *arguments)


def run_plan(plan: object, *options: object) -> Path:
    """Run a plan with ``ormlab run``; return the folder of its bundle."""
    ormlab = Path(sys.executable).with_name("ormlab")
    answer = output_of(ormlab, "run", plan, "--json", *options, program="orchestrator")
    return Path(json.loads(answer)["folder"])


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory if there is one: a disk that is asked to flush 50,000 files is slow."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
    with tempfile.TemporaryDirectory(prefix="ormlab-bench-", dir=memory) as folder:
        yield Path(folder)
