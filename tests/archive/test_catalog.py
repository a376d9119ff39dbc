"""The catalog: what the bundles say, the same bytes again, and questions that reach no further."""

from __future__ import annotations

import os
import random
import shutil

import pyarrow.parquet as pq
import pytest

from analysis.metrics import METRICS
from analysis.trend import FEWEST, change_points
from bundle.errors import VerificationError
from ormlab.archive import catalog
from ormlab.archive.catalog import build, load
from ormlab.archive.errors import EntryError, MismatchError
from ormlab.archive.keep import add
from ormlab.archive.query import query, trend
from tests.archive import making as archives
from tests.bundle import making

RATES = (1000, 1010, 1005, 995, 500, 505, 495, 500)
STEP = 4  # the position at which the rate changes


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """An archive of bundles with figures, one a day; its catalog is built."""
    parent = tmp_path_factory.mktemp("catalog")
    for day, rate in enumerate(RATES):
        add(archives.measured(parent / "bundles", day=day, rate=rate), parent / "archive")
    build(parent / "archive")
    return parent / "archive"


@pytest.fixture
def folder(tmp_path):
    """A small archive of one's own: one bundle, one of its trials failed."""
    return add(archives.measured(tmp_path / "bundles", fail=2), tmp_path / "archive").path.parent


def ask(folder, sql):
    return query(folder, sql).rows


def test_there_is_one_row_for_each_trial_and_metric(kept):
    assert ask(kept, "SELECT count(*) FROM trials") == ((len(RATES) * 4 * len(METRICS),),)
    assert set(ask(kept, "SELECT DISTINCT metric, unit FROM trials")) == {
        (metric.name, metric.unit) for metric in METRICS
    }
    sql = "SELECT max(n) FROM (SELECT count(*) n FROM trials GROUP BY bundle, trial, metric)"
    assert ask(kept, sql) == ((1,),)


def test_a_row_says_where_its_value_comes_from(kept):
    sql = (
        "SELECT bundle, created, host, tier, plan, plan_sha256, subject, service, stack, workload,"
        " load, block, status, unit, value FROM trials WHERE metric = 'throughput' LIMIT 2"
    )
    first, second = ask(kept, sql)
    assert first[0] == making.NAME
    assert first[1] == making.CREATED
    assert first[2:6] == ("7" * 64, "degraded", "demo", making.PLAN_SHA256)
    assert first[6:] == (
        *("asyncpg", "asyncpg", "current", "read-one", "article", 1, "completed", "req/s"),
        1001.0,
    )
    assert second[6:9] == ("asyncpg-null", "asyncpg", "current")


def test_a_failed_trial_stays_with_its_reason_and_no_values(folder):
    build(folder)
    what = "SELECT trial, failure, count(value), count(*) FROM trials"
    sql = f"{what} WHERE status = 'failed' GROUP BY ALL"
    assert ask(folder, sql) == (("002-asyncpg-null-read-one-article-b01", "load", 0, len(METRICS)),)


def test_a_trial_that_todays_analysis_cannot_read_says_so(tmp_path):
    folder = tmp_path / "archive"
    add(making.sealed(tmp_path / "bundles", trials=1), folder)
    build(folder)
    sql = "SELECT DISTINCT status, failure, value, tier FROM trials"
    assert ask(folder, sql) == (("completed", "figures-unreadable", None, None),)


@pytest.mark.parametrize(
    "odd", [None, [], 7, {"plan": []}, {"plan": {"subjects": {"asyncpg": 1}}}, {"placement": {}}]
)
def test_what_a_plan_or_facts_do_not_tell_in_a_known_form_is_null(tmp_path, odd):
    folder = tmp_path / "archive"
    add(archives.measured(tmp_path / "bundles", plan=odd, facts=odd), folder)
    build(folder)
    sql = "SELECT DISTINCT subject, service, stack, tier FROM trials ORDER BY ALL"
    assert ask(folder, sql) == tuple((name, None, None, None) for name in archives.SUBJECTS)


def test_the_same_bundles_give_the_same_bytes(kept, tmp_path, monkeypatch):
    before = (kept / "catalog.parquet").read_bytes()
    shutil.copytree(kept, tmp_path / "copy")
    os.utime(tmp_path / "copy/index.jsonl", (0, 0))
    assert build(tmp_path / "copy").sha256 == making.sha256(before)
    built = []
    for order in (range(len(RATES)), reversed(range(len(RATES)))):
        folder = tmp_path / f"archive-{len(built)}"
        for day in order:
            add(archives.measured(tmp_path / f"b{len(built)}", day=day, rate=RATES[day]), folder)
        build(folder)
        built.append(pq.read_table(folder / "catalog.parquet").replace_schema_metadata())
    assert built[0] == built[1]
    # Where a row group ends must not depend on where a bundle does.
    monkeypatch.setattr(catalog, "_GROUP", 50)
    build(tmp_path / "copy")
    groups = pq.ParquetFile(tmp_path / "copy/catalog.parquet").metadata
    sizes = [groups.row_group(number).num_rows for number in range(groups.num_row_groups)]
    assert sizes == [50] * (len(sizes) - 1) + [groups.num_rows - 50 * (len(sizes) - 1)]
    assert pq.read_table(tmp_path / "copy/catalog.parquet").equals(
        pq.read_table(kept / "catalog.parquet")
    )


def test_nothing_in_it_says_when_it_was_built(kept):
    told = pq.read_schema(kept / "catalog.parquet").metadata
    assert set(told) == {b"ormlab.schema", b"ormlab.index"}


def test_a_damaged_bundle_is_not_catalogued_and_the_old_catalog_stays(folder):
    build(folder)
    before = making.snapshot(folder)
    plan = folder / making.NAME / "inputs/plan.yaml"
    kept = plan.read_bytes()
    plan.write_text("changed")
    with pytest.raises(VerificationError):
        build(folder)
    plan.write_bytes(kept)
    assert making.snapshot(folder) == before


def test_a_flipped_bit_of_the_catalog_is_noticed(folder):
    build(folder)
    path = folder / "catalog.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(MismatchError, match="cannot be read"):
        load(folder)


def test_a_catalog_that_is_older_than_the_index_says_so(folder, tmp_path):
    build(folder)
    assert query(folder, "SELECT 1").fresh
    add(archives.measured(tmp_path / "bundles", day=1), folder)
    assert not query(folder, "SELECT 1").fresh


def test_a_catalog_that_was_not_built_is_missing(folder):
    with pytest.raises(EntryError, match="no catalog"):
        query(folder, "SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM '{path}'",
        "SELECT * FROM glob('{path}')",
        "COPY trials TO '{path}'",
        "ATTACH '{path}'",
        "INSTALL httpfs",
        "DROP TABLE trials",
        "INSERT INTO trials SELECT * FROM trials",
        "SET lock_configuration = false",
        "SELECT 1; SELECT 2",
        "SELECT * FROM table",
        "SELECT nothing FROM trials",
        "no SQL",
        "",
    ],
)
def test_a_query_reads_the_table_and_nothing_else(kept, tmp_path, sql):
    target = tmp_path / "target.csv"
    target.write_text("a\n1\n")
    with pytest.raises(EntryError):
        query(kept, sql.format(path=target))
    assert target.read_text() == "a\n1\n"


def test_a_change_of_level_is_found_at_its_bundle(kept):
    (series,) = trend(kept, "throughput", "asyncpg")
    assert (series.workload, series.load, series.tier) == ("read-one", "article", "degraded")
    assert [point.value for point in series.points] == [rate + 2 for rate in RATES]
    assert [n for n, point in enumerate(series.points) if point.changed] == [STEP]
    assert trend(kept, "throughput", "asyncpg", workload="read-one", load="article") == (series,)


def test_what_is_not_in_the_catalog_has_no_trend(kept):
    for asked in ({"metric": "no"}, {"subject": "no"}, {"workload": "no"}):
        with pytest.raises(EntryError, match="no trial"):
            trend(kept, **({"metric": "throughput", "subject": "asyncpg"} | asked))


def test_noise_alone_seldom_changes_the_level():
    """Of 100 series of 30 values without a step, at most one in twenty is said to have one."""
    noise = random.Random(20261123)
    series = [[noise.lognormvariate(7, 0.02) for _ in range(30)] for _ in range(100)]
    assert sum(bool(change_points(each)) for each in series) <= 5


def test_a_step_of_five_deviations_is_found_where_it_is():
    noise = random.Random(20261123)
    for _ in range(30):
        before = [noise.lognormvariate(7, 0.02) for _ in range(15)]
        after = [noise.lognormvariate(7.1, 0.02) for _ in range(15)]
        assert any(abs(place - 15) <= 1 for place in change_points([*before, *after]))


def test_too_few_values_have_no_change_points():
    assert change_points([1.0, 2.0] * (FEWEST // 2 - 1) + [9.0]) == ()
    assert change_points([5.0] * 20) == ()
