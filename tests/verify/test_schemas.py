"""The schemas in the repository are those of the types, and hold for what a run writes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from agent.stacks.outcome import Outcome

from bundle import fits, schemas
from bundle.findings import Findings
from bundle.format import IndexLine
from bundle.tree import scan

FOLDER = Path(schemas.__file__).parent
TYPES = {schemas.name_of(kind): kind for kind in schemas.RECORDS} | {"stack-1": Outcome}
NAMES = sorted(path.name.removesuffix(".schema.json") for path in FOLDER.glob("*.json"))


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_of_a_type_is_what_the_type_makes(name):
    assert schemas.load(name) == schemas.of(TYPES[name]), "python -m tests.verify.write"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_with_a_title_and_a_description(name):
    schema = schemas.load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == schemas.DIALECT
    assert schema["title"]
    assert schema["description"]


def test_each_is_used_and_each_that_is_used_is_there():
    used = {described.schema for described in schemas.DOCUMENTS} | {"derived-1", "index-1"}
    assert used == set(NAMES)


def test_an_open_schema_says_so():
    for name in NAMES:
        schema = schemas.load(name)
        if schema.get("additionalProperties") is not False and name != "drift-1":
            assert "allowed" in schema["description"] or name == "open-1"


def test_every_document_of_a_real_bundle_is_described_and_fits(made):
    found = Findings()
    fit = fits.check(made, found)
    assert found.problems == found.doubts == []
    assert {"inputs/plan.yaml", "host/facts.before.json"} < fit.keys()
    described = {schemas.schema_of(entry.path) for entry in scan(made)}
    elsewhere = {"article-1", "derived-1", "index-1", "ports-1", "provision-1", "rerun-1"}
    assert described >= set(NAMES) - elsewhere


def test_lines_of_an_index_and_the_head_of_derived_fit_too(made):
    validator = jsonschema.Draft202012Validator(schemas.load("index-1"))
    for line in (made.parent / "index.jsonl").read_text().splitlines():
        validator.validate(json.loads(line))
    head = (made / "derived/DERIVED.sha256").read_text().splitlines()[0].removeprefix("# ")
    jsonschema.Draft202012Validator(schemas.load("derived-1")).validate(json.loads(head))


def test_a_pattern_is_one_that_every_validator_knows():
    text = json.dumps(schemas.of(IndexLine))
    assert r"\\A" not in text
    assert r"\\Z" not in text
    assert "^[0-9a-f]{64}$" in text


@pytest.mark.parametrize("data", [b"", b"null", b"[", b"[" * 100_000, b"\xff", b'{"a": NaN}'])
def test_what_is_no_document_is_named_and_does_not_crash(bundle, data):
    (bundle / "host/drift.json").write_bytes(data)
    found = Findings()
    fits.check(bundle, found)
    assert [(each.code, each.path) for each in found.problems] == [
        ("document-malformed", "host/drift.json")
    ]


def test_a_plan_with_a_tag_is_not_run(bundle, tmp_path):
    target = tmp_path / "touched"
    text = f"!!python/object/apply:os.mkdir [{target}]\n"
    (bundle / "inputs/plan.yaml").write_text(text)
    found = Findings()
    fits.check(bundle, found)
    assert [each.code for each in found.problems] == ["document-malformed"]
    assert not target.exists()
