"""The history of an ORM, in Prometheus and on the pages of the site, from runs that were judged."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from bundle.documents.results import Verdict
from ormlab.archive import history
from ormlab.archive.catalog import build as build_catalog
from ormlab.archive.errors import EntryError
from ormlab.archive.exports import backfill
from ormlab.archive.keep import add
from ormlab.archive.query import query
from ormlab.archive.runs import read_runs
from ormlab.archive.site import build
from ormlab.cli.metrics import served
from ormlab.cli.options import ListenAddress
from ormlab.judging import judge
from tests import browser as browsers
from tests.archive import releases
from tests.archive.releases import BLOCKS, FIRST, RELEASES, SLIGHTLY, SLOWER
from tests.browser import in_browser
from tests.cli.inside import ormlab
from tests.conftest import CHECKOUT, free_port

MONITORING = CHECKOUT / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana").glob("*.json"))
RUNS = len(RELEASES) - 1
THROUGHPUT = "ormlab_throughput_median_requests_per_second"
PATIENCE_S = 60
in_prometheus = pytest.mark.skipif(
    not (shutil.which("promtool") and shutil.which("prometheus")),
    reason="Prometheus (Debian's prometheus) is not installed",
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Sixteen runs, each of a release and the one before it."""
    parent = tmp_path_factory.mktemp("releases")
    releases.archive(parent / "archive", parent / "bundles")
    return parent / "archive"


@pytest.fixture(scope="module")
def told(archive):
    return history.read(archive, read_runs(archive))


@pytest.fixture(scope="module")
def file(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("metrics") / "history.om"
    printed = ormlab("catalog", "metrics", "--archive", archive, "-o", out)
    assert f"of {RUNS} runs" in printed.stdout
    return out


@pytest.fixture(scope="module")
def families(file):
    """By name, as the reference parser reads them."""
    return {family.name: family for family in text_string_to_metric_families(file.read_text())}


def test_every_sample_is_in_the_format_without_exemplars_and_at_its_run(file, families):
    assert file.read_bytes().endswith(b"# EOF\n")
    began = {(FIRST + timedelta(days=day)).timestamp() for day in range(RUNS)}
    for family in families.values():
        assert family.type == "gauge"
        assert family.name.endswith(family.unit)
        for sample in family.samples:
            assert sample.exemplar is None
            assert float(sample.timestamp) in began


def test_a_figure_has_its_release_and_its_interval_and_the_null_control_beside_it(families, told):
    figures = [each for each in told.figures if each.metric == "throughput"]
    assert len(figures) == 3 * RUNS
    for part in ("median", "low", "high"):
        samples = families[f"ormlab_throughput_{part}_requests_per_second"].samples
        assert len(samples) == len(figures)
        assert sum(sample.labels["arm"] == "null" for sample in samples) == RUNS
    assert set(backfill.FIGURE) == set(families[THROUGHPUT].samples[0].labels)
    slower = {
        float(sample.timestamp): sample.value
        for sample in families[THROUGHPUT].samples
        if sample.labels["release"] == SLOWER and not sample.labels["arm"]
    }
    expected = {
        each.created.timestamp(): each.value
        for each in figures
        if each.release == SLOWER and not each.arm
    }
    assert slower == expected
    assert len(slower) == 2  # against the release before, and the release after


def test_a_comparison_has_the_ratio_that_was_judged_and_exactly_one_verdict(families, told):
    ratios = families["ormlab_comparison_ratio"].samples
    assert len(ratios) == len(told.compared)
    verdicts = families["ormlab_comparison_verdict"].samples
    assert len(verdicts) == len(told.compared) * len(Verdict)
    assert sum(sample.value for sample in verdicts) == len(told.compared)
    given = {
        sample.labels["release"]: sample.labels["verdict"]
        for sample in verdicts
        if sample.value and sample.labels["metric"] == "throughput"
    }
    assert {release for release, verdict in given.items() if verdict == "SLOWER"} == {
        SLOWER,
        SLIGHTLY,
    }
    beyond = {
        sample.labels["release"]
        for sample in families["ormlab_comparison_beyond_margin"].samples
        if sample.value
    }
    assert beyond == {SLOWER}


def test_releases_are_compared_only_where_nothing_else_differs(told):
    first = told.compared[0]
    assert first.is_of_releases
    other = {
        "orm": ("sqlalchemy", "tortoise-orm 2.0.4", "none", None),
        "driver": ("asyncpg 0.31.0",),
        "interpreter": ("CPython 3.12.0", None),
    }
    for part, values in other.items():
        for value in values:
            parts = {key: getattr(first.baseline, key) for key in first.baseline.__struct_fields__}
            changed = type(first.baseline)(**(parts | {part: value}))
            assert not replaced(first, baseline=changed).is_of_releases, value
    assert not replaced(first, baseline=first.candidate).is_of_releases
    assert not replaced(first, baseline=None).is_of_releases
    assert not replaced(first, same_settings=False).is_of_releases


def test_releases_with_other_settings_are_subjects(tmp_path):
    """A pool of another size may be what makes the difference."""
    bundles = tmp_path / "bundles"
    made = {
        pool: releases.compared(bundles, *RELEASES[:2], day=day, noise=random.Random(1), pool=pool)
        for day, pool in enumerate((None, 5))
    }
    for bundle in made.values():
        judge.judge(bundle)
        add(bundle, tmp_path / "archive")
    build_catalog(tmp_path / "archive")
    found = history.read(tmp_path / "archive", read_runs(tmp_path / "archive"))
    told = {each.bundle: each.is_of_releases for each in found.compared}
    assert told == {made[None].name: True, made[5].name: False}


def replaced(compared, **changes):
    return type(compared)(**(vars(compared) | changes))


def test_the_catalog_knows_what_each_subject_and_each_arm_is_made_of(archive):
    sql = (
        "SELECT DISTINCT declared, orm, release, driver, interpreter, host_class FROM trials "
        f"WHERE subject = 'sqlalchemy-{SLOWER}-null'"
    )
    made = ("sqlalchemy", SLOWER, "asyncpg 0.32.0", "CPython 3.13.0", "virtual, degraded")
    assert query(archive, sql).rows == ((f"sqlalchemy-{SLOWER}", *made),)


def test_a_run_without_results_keeps_its_figures_and_is_counted(archive, tmp_path):
    copied = shutil.copytree(archive, tmp_path / "archive")
    run = next(copied.glob("*Z-*"))
    shutil.rmtree(run / "derived")
    out = tmp_path / "history.om"
    printed = json.loads(
        ormlab("catalog", "metrics", "--archive", copied, "-o", out, "--json").stdout
    )
    assert (printed["runs"], printed["unjudged"]) == (RUNS, 1)
    found = {family.name: family for family in text_string_to_metric_families(out.read_text())}
    assert len(found[THROUGHPUT].samples) == 3 * RUNS
    shutil.rmtree(run)
    ormlab("catalog", "metrics", "--archive", copied, "-o", out)
    found = {family.name: family for family in text_string_to_metric_families(out.read_text())}
    assert len(found[THROUGHPUT].samples) == 3 * (RUNS - 1)


def test_an_earlier_file_is_replaced_and_a_folder_never(told, tmp_path):
    (tmp_path / "history.om").write_text("old")
    backfill.store(told, tmp_path / "history.om")
    assert (tmp_path / "history.om").read_bytes().endswith(b"# EOF\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(EntryError, match="folder"):
        backfill.store(told, tmp_path / "folder")
    assert (tmp_path / "folder").is_dir()


@dataclass(frozen=True)
class Prometheus:
    """A server that took in the history, and scrapes a run that is going on."""

    address: str

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}") as answer:
            return json.load(answer)["data"]

    def at(self, expr, instant):
        """The series that an expression gives at an instant, with their values."""
        found = self.get("query", query=expr, time=instant.timestamp())["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def over(self, expr, start, end, step_s):
        found = self.get("query_range", query=expr, start=start, end=end, step=step_s)["result"]
        return [(each["metric"], each["values"]) for each in found]


@pytest.fixture(scope="module")
def prometheus(file, tmp_path_factory):
    folder, port, live = tmp_path_factory.mktemp("prometheus"), free_port(), free_port()
    for _ in ("first", "again"):
        run("promtool", "tsdb", "create-blocks-from", "openmetrics", file, folder / "data")
    config = {
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(MONITORING / "prometheus/alerts.yml")],
        "scrape_configs": [
            {"job_name": "run", "static_configs": [{"targets": [f"127.0.0.1:{live}"]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    command = [
        *("prometheus", f"--config.file={folder}/prometheus.yml"),
        *(f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=100y"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = (folder / "log").open("w")
    with log, live_run(live), subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            ready = f"http://127.0.0.1:{port}/-/ready"
            awaited(lambda: server.poll() is None and answers(ready), folder / "log")
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


@contextmanager
def live_run(port):
    """A run of which two trials have ended."""
    silent = SimpleNamespace(**dict.fromkeys(("stage", "warn", "note", "trial"), lambda _: None))
    with served(ListenAddress("127.0.0.1", port), silent) as progress:
        progress.stage("measuring: 4 trials")
        progress.warn("PostgreSQL had ended and was started again")
        for status in ("ok", "load"):
            trial = SimpleNamespace(subject="a", workload="read-one", load="wrk")
            figures = SimpleNamespace(throughput=1000.0, latency_ms={"p50": 2.0})
            progress.trial(
                SimpleNamespace(
                    trial=trial,
                    total=4,
                    figures=figures if status == "ok" else None,
                    status=status,
                    eta_s=60.0,
                )
            )
        yield


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, **options
    )


def answers(address):
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def awaited(condition, log=None):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log else "it never came")


@in_prometheus
def test_promtool_finds_nothing_to_complain_of(file):
    said = run("promtool", "check", "metrics", input=file.read_text())
    assert said.stdout + said.stderr == ""


@in_prometheus
def test_a_complaint_of_promtool_is_one():
    """The check above reads what it is given."""
    with pytest.raises(subprocess.CalledProcessError):
        run("promtool", "check", "metrics", input="a_milliseconds 1\n")


@in_prometheus
def test_every_sample_of_the_file_arrives_in_the_blocks(file, families, tmp_path):
    (tmp_path / "wal").mkdir()  # without it promtool dumps nothing
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", file, tmp_path)
    dumped = run("promtool", "tsdb", "dump", tmp_path).stdout.splitlines()
    assert len(dumped) == sum(len(family.samples) for family in families.values())


@in_prometheus
def test_prometheus_tells_the_history_of_a_release(prometheus, told):
    after = FIRST + timedelta(days=RUNS)
    found = prometheus.at(
        f'sort(last_over_time({THROUGHPUT}{{arm=""}}[30d]))', after + timedelta(hours=1)
    )
    assert {labels["release"] for labels, _ in found} == set(RELEASES)
    latest = {each.release: each.value for each in told.figures if is_throughput(each)}
    assert {labels["release"]: value for labels, value in found} == pytest.approx(latest)


@in_prometheus
def test_what_is_imported_twice_is_there_once(prometheus):
    expr = "max(count_over_time(ormlab_comparison_ratio[400d]))"
    assert prometheus.at(expr, FIRST + timedelta(days=RUNS)) == [({}, 1.0)]


def is_throughput(figure):
    return figure.metric == "throughput" and not figure.arm


def asked(node):
    """Every query of a dashboard, with what its variables ask for."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr":
                yield value
            else:
                yield from asked(value)
    elif isinstance(node, list):
        for value in node:
            yield from asked(value)


CHOSEN = {"metric": "throughput"}
QUERIES = [
    pytest.param(path.stem, expr, id=f"{path.stem}-{number}")
    for path in DASHBOARDS
    for number, expr in enumerate(asked(json.loads(path.read_bytes())))
]


@pytest.fixture(scope="module")
def variables(prometheus):
    """A value for each variable of the dashboards, as Grafana would offer it first."""
    values = {}
    for path in DASHBOARDS:
        for each in json.loads(path.read_bytes())["templating"]["list"]:
            if each["type"] == "query":
                match, name = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"]).groups()
                offered = prometheus.get(
                    f"label/{name}/values", **{"match[]": filled(match, values)}
                )
                values[each["name"]] = CHOSEN.get(each["name"], offered[0])
                assert values[each["name"]] in offered
    assert set(values) == {"orm", "workload", "load", "host", "metric"}
    return values


def filled(expr, values, *, interval="1d"):
    given = values | {"__interval": interval, "__range": "400d"}
    expr = re.sub(r"\$(\w+)", lambda found: given[found[1]], expr)
    assert "$" not in expr
    return expr


@in_prometheus
@pytest.mark.parametrize(("board", "expr"), QUERIES)
def test_every_query_of_a_dashboard_is_answered(prometheus, variables, board, expr):
    whole = filled(expr, variables)
    prometheus.get("format_query", query=whole)
    if board == "run":
        awaited(lambda: prometheus.get("query", query=whole)["result"])
        return
    start, day_s = FIRST.timestamp(), 86400
    found = prometheus.over(whole, start, start + RUNS * day_s, day_s)
    assert found
    releases_of = {labels["release"] for labels, _ in found if "release" in labels}
    assert not releases_of or len(releases_of) >= RUNS


@in_prometheus
def test_the_dashboard_counts_the_releases_that_the_alert_fires_on(prometheus, variables):
    board = json.loads((MONITORING / "grafana/releases.json").read_bytes())
    panel = next(each for each in board["panels"] if each["type"] == "stat")
    expr = filled(panel["targets"][0]["expr"], variables)
    assert prometheus.at(expr, FIRST + timedelta(days=RUNS)) == [({}, 1.0)]


@in_prometheus
def test_the_alert_fires_on_the_release_that_is_slower_beyond_the_margin_alone(prometheus):
    (group,) = prometheus.get("rules")["groups"]
    (rule,) = group["rules"]
    fired = [
        {
            (labels["release"], labels["metric"])
            for labels, _ in prometheus.at(rule["query"], FIRST + timedelta(days=day, hours=1))
        }
        for day in range(RUNS)
    ]
    slower = RELEASES.index(SLOWER) - 1
    assert fired[:slower] == [set()] * slower
    everywhere = {(SLOWER, metric) for metric in ("throughput", "p50", "p99", "cpu_service")}
    assert all(each == everywhere for each in fired[slower:])


@in_prometheus
def test_promtool_holds_the_alert_rules():
    folder = MONITORING / "prometheus"
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", folder / "alerts.yml")
    run("promtool", "test", "rules", folder / "alerts.test.yml")


@pytest.fixture(scope="module")
def site(archive, tmp_path_factory):
    return build(archive, tmp_path_factory.mktemp("pages") / "site")


def test_the_site_has_every_release_in_the_order_of_versions(site):
    (group,) = site.contents.releases
    assert (group.group.orm, group.group.name) == ("sqlalchemy", "sqlalchemy")
    names = [each.metric for each in group.metrics]
    assert names == ["throughput", "p50", "p90", "p99", "cpu_service", "rss_service"]
    assert all(each.releases == RELEASES for each in group.metrics)
    page = (site.index.parent / "releases.html").read_text()
    section = page.partition('<h3 id="release-1-throughput">')[2].partition("<h3")[0]
    figures, ratios = re.findall(r'<svg class="plot".*?</svg>', section, re.DOTALL)
    # A mark and an interval for each run of a release, and for each null control.
    assert figures.count("<use ") == figures.count('class="thin"') == 3 * RUNS
    assert ratios.count("<use ") == ratios.count('class="thin"') == 2 * RUNS
    assert ratios.count('class="margin"') == 1
    rows = re.findall(r'scope="row">([^<]+)<.*?</tr>', section)
    assert list(dict.fromkeys(rows)) == list(RELEASES)
    verdicts = re.findall(r'scope="row">([^<]+)<[^\n]*class="mark bad">([^<]+)<', section)
    assert verdicts == [(SLOWER, "SLOWER"), (SLIGHTLY, "SLOWER, size unresolved")]


def test_a_subject_that_is_one_release_has_no_trend_over_time(site):
    assert site.contents.trends == ()


def test_a_release_of_one_run_has_intervals_of_its_blocks(told):
    first = next(each for each in told.figures if each.release == RELEASES[0])
    assert first.trials == BLOCKS
    assert first.low < first.value < first.high


@pytest.fixture(scope="module")
def browser():
    with browsers.launched() as running:
        yield running


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_releases_is_accessible_and_as_wide_as_the_window(browser, site, scheme):
    address = (site.index.parent / "releases.html").as_uri()
    with browsers.opened(browser, address, scheme=scheme) as page:
        page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
        broken = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:200]) for each in broken] == []
        assert (page.said, page.asked) == ([], [address])
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
