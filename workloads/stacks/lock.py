"""Renew the locks: ``python -m workloads.stacks.lock --uv UV --cache FOLDER [NAME ...]``.

A lock is a function of its ``.in`` file, its interpreter and its ``exclude_newer``, so to renew
``current`` is to move its day in stacks.toml and run this. No address enters a lock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from workloads import stacks

_COMPILE = [
    *("pip", "compile", "--quiet", "--no-config", "--no-python-downloads", "--upgrade"),
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
    environment = {**os.environ, "UV_CACHE_DIR": str(options.cache)}
    try:
        for source, how in sorted(_sources(chosen)):
            command = [options.uv, *_COMPILE, *how, "--output-file", source.with_suffix(".txt")]
            subprocess.run([*command, source], env=environment, check=True)
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0


def _sources(chosen: list[stacks.Stack]) -> set[tuple[Path, tuple[str, ...]]]:
    """Each file to resolve, once, with the options that date it."""
    found: set[tuple[Path, tuple[str, ...]]] = set()
    for stack in chosen:
        how = ("--python-version", stack.python, "--exclude-newer", stack.exclude_newer)
        found.add((stack.wanted, how))
        if stack.build_lock:
            found.add((stack.build_lock.with_suffix(".in"), how))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
