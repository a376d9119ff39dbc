"""Renew the locks: ``python -m workloads.stacks.lock --uv UV --cache FOLDER [NAME ...]``.

A lock is a function of its ``.in`` file, its interpreter and its ``exclude_newer``: to renew
``current``, move its day in stacks.toml and run this. The lock of a stack with a base depends on
the base's too: its resolution keeps as many of the base's pins as its requests allow, and the lock
holds the pins that differ. No address enters a lock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from host.environment import environment
from workloads import stacks
from workloads.stacks import locks

COMPILE = [
    *("pip", "compile", "--quiet", "--no-config", "--no-python-downloads"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--python-platform", "linux"),
]


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="lock", description="Renew the locks of the stacks.")
    parser.add_argument("--uv", type=Path, required=True, help="the uv to resolve with")
    parser.add_argument("--cache", type=Path, required=True, help="uv's cache")
    parser.add_argument("names", nargs="*", metavar="NAME", help="stacks; all if none is named")
    options = parser.parse_args(arguments)
    known = stacks.load()
    if unknown := sorted(set(options.names) - known.keys()):
        parser.error(f"no stack {unknown[0]!r}; the stacks are {', '.join(known)}")
    chosen = [known[name] for name in options.names or known]
    uv = Resolver(options.uv, options.cache)
    try:
        for source, how in sorted(build_tools(chosen).items()):
            uv.compile(source, source.with_suffix(".txt"), "--upgrade", *how)
        for stack in chosen:  # a base comes before the stacks on it
            lock(uv, stack)
    except subprocess.CalledProcessError as failed:
        sys.stderr.write(failed.stderr)
        return failed.returncode
    return 0


def build_tools(chosen: list[stacks.Stack]) -> dict[Path, tuple[str, ...]]:
    """Each file of build tools, with the options of interpreter and day of its first stack."""
    tools: dict[Path, tuple[str, ...]] = {}
    for stack in chosen:
        if stack.build_lock:
            tools.setdefault(stack.build_lock.with_suffix(".in"), _dated(stack))
    return tools


def lock(uv: Resolver, stack: stacks.Stack) -> None:
    """Renew the lock of one stack; that of its base stays as it is.

    Raises:
        CalledProcessError: uv found no solution, or no registry; its ``stderr`` says why.
        StackFileError: what the stack asks for, or its base's lock, cannot be read.
    """
    if stack.base is None:
        uv.compile(stack.wanted, stack.lock, "--upgrade", *_dated(stack))
        return
    if not stack.wanted.exists():
        return
    before = stack.base.pins()
    with tempfile.TemporaryDirectory() as folder:
        # uv keeps the versions of an existing lock as far as the requests allow.
        whole = Path(folder) / "whole.txt"
        whole.write_text(stack.base.text(), encoding="utf-8")
        asked = [f"--upgrade-package={name}" for name in stacks.wanted_in(stack.wanted)]
        uv.compile(stack.wanted, whole, *asked, *_dated(stack))
        pins = locks.read(whole)
    own = [
        pin.lines
        for name, pin in pins.items()
        if name not in before or pin.version != before[name].version
    ]
    stack.lock.write_text("".join(own), encoding="utf-8")


def _dated(stack: stacks.Stack) -> tuple[str, ...]:
    version = stack.python.partition("+")[0]
    return ("--python-version", version, "--exclude-newer", stack.exclude_newer)


@dataclass(frozen=True)
class Resolver:
    """The uv that resolves, its cache, and folders of wheels that no registry has."""

    binary: Path
    cache: Path
    links: tuple[str, ...] = ()

    def compile(self, source: Path, lock: Path, *how: str) -> None:
        """Resolve the requests of a file to a lock; errors as of the function `lock`."""
        own = {"UV_CACHE_DIR": str(self.cache)}
        if self.links:
            told = environment("installer").get("UV_FIND_LINKS", "")
            own["UV_FIND_LINKS"] = ",".join(filter(None, [*self.links, told]))
        subprocess.run(
            [self.binary, *COMPILE, *how, "--output-file", lock, source],
            env=environment("installer", own),
            capture_output=True,
            text=True,
            check=True,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
