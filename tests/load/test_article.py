import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_article(tmp_path):
    def run(**spec):
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        done = subprocess.run(
            [sys.executable, "-m", "workloads.load.article", tmp_path / "spec.json", tmp_path],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        out = tmp_path / "article.json"
        return done, json.loads(out.read_text()) if out.exists() else None

    return run


def test_its_figures_are_those_of_the_articles_arithmetic(run_article, start_service):
    done, report = run_article(url=start_service().url, requests=1000, concurrency=50)
    assert (done.returncode, done.stderr) == (0, "")
    figures, latencies = report["figures"], report["latencies_us"]
    assert len(latencies) == 1000
    assert figures["throughput_req_s"] == pytest.approx(1000 / figures["total_time_s"])
    assert figures["p99_latency_ms"] == pytest.approx(latencies[990] / 1e3, abs=0.001)
    assert figures["error_rate_pct"] == 0
    assert figures["memory_mb"] > 10


def test_most_of_its_latency_is_its_own_queue(run_article, start_service):
    _, report = run_article(url=start_service(delay_s=0.01).url, requests=1000, concurrency=10)
    contains = report["contains"]
    assert contains["share_waiting_for_a_connection_at_least"] > 0.8
    assert contains["p50_as_share_of_the_run"] > 0.4
    assert contains["mean_on_a_connection_at_most_ms"] < contains["mean_latency_ms"] / 5


def test_errors_are_counted(run_article, start_service):
    _, report = run_article(
        url=start_service(status=500, status_from=51).url, requests=100, concurrency=5
    )
    assert report["figures"]["error_rate_pct"] == 50


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"url": "http://127.0.0.1:1", "requests": 101}, "spec"),
        ({"url": "http://127.0.0.1:1", "concurrency": 0}, "spec"),
        ({"link": "http://127.0.0.1:1"}, "spec"),
        ({}, "spec"),
        ({"url": "http://127.0.0.1:1", "requests": 40}, "all-errors"),
    ],
)
def test_a_run_that_cannot_be_is_a_clear_error(run_article, spec, code):
    done, report = run_article(**spec)
    assert done.returncode == 8
    assert json.loads(done.stderr)["code"] == code
    assert report is None
