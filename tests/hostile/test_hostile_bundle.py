"""Hostile bundles: nothing is written outside or executed, and what each costs is bounded.

The table is in table.py. Each command meets all bundles in one process; a bundle is refused with an
error of the lab's own, or read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from bundle.codec import parse
from tests.bundle.making import snapshot
from tests.conftest import CHECKOUT
from tests.hostile.making import make
from tests.hostile.run import COMMANDS, TABLE
from tests.verify import recorded

_CODE = ("agent", "analysis", "ormlab", "workloads")
# Commands that read go side by side, in two shares of about the same CPU time; judging replaces
# what they read.
_ORDER = ((("verify", "rerun", "diff"), ("report", "archive")), (("judge",),))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return recorded.make(tmp_path_factory.mktemp("sound"))


def code():
    """The files of the checkout that nothing may touch, with their sizes and times."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for package in _CODE
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def started(sound, work, commands):
    module = [sys.executable, "-m", "tests.hostile.run", "--bundle", sound, "--work", work]
    return subprocess.Popen(
        [*module, "--made", *commands], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )


def test_no_command_is_hurt_by_a_hostile_bundle(sound, tmp_path):
    (tmp_path / "outside").mkdir()
    for each in TABLE:
        make(each, sound, tmp_path / "bundles", tmp_path / "outside")
    before, outside = code(), snapshot(tmp_path / "outside")
    told = []
    for at_once in _ORDER:
        processes = [started(sound, tmp_path, commands) for commands in at_once]
        outputs = [process.communicate()[0] for process in processes]
        told += [json.loads(line) for out in outputs for line in out.splitlines()]
    assert snapshot(tmp_path / "outside") == outside
    # What judging makes beside a bundle is gone when it is done.
    for folder in (tmp_path / "bundles").iterdir():
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert code() == before
    hurt = [each for each in told if each[2].startswith("!")]
    assert hurt == []
    assert Counter(each[0] for each in told) == dict.fromkeys(COMMANDS, len(TABLE))
    refused = {(command, name) for command, name, end, *_ in told if end != "ok"}
    for each in TABLE:
        if each.kind in {"names", "locks", "TOML", "YAML"} and each.name not in _NOT_USED_BY_RERUN:
            assert ("rerun", each.name) in refused


# These abuse files that a rerun does not read.
_NOT_USED_BY_RERUN = {
    "ledger_is_a_bomb",
    "inventory_is_a_bomb",
}


def test_the_table_has_sixty_bundles_and_all_kinds():
    assert len({each.name for each in TABLE}) == len(TABLE) >= 60
    kinds = {
        "names",
        "locks",
        "TOML",
        "YAML",
        "JSON",
        "Parquet",
        "zstd",
        "links",
        "times",
        "markup",
    }
    assert {each.kind for each in TABLE} >= kinds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": 1, "a": 1}', "occurs twice"),
        (b'{"a": 18446744073709551616}', "more than 64 bits"),
        (b'{"a": %s}' % (b"9" * 5000), "more than 64 bits"),
        (b"[" * 65 + b"]" * 65, "nested more than 64"),
        (b"[%s0]" % (b"0," * 2_000_000), "more than 2,000,000 values"),
        (b'{"a": "\xff"}', "utf-8"),
    ],
    ids=lambda each: None if isinstance(each, bytes) else each,
)
def test_json_from_outside_is_strict(text, why):
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_json_that_programs_write_is_read():
    text = b'{"a": [18446744073709551615, -9223372036854775808, 1e308, 5e-324, null, true]}'
    assert parse(text) == json.loads(text)
