"""One virtual environment: make it with uv, fill it from a lock, look inside."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.stacks import process
from agent.stacks.reasons import HostError, host_trouble
from bundle.codec import Part
from bundle.documents.services import Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.stacks.process import Ended
    from workloads.stacks import Stack

_PROBE = Path(__file__).with_name("probe.py")
_INSTALL_S = 1800
_PROBE_S = 120


class Probed(Part, frozen=True, kw_only=True):
    """What probe.py, which runs inside an environment, says of it.

    Attributes:
        imports: by module, why it cannot be imported; null if it can.
        extensions: by module, whether it was loaded compiled.
        packages: versions of what is installed, by name.
        python: the interpreter.
    """

    imports: dict[str, str | None]
    extensions: dict[str, bool]
    packages: dict[str, str]
    python: Interpreter


@dataclass(frozen=True)
class Uv:
    """How to call uv, and what every call shares.

    Attributes:
        binary: its path.
        cache: where it keeps downloads and the wheels it builds.
        lock: descriptor of the lock that is held while uv or a child of it lives.
        refresh: whether what the cache holds is believed no longer.
    """

    binary: Path
    cache: Path
    lock: int
    refresh: bool = False

    def run(self, *arguments: str | Path, log: Path, downloads: str = "never") -> Ended:
        """Run uv, away from any configuration of the user.

        Raises:
            OSError: uv cannot be started.
            HostError: it failed for want of network, disk, memory or time.
        """
        variables = {
            "UV_CACHE_DIR": str(self.cache.absolute()),
            "UV_PYTHON_DOWNLOADS": downloads,
        }
        command = [self.binary, *arguments, "--no-config", "--no-progress", "--color", "never"]
        ended = process.run(
            command, log=log, extra=variables, timeout_s=_INSTALL_S, keep_open=self.lock
        )
        if ended.code != 0 and (trouble := host_trouble(ended.code, ended.output)):
            raise HostError(f"{trouble} (the log is {log})")
        return ended


@dataclass(frozen=True)
class Environment:
    """A virtual environment in a folder of its own.

    Attributes:
        folder: where it is, or will be.
        log: the file that what happens to it is appended to.
        uv: the tool that makes and fills it.
    """

    folder: Path
    log: Path
    uv: Uv

    def create(self, interpreter: str) -> Ended:
        """Make it, empty, in place of anything that is there."""
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
        """Import modules inside and list what is there (see probe.py); None without an answer.

        Raises:
            OSError: the environment has no interpreter that can be started.
        """
        request = json.dumps({"modules": list(modules), "extensions": list(extensions)})
        ended = process.run(
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
        """The stack's whole lock as a file, written anew from what was read of it.

        That of a base and its own are two; and an installer would obey more than a lock may hold.
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
        for package in stack.no_binary:
            options += [f"--no-binary={package}"]
        # uv refuses to refresh where it may not use the network.
        if self.uv.refresh and "UV_OFFLINE" not in os.environ:
            options += ["--refresh"]
        return options
