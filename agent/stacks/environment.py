"""One virtual environment: make it with uv, fill it from a lock, look inside."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agent.stacks.reasons import HostError, host_trouble
from bundle.codec import Part
from bundle.documents.services import Interpreter
from host.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workloads.stacks import Stack

_PROBE = Path(__file__).with_name("probe.py")
_INSTALL_S = 1800
_PROBE_S = 120
TIMED_OUT = 124  # as timeout(1) has it


class Ended(NamedTuple):
    """How a program ended: its exit status (negative for a signal) and all it printed."""

    code: int
    output: str


class Probed(Part, frozen=True, kw_only=True):
    """The answer of probe.py, which runs inside an environment."""

    imports: dict[str, str | None]  #: by module, why it cannot be imported; null if it can
    extensions: dict[str, bool]  #: by module, whether it was loaded compiled
    packages: dict[str, str]  #: versions of the installed packages, by name
    python: Interpreter


@dataclass(frozen=True)
class Uv:
    """How to call uv, and what every call shares."""

    binary: Path
    cache: Path  #: its folder for downloads and for the wheels that it builds
    lock: int  #: descriptor of the lock that is held while uv or a child of it lives
    refresh: bool = False  #: whether uv must not believe the cache

    def run(self, *arguments: str | Path, log: Path, downloads: str = "never") -> Ended:
        """Run uv without any configuration of the user.

        Raises:
            OSError: uv cannot be started.
            HostError: it failed because of network, disk, memory or time.
        """
        variables = {
            "UV_CACHE_DIR": str(self.cache.absolute()),
            "UV_PYTHON_DOWNLOADS": downloads,
        }
        command = [self.binary, *arguments, "--no-config", "--no-progress", "--color", "never"]
        ended = _run(command, log=log, extra=variables, timeout_s=_INSTALL_S, keep_open=self.lock)
        if ended.code != 0 and (trouble := host_trouble(ended.code, ended.output)):
            raise HostError(f"{trouble} (the log is {log})")
        return ended


@dataclass(frozen=True)
class Environment:
    """A virtual environment in a folder of its own, which may not exist yet; ``log`` records it."""

    folder: Path
    log: Path
    uv: Uv

    def create(self, interpreter: str) -> Ended:
        """Make it, empty, in place of anything in the folder."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        return self.uv.run("venv", "--quiet", "--python", interpreter, self.folder, log=self.log)

    def fill(self, stack: Stack) -> Ended:
        """Install exactly the stack's lock."""
        lock = self._lock(stack)
        return self.uv.run("pip", "sync", *self._options(stack), lock, log=self.log)

    def fill_alone(self, stack: Stack, package: str) -> Ended:
        """Install one package of the stack, with those packages of the lock that it needs."""
        only = self.folder / "only.txt"
        only.write_text(stack.pins()[package].requirement, encoding="utf-8")
        constraints = self._lock(stack)
        options = [*self._options(stack), "--constraints", constraints, "--requirements", only]
        return self.uv.run("pip", "install", *options, log=self.log)

    def probe(self, modules: Iterable[str] = (), extensions: Iterable[str] = ()) -> Probed | None:
        """Import modules inside and list the packages, by probe.py; None without an answer.

        Raises:
            OSError: the environment has no interpreter that can be started.
        """
        request = json.dumps({"modules": list(modules), "extensions": list(extensions)})
        ended = _run(
            [self.folder / "bin/python", "-I", _PROBE, request],
            log=self.log,
            extra={},
            timeout_s=_PROBE_S,
            keep_open=self.uv.lock,
        )
        try:
            answer = msgspec.json.decode(ended.output.rstrip().rpartition("\n")[2], type=Probed)
        except ValueError:  # an import has crashed it, hung, or left by os._exit
            return None
        return answer if ended.code == 0 else None

    def _lock(self, stack: Stack) -> Path:
        """The stack's whole lock as one file, written from the parsed lock.

        A stack with a base has two locks, and an installer obeys options that no lock may have.
        """
        whole = self.folder / "lock.txt"
        whole.write_text(stack.requirements(), encoding="utf-8")
        return whole

    def _options(self, stack: Stack) -> list[str | Path]:
        options: list[str | Path] = ["--python", self.folder / "bin/python"]
        options += ["--require-hashes", "--compile-bytecode"]
        if (tools := stack.build_requirements()) is not None:
            build_lock = self.folder / "build-lock.txt"
            build_lock.write_text(tools, encoding="utf-8")
            options += ["--build-constraints", build_lock, "--require-build-hashes"]
            options += ["--preview-features", "build-dependency-hashes"]
        else:
            options += ["--no-build"]
        if stack.wheels:
            # The option takes the place of the variable, so the variable's places are named, too.
            places = [str(stack.wheels[0].parent), *os.environ.get("UV_FIND_LINKS", "").split(",")]
            options += [f"--find-links={place}" for place in places if place]
        for package in stack.no_binary:
            options += [f"--no-binary={package}"]
        # uv refuses to refresh where it may not use the network.
        if self.uv.refresh and "UV_OFFLINE" not in os.environ:
            options += ["--refresh"]
        return options


def _run(
    command: Sequence[str | Path],
    *,
    log: Path,
    extra: Mapping[str, str],
    timeout_s: float,
    keep_open: int,
) -> Ended:
    """Run a program to its end, append it and its output to ``log``, and leave no process of it.

    Args:
        command: the program and its arguments.
        log: the file to append to.
        extra: variables added to the few of an installer. Flags of a compiler, and switches that
            leave out C extensions, are not among these: they would make another stack.
        timeout_s: after which the program is killed, with exit status ``TIMED_OUT``.
        keep_open: a descriptor that the program and its children hold too. A lock on it stays taken
            while any of them lives, even if this process is killed.

    Raises:
        OSError: the program cannot be started.
    """
    with log.open("ab") as out:
        out.write(f"$ {shlex.join(map(str, command))}\n".encode())
        out.flush()
        start = out.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment("installer", extra),
            process_group=0,
            pass_fds=[keep_open],
        )
        end = os.pidfd_open(process.pid)
        in_time = False
        try:
            in_time = bool(select.select([end], [], [], timeout_s)[0])
        finally:
            # A compiler may outlive the installer that started it. The group is killed before its
            # leader is reaped: until then no other process can get its number.
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            os.close(end)
        if not in_time:
            code = TIMED_OUT
            out.write(f"did not end within {timeout_s:g} s\n".encode())
    with log.open("rb") as written:
        written.seek(start)
        return Ended(code, written.read().decode(errors="replace"))
