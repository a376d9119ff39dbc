"""``python -m agent.stacks build``: make a stack's environment on this host.

Prints the outcome as JSON. The exit code is 0 for every outcome, a broken stack included, 1 if the
host failed, and 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

import msgspec

from agent.stacks import build
from workloads import stacks


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    # An ordinary exit stops the started programs.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        known = stacks.load(options.stacks_dir)
        if options.name not in known:
            return _complain(f"no stack {options.name!r}; the stacks are {', '.join(known)}", 2)
        outcome = build(
            known[options.name],
            envs=options.envs,
            uv=options.uv,
            cache=options.cache,
            force=options.force,
        )
    except stacks.StackFileError as problem:
        return _complain(str(problem), 2)
    except OSError as problem:
        return _complain(str(problem), 1)
    sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
    return 0


def _complain(problem: str, code: int) -> int:
    sys.stderr.write(f"agent.stacks: {problem}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent.stacks")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build_ = commands.add_parser("build", help="make a stack's environment")
    build_.add_argument("--stacks-dir", type=Path, default=stacks.FOLDER, metavar="DIR")
    build_.add_argument("--name", required=True, help="the stack")
    build_.add_argument("--envs", type=Path, required=True, metavar="DIR", help="environments")
    build_.add_argument("--uv", type=Path, required=True, metavar="PATH", help="the uv to use")
    build_.add_argument("--cache", type=Path, required=True, metavar="DIR", help="uv's cache")
    build_.add_argument("--force", action="store_true", help="make it again in any case")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
