"""``python -m workloads.contract``: check a running service against the contract.

Exit codes: 0 the service keeps the contract, 2 wrong usage, 3 it breaks the contract, 8 no answer
from the service or the database.
"""

from __future__ import annotations

import argparse
import http.client
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.services import Broken, ContractOutcome
from workloads.contract import suite
from workloads.contract.fields import LOADINGS, OPERATIONS
from workloads.databases import known
from workloads.databases.interface import ServerError
from workloads.dataset import Dataset

if TYPE_CHECKING:
    from workloads.contract.suite import CaseResult

_OK, _USAGE, _BROKEN, _UNREACHABLE = 0, 2, 3, 8


def main(argv: list[str] | None = None) -> int:
    """Carry out the command line; the result goes to stdout."""
    arguments = _parser().parse_args(argv)
    try:
        dataset = Dataset(*(getattr(arguments, field.name) for field in fields(Dataset)))
        client = known.client(known.from_arguments(arguments))
        cannot = frozenset(arguments.cannot)
        left_out = suite.left_out(dataset, cannot)
        results = suite.check(arguments.url, client, arguments.database, dataset, cannot)
    except (OSError, ServerError, http.client.HTTPException) as problem:
        return _refuse(problem, _UNREACHABLE)
    except ValueError as problem:  # ContractError, and numbers that are no dataset
        return _refuse(problem, _USAGE)
    if arguments.samples is not None:
        suite.write_samples(results, arguments.samples)
    broken = [result for result in results if not result.ok]
    sys.stdout.write((_document if arguments.json else _text)(len(results), broken, left_out))
    return _BROKEN if broken else _OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workloads.contract", description=__doc__)
    parser.add_argument("--url", required=True, help="of the service, http://HOST:PORT")
    parser.add_argument("--database", required=True, help="the service's, a throwaway clone")
    known.add_arguments(parser)
    for field in fields(Dataset):
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, type=int, required=True, help="of the dataset")
    parser.add_argument(
        "--cannot",
        action="append",
        default=[],
        choices=(*OPERATIONS, *LOADINGS),
        help="leave out the cases of an operation or way of loading that the service lacks",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--samples", type=Path, metavar="DIR", help="write answers there")
    return parser


def _document(cases: int, broken: list[CaseResult], left_out: list[str]) -> str:
    problems = [Broken(case=each.name, expected=each.expected, got=each.got) for each in broken]
    outcome = ContractOutcome(
        schema="ormlab-contract/1",
        ok=not broken,
        cases=cases,
        problems=problems,
        left_out=left_out,
    )
    return msgspec.json.format(msgspec.json.encode(outcome), indent=2).decode() + "\n"


def _text(cases: int, broken: list[CaseResult], left_out: list[str]) -> str:
    lines = [
        f"{result.name}\n    expected {result.expected}\n    got      {result.got}"
        for result in broken
    ]
    lines.append(f"{cases - len(broken)} of {cases} cases as the contract says")
    if left_out:
        lines.append(f"{len(left_out)} more cases were left out: {', '.join(left_out)}")
    return "\n".join(lines) + "\n"


def _refuse(problem: Exception, code: int) -> int:
    sys.stderr.write(f"workloads.contract: {problem}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
