"""A ledger with two small plans beside it, as somebody from outside would write them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.run import small
from tests.run.conftest import inventory, lab_root  # noqa: F401 - fixtures

ORMLAB = str(Path(sys.executable).with_name("ormlab"))


class WithoutAliases(yaml.SafeDumper):
    """Ledgers and plans have none."""

    def ignore_aliases(self, _data):
        return True


def dumped(document):
    return yaml.dump(document, Dumper=WithoutAliases, sort_keys=False)


def plan(name, **changes):
    """The small plan with one block."""
    return small.plan(name, **{"blocks": 1} | changes)


def test_of(name, **more):
    return {"plan": name, "workload": "read-one", "load": "client", **more}


test_of.__test__ = False


def direction(name, **more):
    return {
        "kind": "ordering",
        "says": "the bare driver answers more requests a second",
        "source": "page",
        "locator": "line 1",
        "metric": "throughput",
        "subjects": ["asyncpg", "tortoise"],
        "portability": "any",
        "test": test_of(name, **more),
    }


def ledger():
    """One claim of every fate that a single block can decide, and two that it cannot."""
    base = {"source": "page", "locator": "line 2"}
    count = {
        "kind": "absolute",
        "metric": "statements",
        "precision": 1,
        "subjects": ["asyncpg"],
        "portability": "any",
        "test": test_of("first"),
    }
    runs = {
        "kind": "runs",
        "says": "it can be imported",
        "subjects": ["asyncpg"],
        "package": "asyncpg",
        "through": "import",
        "portability": "any",
    }
    installed = next(
        line.partition("==")[2].split()[0]
        for line in (CHECKOUT / "workloads/stacks/current.txt").read_text().splitlines()
        if line.startswith("asyncpg==")
    )
    return {
        "schema": "claims-ledger/1",
        "name": "tiny",
        "title": "A tiny ledger",
        "sources": {
            "page": {
                "title": "A page",
                "locator": "page 1",
                "published": None,
                "retrieved": yaml.safe_load("2026-11-24"),
                "sha256": "5a" * 32,
            }
        },
        "subjects": {"asyncpg": {"what": "the driver"}, "tortoise": {"what": "an ORM"}},
        "claims": {
            "first.direction": direction("first"),
            # The query, and the reset of the connection that goes back to its pool.
            "first.two-statements": base | count | {"says": "two statements", "value": 2},
            "first.one-statement": base | count | {"says": "one statement", "value": 1},
            "second.direction": direction(
                "second",
                assumes="8 connections",
                variants={"first": {"assumes": "another plan", "plan": "first"}},
            ),
            "runs.asyncpg": base
            | runs
            | {"version": installed, "test": {"plan": "stacks-of-mine"}},
            "taste": base
            | {"kind": "statement", "says": "it is pleasant", "untestable": "a matter of taste"},
        },
    }


@pytest.fixture
def write(tmp_path):
    """The ledger and its plans; ``second`` changes the second plan."""

    def write_all(**second):
        plans = {
            "first": plan("first"),
            "second": plan("second", **second),
            "stacks-of-mine": plan("stacks-of-mine", blocks=1),
        }
        (tmp_path / "plans").mkdir(exist_ok=True)
        for name, made in plans.items():
            (tmp_path / f"plans/{name}.yaml").write_text(dumped(made))
        path = tmp_path / "tiny.yaml"
        path.write_text(dumped(ledger()))
        return path

    return write_all


@pytest.fixture
def start(inventory, tmp_path):  # noqa: F811 - the fixture
    """Start ``ormlab reproduce``; the process is ended afterwards."""
    running = []

    def reproduce(path, *options):
        # A shell that started the tests in the background has made them deaf to Ctrl-C.
        arguments = ["env", "--default-signal=INT", ORMLAB, "reproduce", str(path)]
        arguments += ["--inventory", str(inventory), "--bundles", str(tmp_path / "bundles")]
        process = subprocess.Popen(
            [*arguments, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield reproduce
    for process in running:
        process.kill()
        process.communicate()
