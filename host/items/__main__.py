"""``python -m host.items --folder DIR``: print the readings of this host as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from host.items import take


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="host.items")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="the lab's")
    parser.add_argument("--port", type=int, action="append", default=[], help="that a run wants")
    parser.add_argument("--uv", metavar="PATH", help="the uv to use")
    parser.add_argument("--jitter", type=float, default=0, metavar="S", help="spin so long")
    options = parser.parse_args(arguments)
    taken = take(options.folder, ports=tuple(options.port), uv=options.uv, jitter_s=options.jitter)
    json.dump(taken, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
