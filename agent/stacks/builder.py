"""Build a stack once, keep the outcome, and name the packages that make it fail.

In the folder of environments a stack with the key ``<name>-<digest8>`` has

    <key>/        its environment, complete once it holds outcome.json
    <key>.logs/   a log of the whole, and one of each package that was tried alone
    <key>.lock    held during the build
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from agent import interpreters
from agent.files import write_json
from agent.stacks.environment import Environment, Uv
from agent.stacks.inspection import Finding, inspect
from bundle.documents.services import Failed, StackOutcome, Tried

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workloads.stacks import Stack

_MARKER = "outcome.json"


def environment_of(stack: Stack, envs: Path) -> Path:
    """The folder of the stack's environment, whether or not it is built."""
    return envs / f"{stack.name}-{stack.digest()[:8]}"


def build(stack: Stack, *, envs: Path, uv: Path, cache: Path, force: bool = False) -> StackOutcome:
    """Make the stack's environment, or return the outcome of an earlier build.

    An outcome, failed ones included, is valid as long as the stack, its interpreter and the C
    compiler are the same. An environment that was left half-built is made again.

    ``force`` builds again in any case, wheels of the cache included.

    Returns:
        The outcome. After a failure, each package of the stack has been tried in an environment of
        its own too, because one failure hides the others.

    Raises:
        HostError: the network, the disk or the memory failed, not the stack; nothing is kept.
        OSError: uv cannot be started, or a file cannot be written.
        StackFileError: a lock is missing or lacks a package.
    """
    home = environment_of(stack, envs.absolute())
    home.parent.mkdir(parents=True, exist_ok=True)
    with _held(_beside(home, "lock")) as lock:
        marker = home / _MARKER
        if not force and (kept := _kept(home, Uv(uv, cache, lock))):
            return kept
        refresh = force or marker.exists()
        outcome = _Build(stack, home, Uv(uv, cache, lock, refresh)).carry_out()
        if outcome.python:  # else there is no environment, and looking again costs nothing
            write_json(marker, outcome)
        return outcome


@dataclass(frozen=True)
class _Build:
    """One build of a stack."""

    stack: Stack
    home: Path
    uv: Uv

    def carry_out(self) -> StackOutcome:
        """Build the whole; if that fails, each package alone."""
        start = time.monotonic()
        logs = _beside(self.home, "logs")
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir()
        alone: dict[str, Finding] = {}
        interpreter = self._interpreter(logs / "interpreter.log")
        if interpreter is None:
            wanted = self.stack.python
            missing = Failed(
                package="cpython",
                version=wanted,
                stage="interpreter",
                reason=f"there is none here: {interpreters.how_to_get(wanted)}",
                log=None,
            )
            whole = Finding([missing])
        else:
            place = Environment(self.home, logs / "stack.log", self.uv)
            whole = inspect(place, self.stack, interpreter)
            if whole.failures and whole.python:
                alone = self._alone(interpreter, logs)
        versions = self.stack.packages()
        return StackOutcome(
            schema="stack/1",
            stack=self.stack.name,
            ok=not whole.failures,
            digest=self.stack.digest(),
            environment=self.home.name,
            python=whole.python,
            packages=whole.packages,
            extensions=whole.extensions,
            failures=_each_once(whole, *alone.values()),
            alone=[
                Tried(
                    package=package,
                    version=versions[package],
                    ok=not finding.failures,
                    extensions=finding.extensions,
                )
                for package, finding in alone.items()
            ],
            seconds=round(time.monotonic() - start, 3),
        )

    def _interpreter(self, log: Path) -> str | None:
        wanted = self.stack.python
        path = interpreters.find(wanted)
        is_published = "+jit" not in wanted  # uv has no builds of 3.13 with the JIT
        if path is None and is_published and os.environ.get("ORMLAB_FETCH_PYTHON") == "1":
            self.uv.run("python", "install", "--no-bin", wanted, log=log, downloads="manual")
            path = interpreters.find(wanted)
        return path

    def _alone(self, interpreter: str, logs: Path) -> dict[str, Finding]:
        """Try each package of the stack in an environment of its own, one after another."""
        findings = {}
        folder = _beside(self.home, "alone")
        for package in self.stack.packages():
            place = Environment(folder, logs / f"alone-{package}.log", self.uv)
            try:
                findings[package] = inspect(place, self.stack, interpreter, alone=package)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return findings


def _each_once(*findings: Finding) -> list[Failed]:
    """Every failed package and stage, as the first finding reports it."""
    first: dict[tuple[str, str], Failed] = {}
    for finding in findings:
        for failed in finding.failures:
            first.setdefault((failed.package, failed.stage), failed)
    return list(first.values())


def _kept(home: Path, uv: Uv) -> StackOutcome | None:
    """The outcome of an earlier build, if it is still valid."""
    log = _beside(home, "logs") / "reuse.log"
    try:
        outcome = msgspec.json.decode((home / _MARKER).read_bytes(), type=StackOutcome)
        log.parent.mkdir(exist_ok=True)
        log.unlink(missing_ok=True)
        now = Environment(home, log, uv).probe()
    except (OSError, ValueError):
        return None
    return outcome if now and now.python == outcome.python else None


def _beside(home: Path, suffix: str) -> Path:
    return home.with_name(f"{home.name}.{suffix}")


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Hold the lock file; waits while another build, or a leftover process of one, holds it."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()
