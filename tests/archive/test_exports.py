"""Every export is read by the tool of its own format."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from analysis.catalog import rows
from analysis.metrics import METRICS
from bundle import tree
from bundle.errors import BundleError
from bundle.read import Bundle
from bundle.verify import verify
from ormlab.archive import exports
from ormlab.archive.errors import EntryError
from ormlab.archive.exports import Form, export
from ormlab.archive.exports.openmetrics import UNITS
from tests.archive import making as archives
from tests.bundle import making
from tests.cli.inside import ormlab
from tests.conftest import CHECKOUT
from tests.tools import installed
from tests.verify import recorded

LINK = "Root Data Entity SHOULD have a link to a Contextual Entity representing"
# No bundle names people, a licence, or an address of the lab.
UNTOLD = (
    "Action SHOULD have an agent that is a Person or Organization",
    "Application SHOULD have a url",
    "SoftwareApplication id SHOULD be an absolute URI",
    f"{LINK} the schema_org:license type",
    f"{LINK} the `author` of the RO-Crate",
    "`publisher` property of a `Root Data Entity` SHOULD be an `Organization`",
)
ODD = 'quo"te\\ and\nline <b>&amp;\u202e'


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The recorded bundle; no test may change it."""
    return recorded.make(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def exported(bundle, tmp_path):
    def make(form, *, of=bundle):
        out = tmp_path / form
        export(of, form, out)
        return out

    return make


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **options
    )


def snapshot(path):
    return making.snapshot(path) if path.is_dir() else path.read_bytes()


@pytest.mark.parametrize("form", Form)
def test_the_same_bundle_gives_the_same_bytes_and_stays_as_it_is(bundle, tmp_path, form):
    before = making.snapshot(bundle)
    copied = tmp_path / "elsewhere" / bundle.name
    shutil.copytree(bundle, copied)
    export(bundle, form, tmp_path / "first")
    export(copied, form, tmp_path / "second")
    assert snapshot(tmp_path / "first") == snapshot(tmp_path / "second")
    assert making.snapshot(bundle) == before


def test_the_forms_are_those_of_the_command_line():
    told = ormlab("archive", "export", "--help").stdout
    assert re.search(r"\[([a-z|-]+)\]", told)[1].split("|") == list(Form)
    assert set(exports._WRITERS) == set(Form)


@pytest.fixture(scope="module")
def crate_validator():
    """A Python that has the validator of RO-Crates, in an environment of its own."""
    return installed("roc-validator") / "python"


@pytest.fixture(scope="module")
def validated(bundle, crate_validator, tmp_path_factory):
    """What the validator says of a crate, and of one that names a file it does not hold."""
    crate = tmp_path_factory.mktemp("crates") / "crate"
    export(bundle, Form.RO_CRATE, crate)
    lacking = shutil.copytree(crate, crate.with_name("lacking"))
    (lacking / "inputs/plan.yaml").unlink()
    script = CHECKOUT / "tests/archive/validate_crate.py"
    return json.loads(run(crate_validator, script, crate, lacking).stdout)


def test_a_crate_is_valid_and_lacks_only_what_a_bundle_cannot_tell(validated):
    assert validated[0]["checks"] > 50
    found = {(issue["severity"], issue["says"]) for issue in validated[0]["issues"]}
    assert found == {("RECOMMENDED", f"The {says}") for says in UNTOLD}


def test_the_validator_notices_a_crate_that_names_a_file_it_lacks(validated):
    assert any("inputs/plan.yaml" in str(issue) for issue in validated[1]["issues"])


def test_a_crate_is_still_the_bundle_and_has_one_action_a_trial(exported, bundle):
    crate = exported(Form.RO_CRATE)
    assert verify(crate).ok
    graph = {each["@id"]: each for each in crate_of(crate)}
    files = {entry.path for entry in tree.scan(crate)}
    assert {each for each in graph if (crate / each).is_file()} == files
    opened = Bundle.open(bundle)
    actions = [each for each in graph.values() if each["@type"] == "CreateAction"]
    assert [each["@id"] for each in actions] == [f"#{t.record.id}" for t in opened.trials]
    for action in actions:
        assert {"@id": "inputs/plan.yaml"} in action["object"]
        parts = {part["@id"] for part in graph[action["result"]["@id"]]["hasPart"]}
        assert f"trials/{action['@id'][1:]}/trial.json" in parts


def test_a_failed_trial_is_an_action_that_failed(tmp_path):
    export(archives.measured(tmp_path, fail=2), Form.RO_CRATE, tmp_path / "crate")
    actions = [each for each in crate_of(tmp_path / "crate") if each["@type"] == "CreateAction"]
    ends = [action["actionStatus"].rpartition("/")[2] for action in actions]
    assert ends == [f"{end}ActionStatus" for end in ("Completed", "Failed", *["Completed"] * 2)]
    assert ["error" in action for action in actions] == [False, True, False, False]


def crate_of(folder):
    return json.loads((folder / "ro-crate-metadata.json").read_bytes())["@graph"]


def test_the_bag_is_valid_and_agrees_with_the_manifest(exported, bundle):
    bag = exported(Form.BAGIT)
    validate = (sys.executable, "-m", "bagit", "--validate", bag)
    run(*validate)
    run("sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt", cwd=bag)
    assert verify(bag / "data" / bundle.name).ok
    listed = dict(
        reversed(line.split(maxsplit=1))
        for line in (bag / "manifest-sha256.txt").read_text().splitlines()
    )
    for line in making.manifest_lines(bundle):
        digest, path = line.split("  ")
        assert listed[f"data/{bundle.name}/{path}"] == digest
    with (bag / f"data/{bundle.name}/README.md").open("a") as file:
        file.write(" ")
    with pytest.raises(subprocess.CalledProcessError):
        run(*validate)


def samples(path):
    """Every sample of an OpenMetrics file, as the reference parser reads it."""
    families = list(text_string_to_metric_families(path.read_text()))
    assert all(sample.timestamp is not None for each in families for sample in each.samples)
    return families


def expected_values(bundle):
    return {
        (row["metric"], row["trial"]): row["value"]
        for row in rows(Bundle.open(bundle))
        if row["value"] is not None
    }


def test_there_is_one_sample_for_each_trial_and_metric_in_base_units(exported, bundle):
    path = exported(Form.OPENMETRICS)
    assert path.read_bytes().endswith(b"# EOF\n")
    families = {family.name: family for family in samples(path)}
    trials = [t.record for t in Bundle.open(bundle).trials]
    found = {}
    for metric in METRICS:
        family = families[f"ormlab_{metric.name}_{UNITS[metric.unit].name}"]
        assert (family.type, family.unit) == ("gauge", UNITS[metric.unit].name)
        for sample in family.samples:
            key = (metric.name, sample.labels["trial"])
            assert key not in found
            found[key] = sample.value * UNITS[metric.unit].divisor
    assert found == pytest.approx(expected_values(bundle), rel=1e-12)
    told = families["ormlab_trial"].samples
    assert [sample.labels["trial"] for sample in told] == [trial.id for trial in trials]
    assert float(told[0].timestamp) == pytest.approx(trials[0].ended.timestamp(), abs=1e-6)
    (of_bundle,) = families["ormlab_bundle"].samples
    assert of_bundle.labels["seal"] == making.sha256((bundle / "SEAL.json").read_bytes())


def test_a_failed_trial_has_no_figures_and_is_there(tmp_path):
    export(archives.measured(tmp_path, fail=2), Form.OPENMETRICS, tmp_path / "run.om")
    families = {family.name: family for family in samples(tmp_path / "run.om")}
    assert len(families["ormlab_throughput_requests_per_second"].samples) == 3
    told = families["ormlab_trial"].samples[1].labels
    assert (told["status"], told["failure"]) == ("failed", "load")


def test_what_a_maker_wrote_into_a_label_comes_back_as_it_was(tmp_path):
    odd = archives.measured(tmp_path)
    recorded.edit(odd / "bundle.json", b'"demo"', json.dumps(ODD).encode())
    making.relist(odd)
    making.reseal(odd)
    export(odd, Form.OPENMETRICS, tmp_path / "run.om")
    families = {family.name: family for family in samples(tmp_path / "run.om")}
    assert families["ormlab_bundle"].samples[0].labels["plan"] == ODD


@pytest.mark.parametrize("form", Form)
def test_half_a_letter_in_a_name_breaks_no_export(tmp_path, form):
    odd = archives.measured(tmp_path)
    recorded.edit(odd / "bundle.json", b'"demo"', b'"\\ud800<&"')
    making.relist(odd)
    making.reseal(odd)
    export(odd, form, tmp_path / "out")
    assert (tmp_path / "out").exists()


def test_prometheus_takes_the_samples_in(exported, bundle, tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("promtool (Debian's prometheus) is not installed")
    path, database = exported(Form.OPENMETRICS), tmp_path / "tsdb"
    (database / "wal").mkdir(parents=True)  # without it promtool dumps nothing
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", path, database)
    series = run("promtool", "tsdb", "dump", database).stdout.splitlines()
    trials = len(Bundle.open(bundle).trials)
    assert len(series) == len(expected_values(bundle)) + trials + 1


def attestation(path):
    """A statement as in-toto's library reads it: with an unknown key it would raise."""
    statement = json_format.Parse(path.read_text(), statement_pb2.Statement())
    Statement.copy_from_pb(statement).validate()
    predicate = json.loads(path.read_bytes())["predicate"]
    return statement, json_format.Parse(json.dumps(predicate), test_result_pb2.TestResult())


def test_the_statement_is_over_the_seal_and_names_what_decided_the_run(exported, bundle):
    statement, result = attestation(exported(Form.IN_TOTO))
    (subject,) = statement.subject
    assert subject.name == f"{bundle.name}/SEAL.json"
    assert subject.digest["sha256"] == making.sha256((bundle / "SEAL.json").read_bytes())
    assert statement.predicate_type == "https://in-toto.io/attestation/test-result/v0.1"
    # The recorded host has two cores, which casts a doubt on some of its trials.
    whole = Bundle.open(bundle)
    doubted = {row["trial"] for row in rows(whole) if row["doubts"]}
    trials = [trial.record.id for trial in whole.trials]
    assert doubted
    for told, expected in (
        (result.passed_tests, [each for each in trials if each not in doubted]),
        (result.warned_tests, [each for each in trials if each in doubted]),
    ):
        named = [each.removeprefix("trials/") for each in told if each.startswith("trials/")]
        assert named == expected
    assert result.result == "WARNED"
    assert not result.failed_tests
    for each in result.configuration:
        assert each.digest["sha256"] == making.sha256((bundle / each.name).read_bytes())


def test_a_failed_trial_and_a_level_that_does_not_hold_fail_the_statement(tmp_path):
    export(archives.measured(tmp_path, fail=2), Form.IN_TOTO, tmp_path / "statement.json")
    _, result = attestation(tmp_path / "statement.json")
    assert result.result == "FAILED"
    # These bundles have no documents of a host, so they are not coherent.
    assert list(result.failed_tests) == [
        "verify/L2",
        "trials/002-asyncpg-null-read-one-article-b01",
    ]


@pytest.mark.parametrize("form", Form)
def test_nothing_is_replaced_and_nothing_is_left_of_a_refusal(bundle, tmp_path, form):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(EntryError, match="exists already"):
        export(bundle, form, taken)
    broken = recorded.copy(bundle, tmp_path / "broken")
    (broken / "README.md").write_text("changed")
    with pytest.raises(BundleError):
        export(broken, form, tmp_path / "out")
    with pytest.raises(BundleError, match="No such file"):
        export(bundle, form, tmp_path / "missing" / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "broken"}
    assert taken.read_text() == "mine"


def test_an_export_by_the_command_line(bundle, tmp_path):
    arguments = ("archive", "export", bundle, "--as", "in-toto", "-o", tmp_path / "a.json")
    assert ormlab(*arguments).stdout.strip() == str(tmp_path / "a.json")
    told = json.loads(ormlab(*arguments, "--json", code=2).stdout)
    assert told["problems"][0]["code"] == "export-exists"
