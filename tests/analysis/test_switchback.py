"""What the files of a trial under load that switches mean, and that they must agree."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis import generators
from bundle.documents.readings import TrialReadings
from bundle.read import Trial
from tests.bundle import making
from tests.switchback import Block
from workloads.load.client.histograms import Histogram

RATES = {"a": 1000.0, "a-null": 1000.0, "b": 500.0}


@pytest.fixture
def write(tmp_path):
    def block(**given):
        made = Block(RATES, **given)
        return made, made.write(tmp_path)

    return block


@pytest.fixture
def folder(write):
    return write()[1]["b"]


def edit(folder, change):
    path = folder / "switchback.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def edit_rows(folder, change):
    path = folder / "samples.parquet"
    columns = pq.read_table(path).to_pydict()
    change(columns)
    table = pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})
    pq.write_table(table, path, write_page_checksum=True)


def found(folder, *, failed=False):
    record = making.trial_record(0, failed=failed)
    return [(each.code, each.what) for each in generators.contradictions(Trial(folder, record))]


def test_the_figure_is_all_answers_over_the_time_of_all_slices(write):
    made, folders = write()
    for name, folder in folders.items():
        slices = made.reports[name].slices
        figures = generators.of(folder).figures
        assert figures.requests == sum(each.answers for each in slices)
        assert figures.window_s == pytest.approx(
            sum(each.stop_ns - each.start_ns for each in slices) / 1e9
        )
        assert figures.throughput == pytest.approx(RATES[name], rel=0.1)
        assert figures.span_ns == (slices[0].start_ns, slices[-1].stop_ns)
        assert figures.littles_ratio == pytest.approx(1, abs=0.05)
        assert figures.slice_s == made.slice_s


def test_what_was_long_due_when_a_slice_began_may_break_littles_law(folder):
    def long_due(rows):
        rows["sent_ns"][0] -= 1_000_000_000

    before = generators.of(folder).edge(None)
    edit_rows(folder, long_due)
    report = generators.of(folder).report
    second = 1 / (report.spec.connections * report.seconds)
    assert before < second <= generators.of(folder).edge(None)


def test_cpu_time_is_that_of_the_slices_and_unknown_if_one_lacks_it(write):
    def readings(subject, number):
        lacks = subject == "b" and number == 3
        return {"service_ns": 10_000_000, "database_ns": None if lacks else number * 1_000_000}

    made, folders = write(readings=readings)
    assert generators.of(folders["a"]).figures.cpu_s == {
        "service": pytest.approx(0.080),
        "database": pytest.approx(0.036),
        "load": pytest.approx(
            sum((each.stop_ns - each.start_ns) // 4 for each in made.reports["a"].slices) / 1e9
        ),
    }
    edit(folders["b"], lambda told: told["unread"].update(database_ns="a backend ended"))
    output = generators.of(folders["b"])
    assert output.figures.cpu_s["database"] is None
    assert output.unread == {"database": "a backend ended"}


def test_the_generator_is_as_busy_as_in_the_slices_of_the_subject(write):
    _, folders = write(readings=lambda *_: {"load_ns": 80_000_000})
    busy = generators.of(folders["a"]).busiest(1)
    assert busy == pytest.approx(80, rel=0.05)
    edit(folders["a"], lambda told: told["slices"][0].update(load_ns=None))
    assert generators.of(folders["a"]).busiest(1) == pytest.approx(25)


def test_a_silence_counts_within_slices_only(write):
    _, folders = write()
    output = generators.of(folders["b"])
    usual = output.silence(TrialReadings(), dict)
    # Others are asked for tenths of a second; b answers every 2 ms.
    assert usual.seconds < 0.01

    def stall(rows):
        third = [at for at, number in enumerate(rows["round"]) if number == 3]
        for at in third[: len(third) - 1]:
            rows["end_ns"][at] = rows["end_ns"][third[0]]

    edit_rows(folders["b"], stall)
    stalled = generators.of(folders["b"]).silence(TrialReadings(), dict)
    assert stalled.seconds == pytest.approx(0.1, rel=0.1)


def test_a_service_rests_between_the_slices_of_its_subject(write):
    made, folders = write(readings=lambda *_: {"rest_ns": 1_000_000, "service_ns": 50_000_000})
    rested_s = sum(each.rested_ns for each in made.reports["a"].slices) / 1e9
    resting = generators.of(folders["a"]).resting
    assert resting.percent == pytest.approx(100 * 0.008 / rested_s)
    assert resting.what == "2.0 % of what its slices used"
    edit(folders["a"], lambda told: told["slices"][1].update(rest_ns=None))
    assert generators.of(folders["a"]).resting == (None, "a slice lacks rest_ns")


def test_a_single_subject_has_no_rests(tmp_path):
    folders = Block({"a": 1000.0}).write(tmp_path)
    assert generators.of(folders["a"]).resting is None
    assert found(folders["a"]) == []


def test_foreign_load_counts_within_slices(write):
    _, folders = write(readings=lambda *_: {"foreign_ns": 10_000_000})
    assert generators.of(folders["a"]).foreign.percent == pytest.approx(10, rel=0.05)


def test_the_histogram_holds_every_answer_of_the_slices(write):
    _, folders = write()
    output = generators.of(folders["a"])
    assert output.unrecorded == {"service": 0}
    early = Histogram()
    early.add([1_000_000] * 10)
    (folders["a"] / "service.hdr").write_bytes(early.encode())
    assert generators.of(folders["a"]).unrecorded["service"] != 0


@pytest.mark.parametrize("seed", range(5))
def test_whole_files_contradict_nothing(write, seed):
    _, folders = write(seed=seed, connections=seed + 1)
    for folder in folders.values():
        assert found(folder) == []


def of_slice(**fields):
    return lambda told: told["slices"][2].update(fields)


def shifted(field, ns):
    def change(told):
        told["slices"][2][field] += ns

    return change


def swapped(told):
    told["slices"][2], told["slices"][3] = told["slices"][3], told["slices"][2]


@pytest.mark.parametrize(
    ("code", "words", "change"),
    [
        ("trial-status", "failed", lambda told: told["errors"].update(read=1)),
        ("generator-mismatch", "a window of", lambda told: told["window"].update(seconds=9.0)),
        ("generator-mismatch", "among the", lambda told: told["spec"].update(subject="c")),
        ("generator-mismatch", "by operation", lambda told: told["answers"]["read-user"].clear()),
        ("generator-mismatch", "due once", of_slice(round=2)),
        ("generator-mismatch", "due once", swapped),
        ("generator-mismatch", "due once", lambda told: told["slices"].pop(0)),
        ("generator-mismatch", "position 4", of_slice(position=4)),
        ("generator-mismatch", "position 0", of_slice(position=0)),
        ("generator-mismatch", "after None", of_slice(after=None)),
        ("generator-mismatch", "after c", of_slice(after="c")),
        ("generator-mismatch", "after b itself", of_slice(after="b", position=2)),
        ("generator-mismatch", "and drained at", shifted("stop_ns", -(10**9))),
        ("generator-mismatch", "and drained at", shifted("drained_ns", -(10**9))),
        ("generator-mismatch", "was drained", shifted("start_ns", -(10**9))),
        ("generator-mismatch", "at least", lambda told: told.update(slice_s=0.2)),
        ("generator-mismatch", "has none", of_slice(answers=0)),
        ("generator-mismatch", "less than no", of_slice(steal_ns=-1)),
        (
            "generator-mismatch",
            "foreign_ns is 0, and 5 over all hosts",
            of_slice(hosts={"app": {"steal_ns": 0, "foreign_ns": 5, "late_ns": 1}}),
        ),
        (
            "generator-mismatch",
            "after the window",
            lambda told: told["window"].update(stop_ns=told["window"]["start_ns"]),
        ),
        (
            "generator-mismatch",
            "values in service.hdr",
            lambda told: told["histograms"]["service"].update(total=1),
        ),
        ("samples-mismatch", "the samples give", of_slice(answers=7)),
        ("samples-mismatch", "in a slice from", shifted("stop_ns", 1)),
        ("samples-mismatch", "in a slice from", shifted("start_ns", 20_000_000)),
        ("samples-mismatch", "of no round", lambda told: told["slices"].pop()),
        (
            "samples-mismatch",
            "answers: ",
            lambda told: told["answers"]["read-user"].update({"200": 1, "404": 1}),
        ),
        ("littles-law", "waited at a time", lambda told: told["spec"].update(connections=2)),
        ("littles-law-low", "of the time", lambda told: told["spec"].update(connections=6)),
    ],
)
def test_a_report_that_says_otherwise_is_found(folder, code, words, change):
    edit(folder, change)
    assert any(code == kind and words in what for kind, what in found(folder)), found(folder)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("status", 500, "answers: "),
        ("round", 99, "of no round"),
        ("end_ns", 0, "before its request"),
        ("sent_ns", 10**12, "before its request"),
    ],
)
def test_a_sample_that_says_otherwise_is_found(folder, column, value, words):
    edit_rows(folder, lambda rows: rows[column].__setitem__(50, value))
    kinds = found(folder)
    assert any(code == "samples-mismatch" and words in what for code, what in kinds), kinds


def test_a_block_that_ended_before_its_first_slice_can_be_read(folder):
    def emptied(told):
        told.update(slices=[], answers={"read-user": {}})
        told["histograms"]["service"]["total"] = 0

    edit(folder, emptied)
    path = folder / "samples.parquet"
    schema = pq.read_schema(path)
    pq.ParquetWriter(path, schema).close()  # without a row group, as the lab writes no rows
    (folder / "service.hdr").write_bytes(Histogram().encode())
    output = generators.of(folder)
    figures = output.figures
    assert (figures.requests, figures.throughput, figures.span_ns) == (0, 0.0, None)
    assert (figures.littles_ratio, output.busiest(1)) == (None, None)
    assert output.silence(TrialReadings(), dict).seconds == 0
    assert found(folder) == []


def test_a_trial_of_which_something_failed_may_have_errors(folder):
    edit(folder, lambda told: told["errors"].update(read=1))
    assert "trial-status" not in {code for code, _ in found(folder, failed=True)}


def test_a_histogram_of_other_latencies_is_found(folder):
    rows = generators.of(folder).report.samples.rows
    other = Histogram()
    other.add([1_000_000] * rows)
    (folder / "service.hdr").write_bytes(other.encode())
    assert any("another way" in what for _, what in found(folder))


def test_a_report_of_more_subjects_than_a_plan_can_have_is_not_read(folder):
    edit(folder, lambda told: told["spec"]["subjects"].extend(f"s{n}" for n in range(98)))
    ((code, what),) = found(folder)
    assert code == "generator-unreadable"
    assert "length <= 100" in what
