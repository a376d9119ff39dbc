"""The schemas in the repository are those of the types, and hold for what a run writes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from bundle import fits, schemas
from bundle.documents.host import HostFacts
from bundle.documents.plan import SealedPlan
from bundle.findings import Findings
from bundle.format import IndexLine
from bundle.generators.client import Client
from bundle.strict_yaml import load
from bundle.tree import scan
from tests.verify.recorded import change

FOLDER = Path(schemas.__file__).parent
NAMES = [each.name for each in schemas.DOCUMENTS]
BY_NAME = {each.name: each for each in schemas.DOCUMENTS}


def written(name):
    """A schema as its file has it."""
    return json.loads((FOLDER / f"{name}.schema.json").read_text())


def test_the_schemas_beside_the_table_are_those_of_its_types():
    """The pages themselves are held against the types by tests/docs."""
    assert {path.name for path in FOLDER.glob("*.json")} == set(schemas.pages())
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_with_a_title_and_a_description(name):
    schema = written(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == schemas.DIALECT
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_allowed_that_a_type_does_not_know(name):
    schema = written(name)
    for node in (schema, *schema.get("$defs", {}).values()):
        if "properties" in node:
            assert node["additionalProperties"] is False


def test_every_document_of_a_real_bundle_is_described_and_fits(made):
    found = Findings()
    fit = fits.check(made, found)
    assert found.problems == found.doubts == []
    assert fit.get("inputs/plan.yaml", SealedPlan) is not None
    assert fit.get("host/facts.before.json", HostFacts) is not None
    assert [path for path, _ in fit.of(Client)] == sorted(
        path.relative_to(made).as_posix() for path in made.glob("trials/*/client.json")
    )
    described = {each.name for entry in scan(made) if (each := schemas.of_path(entry.path))}
    elsewhere = {"article-1", "capacity-1", "derived-1", "explanation-2", "index-1", "ports-1"}
    elsewhere |= {"open-switchback-1", "script-1", "service-1", "switchback-1", "wrk-switchback-1"}
    elsewhere |= {"effects-1", "fleet-run-1", "made-schema-1", "profilers-1", "provision-1"}
    elsewhere |= {"rerun-1", "verdicts-2"}
    assert described == set(NAMES) - elsewhere


def test_a_schema_says_of_real_documents_what_their_type_says(made):
    """Others read bundles by the schemas alone."""
    for entry in scan(made):
        described = schemas.of_path(entry.path)
        if described:
            data = (made / entry.path).read_bytes()
            document = load(data).value if entry.path.endswith(".yaml") else json.loads(data)
            validator = jsonschema.Draft202012Validator(written(described.name))
            assert list(validator.iter_errors(document)) == [], entry.path
            validator.validate(document)
            document["a key of nobody"] = 1
            assert not validator.is_valid(document), entry.path


def test_lines_of_an_index_and_the_head_of_derived_fit_too(made):
    validator = jsonschema.Draft202012Validator(written("index-1"))
    for line in (made.parent / "index.jsonl").read_text().splitlines():
        validator.validate(json.loads(line))
    head = (made / "derived/DERIVED.sha256").read_text().splitlines()[0].removeprefix("# ")
    jsonschema.Draft202012Validator(written("derived-1")).validate(json.loads(head))


def test_a_pattern_is_one_that_every_validator_knows():
    text = json.dumps(schemas.of(IndexLine))
    assert r"\\A" not in text
    assert r"\\Z" not in text
    assert "^[0-9a-f]{64}$" in text


def test_the_name_of_a_schema_stands_in_the_document():
    assert schemas.of(IndexLine)["required"] == ["schema", "id", "seal", "previous"]


@pytest.mark.parametrize("data", [b"", b"null", b"[", b"[" * 100_000, b"\xff", b'{"a": NaN}'])
def test_what_is_no_document_is_named_and_does_not_crash(bundle, data):
    (bundle / "host/drift.json").write_bytes(data)
    found = Findings()
    fits.check(bundle, found)
    assert [(each.code, each.path) for each in found.problems] == [
        ("document-malformed", "host/drift.json")
    ]


def test_every_mistake_of_a_plan_is_named_and_one_of_another_document(bundle):
    plan, facts = bundle / "inputs/plan.yaml", bundle / "host/facts.before.json"
    text = plan.read_text().replace("profile: smoke", "profile: steam")
    plan.write_text(text.replace("seed: 20240101", "seed: -1"))
    change(facts, lambda told: told["placement"].update(tier="all mine"))
    found = Findings()
    fits.check(bundle, found)
    assert {(each.code, each.path) for each in found.problems} == {
        ("document-invalid", "inputs/plan.yaml"),
        ("document-invalid", "host/facts.before.json"),
    }
    places = [each.message for each in found.problems]
    assert [each.split(": ")[1] for each in places if "plan." in each] == [
        "plan.profile",
        "plan.seed",
    ]
    assert any("$.placement.tier" in each for each in places)


def test_results_of_a_later_version_are_no_contradiction_of_the_files(bundle):
    """What is in derived/ is computed again at L3, which says so."""
    change(bundle / "derived/results.json", lambda told: told.update(tomorrow=1))
    found = Findings()
    fits.check(bundle, found)
    assert found.problems == []
    change(bundle / "derived/results.json", lambda told: told.pop("schema"))
    fits.check(bundle, found)
    assert [each.code for each in found.problems] == ["document-invalid"]


def test_a_plan_with_a_tag_is_not_run(bundle, tmp_path):
    target = tmp_path / "touched"
    text = f"!!python/object/apply:os.mkdir [{target}]\n"
    (bundle / "inputs/plan.yaml").write_text(text)
    found = Findings()
    fits.check(bundle, found)
    assert [each.code for each in found.problems] == ["document-malformed"]
    assert not target.exists()
