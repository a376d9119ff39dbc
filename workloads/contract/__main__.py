"""``python -m workloads.contract``: check a running service against the contract.

Exit codes: 0 the contract is kept, 2 wrong usage, 3 it is broken, 8 no answer from the service or
the database.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workloads import psql as server
from workloads.contract.suite import check, write_samples
from workloads.dataset import Dataset
from workloads.psql import PsqlError

if TYPE_CHECKING:
    from workloads.contract.suite import CaseResult

_OK, _USAGE, _BROKEN, _UNREACHABLE = 0, 2, 3, 8


def main(argv: list[str] | None = None) -> int:
    """Carry out the command line; the result goes to stdout."""
    arguments = _parser().parse_args(argv)
    try:
        dataset = Dataset(
            users=arguments.users,
            orders=arguments.orders,
            payload_bytes=arguments.payload_bytes,
            seed=arguments.seed,
        )
        results = check(
            arguments.url, server.from_arguments(arguments), arguments.database, dataset
        )
    except (OSError, PsqlError, http.client.HTTPException) as problem:
        return _refuse(problem, _UNREACHABLE)
    except ValueError as problem:  # ContractError, and numbers that are no dataset
        return _refuse(problem, _USAGE)
    if arguments.samples is not None:
        write_samples(results, arguments.samples)
    broken = [result for result in results if not result.ok]
    sys.stdout.write(_document(results) if arguments.json else _text(results, broken))
    return _BROKEN if broken else _OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workloads.contract", description=__doc__)
    parser.add_argument("--url", required=True, help="of the service, http://HOST:PORT")
    parser.add_argument("--database", required=True, help="the service's, a throwaway clone")
    server.add_arguments(parser)
    for name in ("users", "orders", "payload-bytes", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True, help="of the dataset")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--samples", type=Path, metavar="DIR", help="write answers there")
    return parser


def _document(results: list[CaseResult]) -> str:
    problems = [
        {"case": result.name, "expected": result.expected, "got": result.got}
        for result in results
        if not result.ok
    ]
    document = {
        "schema": "ormlab-contract/1",
        "ok": not problems,
        "cases": len(results),
        "problems": problems,
    }
    return json.dumps(document, indent=2) + "\n"


def _text(results: list[CaseResult], broken: list[CaseResult]) -> str:
    lines = [
        f"{result.name}\n    expected {result.expected}\n    got      {result.got}"
        for result in broken
    ]
    kept = len(results) - len(broken)
    lines.append(f"{kept} of {len(results)} cases as the contract says")
    return "\n".join(lines) + "\n"


def _refuse(problem: Exception, code: int) -> int:
    sys.stderr.write(f"workloads.contract: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
