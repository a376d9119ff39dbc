"""``python -m workloads.dataset seed``: make the template database and print what it holds."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, fields

from workloads.databases import known
from workloads.databases.interface import ChecksumError, ServerError
from workloads.dataset import Dataset

_OK, _USAGE, _DATABASE = 0, 2, 8


def main(argv: list[str] | None = None) -> int:
    """Carry out the command line; the result goes to stdout as one JSON document.

    Returns:
        0; 2 when the numbers do not describe a dataset; 8 when the database refused.
    """
    arguments = _parser().parse_args(argv)
    try:
        dataset = Dataset(*(getattr(arguments, field.name) for field in fields(Dataset)))
        template = known.client(known.from_arguments(arguments)).make_template(dataset)
    except ValueError as problem:
        return _refuse(problem, _USAGE)
    except (ServerError, ChecksumError, OSError) as problem:
        return _refuse(problem, _DATABASE)
    document = {"schema": "ormlab-seed/1", **asdict(template)}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return _OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workloads.dataset", description=__doc__)
    commands = parser.add_subparsers(required=True)
    seed = commands.add_parser("seed", help="make the template database, unless it is there")
    known.add_arguments(seed)
    seed.add_argument("--users", type=int, default=1_000_000)
    seed.add_argument("--orders", type=int, default=10_000)
    seed.add_argument("--payload-bytes", type=int, default=1024)
    seed.add_argument("--seed", type=int, default=1)
    return parser


def _refuse(problem: Exception, code: int) -> int:
    sys.stderr.write(f"workloads.dataset: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
