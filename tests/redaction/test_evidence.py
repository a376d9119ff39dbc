"""Masking destroys no evidence: whoever the user is and whatever the host is called.

The files of a real bundle are masked for hosts and users of every name. What generators and
services have written keeps its bytes, and a document keeps its keys, numbers and lengths.
"""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import msgspec
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent import owner
from agent.answers import Done
from analysis.figures import read as read_figures
from analysis.generators.wrk import dump as wrk
from bundle.codec import serialise
from bundle.documents.failure import Failure
from bundle.documents.host import Seeded, Server
from bundle.documents.readings import TrialReadings
from bundle.instants import TrialTimes
from bundle.unpack import unpack
from ormlab.base.errors import LoadError
from ormlab.judging import judge
from ormlab.plan import Planned
from ormlab.run import measurement, resume
from ormlab.run.measure import redaction
from ormlab.run.measure.redaction import Redactor, declared
from ormlab.run.measure.session import Carried
from ormlab.run.stages import Run
from tests.bundle import making
from tests.redaction.test_redactor import shape
from tests.verify.recorded import ARCHIVE, WRK

PASSWORD = "dEadb33f-dEadb33f-dEadb33f-dEadb"
EVIDENCE = (
    *("wrk.json", "wrk.stdout.txt", "client.json", "sql.json", "answers.json"),
    *(".http", ".parquet", ".hdr"),
)
WORDS = (
    # of wrk's text, of JSON, of the record; what a user may be called
    *("Running", "threads", "connections", "Latency", "requests", "test", "wrk", "read"),
    *("true", "null", "ok", "completed", "service", "tortoise", "python", "packages", "x"),
    *("GET", "id", "a.b", "a*b", "(", "[redacted name]", "name", "redacted", "AMD", "tsc", "utf-8"),
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return unpack(ARCHIVE, tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def files(recorded):
    """The content of each kind of file of a bundle, by a path of that kind."""
    kinds = {}
    for path in sorted(recorded.rglob("*")):
        if path.is_file():
            inside = path.relative_to(recorded)
            kinds.setdefault((inside.parts[0], path.name), (str(inside), path.read_bytes()))
    return dict(kinds.values())


def assert_nothing_is_lost(redactor, path, data):
    cleaned = redactor.clean(path, data)
    if path.startswith("inputs/") or path.endswith(EVIDENCE):
        assert cleaned == data, path
    elif path.endswith(".json"):
        assert shape(json.loads(cleaned)) == shape(json.loads(data)), path
    elif path.endswith(".zst"):
        zstandard.ZstdDecompressor().decompressobj().decompress(cleaned)
    assert redactor.clean(path, cleaned) == cleaned, path


@settings(max_examples=60, deadline=None)
@example("test", "wrk")
@example("requests", "threads")
@given(st.sampled_from(WORDS) | st.text(min_size=1, max_size=8), st.sampled_from(WORDS))
def test_whoever_the_user_is_the_evidence_keeps_its_bytes_and_documents_their_keys(
    files, user, host
):
    known = {"name": [user, host, f"{host}.{user}"], "home folder": [f"/home/{user}", f"/{host}"]}
    redactor = Redactor().knowing(known)
    for path, data in files.items():
        assert_nothing_is_lost(redactor, path, data)


@pytest.mark.parametrize(
    "known",
    [
        {"home folder": ["/"]},
        {"lab folder": ["/lab"]},
        {"lab folder": ["/users"]},  # a path of the services, too
        {"address": ["::", "0.0.0.0", "127.0.0.1", "::1", "00:00:00:00:00:00"]},
        {"address": ["3.14.5", "10.0.0.1", "2.1.9", "1"]},
        {"address": ["wrk", "asyncpg", "tortoise"]},
        {"name": ["TORTOISE", "Service", "ok"]},
    ],
    ids=lambda known: str(*known.values()),
)
def test_places_and_addresses_of_a_host_change_no_evidence(files, known):
    redactor = Redactor().knowing(known)
    for path, data in files.items():
        assert_nothing_is_lost(redactor, path, data)


def test_a_bundle_that_is_masked_gives_the_results_that_it_gave(recorded, tmp_path):
    masked = shutil.copytree(recorded, tmp_path / recorded.name)
    known = {"name": ["requests", "threads", "read-one", "AMD"], "lab folder": ["/users"]}
    Redactor().knowing(known).clean_folder(masked)
    bundles = [SimpleNamespace(path=path) for path in (recorded, masked)]
    for bundle in bundles:
        opened = judge.open_sealed(recorded)
        bundle.record, bundle.seal = opened.record, opened.seal
        bundle.trials = [
            SimpleNamespace(record=each.record, path=bundle.path / "trials" / each.path.name)
            for each in opened.trials
        ]
    assert len({judge.derive(bundle).files()["results.json"] for bundle in bundles}) == 1


def test_a_variable_is_no_secret_by_its_name(monkeypatch):
    for name in ("CACHE_KEY", "ORM_TOKEN", "DB_PASSWORD", "AWS_SECRET", "CREDENTIALS"):
        monkeypatch.setenv(name, "python")
    assert "python" not in {
        each for values in msgspec.structs.astuple(owner.collect()) for each in values
    }


def test_a_key_is_no_place_for_a_name_nor_is_a_field_that_is_no_sentence():
    document = {"alice": {"packages": {"alice": "alice"}}, "python": {"alice": True}, "n": None}
    redactor = Redactor().knowing({"name": ["alice", "true", "null"], "secret": [PASSWORD]})
    data = json.dumps(document).encode()
    assert redactor.clean("services/a/stack.json", data) == data


def test_a_user_whom_no_file_names_is_read_all_the_same(monkeypatch):
    monkeypatch.setattr(owner.os, "getuid", lambda: 4_000_000_000)
    assert owner.collect().names[0]


@pytest.fixture
def carried_out(recorded, tmp_path):
    """Keep and judge a trial as a run does: what it left, its host and its failure are given."""
    told = json.loads((recorded / WRK / "trial.json").read_bytes())
    planned = Planned(**{k: told[k] for k in ("index", "block", "subject", "workload", "load")})
    context = measurement.gates.Context.read(recorded)
    raw = shutil.copytree(recorded / WRK, tmp_path / "raw")
    used = pq.read_table(raw / "resources.parquet")
    pyarrow.csv.write_csv(used, raw / "resources.csv")

    def carry_out(redactor, failure=None):
        done = Done(
            started=told["started"],
            ended=told["ended"],
            failure=failure,
            ended_by_force=[],
            observed=msgspec.convert(told["readings"], TrialReadings),
        )
        carried = {planned: Carried((raw,), done)}
        session = SimpleNamespace(redactor=redactor, carry_out=lambda _: carried, beat=lambda: None)
        with making.new_writer(tmp_path) as writer:
            run = Run(session, writer, None)
            times = TrialTimes(writer.folder, writer.created)
            judged = measurement._carry_out(run, [planned], context, times)
        figures, failed = judged[planned]
        return figures, failed, writer.folder / WRK

    return raw, carry_out


def test_a_trial_is_judged_by_the_bytes_that_the_bundle_holds(recorded, carried_out):
    _, carry_out = carried_out
    known = {"name": ["requests", "threads", "Latency"], "lab folder": ["/users"]}
    figures, failure, folder = carry_out(Redactor().knowing(known))
    assert failure is None
    told = json.loads((recorded / WRK / "trial.json").read_bytes())
    readings = msgspec.convert(told["readings"], TrialReadings)
    assert figures == read_figures(recorded / WRK, readings)
    assert (folder / "wrk.stdout.txt").read_bytes() == (
        recorded / WRK / "wrk.stdout.txt"
    ).read_bytes()


def test_a_drawn_secret_in_what_a_generator_left_fails_the_trial_and_is_masked(carried_out):
    raw, carry_out = carried_out
    with (raw / "wrk.stdout.txt").open("a") as text:
        text.write(f"{PASSWORD}\n")
    _, failure, folder = carry_out(Redactor().knowing({"secret": [PASSWORD]}))
    assert failure.code == "secret-leaked"
    assert "stood in wrk.stdout.txt" in failure.what
    assert json.loads((folder / "trial.json").read_bytes())["failure"]["code"] == failure.code
    assert not [p for p in folder.iterdir() if PASSWORD.encode() in p.read_bytes()]
    (said,) = declared(folder)
    assert (said.path, said.counts) == ("wrk.stdout.txt", {"secret": 1})


def test_a_drawn_secret_in_what_a_service_said_ends_the_run(tmp_path):
    session = SimpleNamespace(redactor=Redactor().knowing({"secret": [PASSWORD]}))
    with making.new_writer(tmp_path) as writer:
        run = Run(session, writer, None)
        with pytest.raises(LoadError) as refused:
            run.add({"services/asyncpg/sql.json": f'{{"sql": "{PASSWORD}"}}'.encode()})
    assert refused.value.code == "secret-leaked"
    assert refused.value.where == "services/asyncpg/sql.json"
    assert PASSWORD not in str(refused.value.record())
    assert not (writer.folder / "services").exists()


def test_the_failure_of_a_trial_is_masked_in_its_sentences_but_not_in_its_code(carried_out):
    _, carry_out = carried_out
    told = Failure(
        code="service-died",
        what="service-died: alice said so, 10.1.2.3",
        where="/srv/alice/runs/1",
        hint="alice",
    )
    known = {"name": ["alice", "service-died"], "lab folder": ["/srv/alice"]}
    _, failure, folder = carry_out(Redactor().knowing(known | {"address": ["10.1.2.3"]}), told)
    assert failure.code == "service-died"
    kept = json.loads((folder / "trial.json").read_bytes())["failure"]
    assert kept == {
        "code": "service-died",
        "what": "[redacted name]: [redacted name] said so, [redacted address]",
        "where": "[redacted lab folder]/runs/1",
        "hint": "[redacted name]",
    }


@pytest.mark.parametrize(
    ("name", "document", "masked"),
    [
        ("client.json", {"spec": {"host": "10.1.2.3", "seed": 1}}, {"host": "[redacted address]"}),
        ("article.json", {"spec": {"url": "http://10.1.2.3:18080"}}, {}),
        ("capacity.json", {"spec": {"client": {"host": "10.1.2.3"}}}, {}),
    ],
)
def test_of_a_generators_document_only_the_address_that_the_lab_gave_it_is_masked(
    name, document, masked
):
    redactor = Redactor().knowing({"address": ["10.1.2.3"], "name": ["alice"]})
    document |= {"errors": {"10.1.2.3": 0}, "latency": [1.5, "10.1.2.3"], "alice": "alice"}
    cleaned = json.loads(redactor.clean(f"trials/a/{name}", json.dumps(document).encode()))
    assert "10.1.2.3" not in json.dumps(cleaned["spec"])
    assert {k: v for k, v in cleaned.items() if k != "spec"} == {
        k: v for k, v in document.items() if k != "spec"
    }
    assert masked.items() <= cleaned["spec"].items()


def test_wrks_text_with_the_masked_address_of_another_host_is_still_wrks_text(recorded):
    text = (recorded / WRK / "wrk.stdout.txt").read_text()
    dump = (recorded / WRK / "wrk.json").read_bytes()
    apart = text.replace("127.0.0.1", "10.1.2.3")
    redactor = Redactor().knowing({"address": ["10.1.2.3"]})
    masked = redactor.clean("wrk.stdout.txt", apart.encode()).decode()
    assert masked.splitlines()[1:] == text.splitlines()[1:]
    assert "@ http://[redacted address]:" in masked.splitlines()[0]
    assert wrk.read(masked, dump) == wrk.read(text, dump)


def test_what_is_masked_does_not_keep_a_run_from_being_resumed(tmp_path):
    settings = {"archive_command": "/srv/alice/lab/copy %p"}
    made = Server(version="16.11", settings=settings, made=True)
    seeded = Seeded(schema="ormlab-seed/1", database="d", digest="0" * 64, rows={}, checksums={})
    redactor = Redactor().knowing({"lab folder": ["/srv/alice/lab"]})
    (tmp_path / "host").mkdir()
    for document in (made, seeded):
        kept = redactor.clean(document.PATH, serialise(document))
        assert b"alice" not in kept
        (tmp_path / document.PATH).write_bytes(kept)
    databases = {"postgresql": SimpleNamespace(kind="postgresql", running=made)}
    site = SimpleNamespace(resolved=SimpleNamespace(subjects={}))
    session = SimpleNamespace(redactor=redactor, databases=databases, seeded=seeded, site=site)
    resume.require_same_make(tmp_path, session)


def test_credentials_in_a_patch_of_the_source_are_masked_as_often_as_it_is_made():
    patch = b"+TOKEN = ghp_" + b"a" * 36 + b"\n+KEY = 1\n-\xff\n"
    masked = redaction.without_credentials(patch)
    assert masked == b"+TOKEN = [redacted secret]\n+KEY = 1\n-\xff\n"
    assert redaction.without_credentials(masked) == masked


def test_it_is_counted_how_often_what_was_masked_in_each_file(tmp_path):
    redactor = Redactor().knowing({"name": ["alice"], "address": ["10.1.2.3"]})
    (tmp_path / "service.log").write_text("alice, alice and ALICE at 10.1.2.3")
    (tmp_path / "wrk.stdout.txt").write_text("alice")
    redactor.clean_folder(tmp_path)
    (said,) = declared(tmp_path)
    assert (said.path, said.counts) == ("service.log", {"address": 1, "name": 3})


def test_how_a_client_failed_is_a_sentence_in_its_document():
    known = {"address": ["10.0.0.7"], "lab folder": ["/home/alice/lab"], "name": ["alice"]}
    told = {"failure": {"code": "connect", "what": "refused", "where": "10.0.0.7:18180"}}
    cleaned = json.loads(Redactor().knowing(known).clean("client.json", json.dumps(told).encode()))
    assert cleaned["failure"]["where"] == "[redacted address]:18180"
    assert cleaned["failure"]["code"] == "connect"


def test_the_environment_of_programs_names_no_user():
    known = {"name": ["alice"], "home folder": ["/home/alice"]}
    told = {"facts": {"environment": {"service": {"TMPDIR": "/scratch/alice", "TZ": "UTC"}}}}
    data = json.dumps(told).encode()
    cleaned = json.loads(Redactor().knowing(known).clean("host/facts.before.json", data))
    assert cleaned["facts"]["environment"]["service"] == {
        "TMPDIR": "/scratch/[redacted name]",
        "TZ": "UTC",
    }
