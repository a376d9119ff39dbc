"""docs/bundle-format.md says what the code does: its tables are compared, its commands are run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from bundle import index
from bundle.errors import BundleError
from bundle.format import BundleRecord, IndexLine, Provenance, Seal, TrialRecord
from bundle.seal import CHECKS
from tests.bundle import code_tables, making

TEXT = (Path(__file__).parents[2] / "docs/bundle-format.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    parent = tmp_path_factory.mktemp("documented")
    bundle = making.sealed(parent)
    making.judged(bundle)
    index.append(parent, making.NAME + "-2", "0" * 64)
    index.append(parent, making.NAME + "-3", "0" * 64)
    return bundle


def run(block, folder):
    ran = subprocess.run(
        ["sh", "-c", block], cwd=folder, capture_output=True, text=True, check=True
    )
    return ran.stdout + ran.stderr


def test_the_table_of_codes_is_the_one_of_the_code():
    assert code_tables.of_bundles() in TEXT, "put the output of tests.bundle.code_tables there"


def test_the_commands_are_those_of_the_readme_and_print_nothing_for_a_whole_bundle(bundle):
    checks, derived, chain = BLOCKS
    assert checks == CHECKS
    assert run(checks, bundle) == ""
    assert run(derived, bundle) == ""
    assert run(chain, bundle.parent) == ""


def test_the_command_for_the_index_sees_a_changed_line(bundle, tmp_path):
    lines = (bundle.parent / "index.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "index.jsonl").write_text("".join([lines[0], lines[2]]))
    assert "broken at" in run(BLOCKS[2], tmp_path)


@pytest.mark.parametrize("record", [BundleRecord, Seal, TrialRecord, Provenance, IndexLine])
def test_every_key_of_every_record_is_described(record):
    section = TEXT.rpartition(f"`{record.SCHEMA}`")[2]
    described = section.partition("\n## ")[0].partition("\n\n")[0]
    for field in msgspec.structs.fields(record):
        assert f"`{field.name}`" in described or field.name == "schema"


def test_every_error_has_a_code_of_its_own_and_is_an_error_of_python_too():
    kinds = [BundleError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    codes = {kind.code for kind in kinds}
    assert len(codes) == len(kinds) > 1
    assert all(re.fullmatch(r"[a-z]+-[a-z]+", code) for code in codes)
    assert all(issubclass(kind, ValueError | RuntimeError | OSError) for kind in kinds[1:])
