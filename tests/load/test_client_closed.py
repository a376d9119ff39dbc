import json
import os
import signal

import psutil
import pytest

from analysis.latency import quantiles, read_hdr, total
from workloads.load.client import read_samples

# A window that ends with its last request, in as long as the machine takes for them.
WHOLE = {"requests_total": 200, "duration_s": 60}


def responses(trial, name="response"):
    return read_hdr(trial.folder / f"{name}.hdr")


def test_a_window_is_measured(run_client, start_service):
    trial = run_client(start_service(delay_s=0.001), warmup_s=0.2)
    report = trial.report
    assert (trial.exit_code, trial.stderr) == (0, "")
    assert report["measured"]
    assert report["window"]["seconds"] == 0.5
    assert report["completed"] > 8
    assert report["throughput"] == report["requests_in_window"] / 0.5
    assert set(report["errors"].values()) == {0}
    assert report["answers"] == {"read-user": {"200": report["completed"]}}
    assert report["open_loop"] is None
    assert "service time by definition" in report["loop"]["meaning"]


def test_histograms_hold_every_sample_and_response_is_service(run_client, start_service):
    trial = run_client(start_service(delay_s=0.001), processes=2)
    rows = trial.report["samples"]["rows"]
    assert total(responses(trial)) == total(responses(trial, "service")) == rows > 8
    assert responses(trial) == responses(trial, "service")
    assert not (trial.folder / "dispatch.hdr").exists()


def test_samples_are_the_histogram(run_client, start_service):
    trial = run_client(start_service(delay_s=0.001), connections=5, processes=2)
    samples = read_samples(trial.folder)
    rows = trial.report["samples"]["rows"]
    assert {len(column) for column in samples.values()} == {rows}
    assert list(samples["intended_ns"]) == list(samples["sent_ns"])
    assert all(0 <= sent < 500_000_000 for sent in samples["sent_ns"])
    assert set(samples["status"]) == {200}
    assert {trial.report["operations"][index] for index in samples["operation"]} == {"read-user"}
    longest = max(
        end - sent for sent, end in zip(samples["sent_ns"], samples["end_ns"], strict=True)
    )
    assert max(high for high, _ in responses(trial)) == pytest.approx(longest / 1000, rel=0.002)
    parts = trial.report["processes"]
    assert sum(part["samples"] for part in parts) == rows
    assert min(part["samples"] for part in parts) > 0


def test_a_sample_file_of_another_length_is_refused(run_client, start_service):
    trial = run_client(start_service(delay_s=0.01))
    with (trial.folder / "samples.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="described"):
        read_samples(trial.folder)


def test_requests_total_ends_the_window(run_client, start_service, make_table):
    trial = run_client(
        start_service(), requests_total=501, processes=2, duration_s=30, **make_table(count=7)
    )
    assert trial.exit_code == 0
    assert trial.report["completed"] == trial.report["requests_in_window"] == 501
    assert trial.report["window"]["seconds"] < 30


def test_requests_total_that_time_does_not_allow_is_a_failure(run_client, start_service):
    trial = run_client(start_service(delay_s=0.2), requests_total=10_000)
    assert trial.exit_code == 8
    assert trial.failure["code"] == "unfinished"


@pytest.mark.parametrize("loop", [{}, {"rate": 2000}], ids=["closed", "open"])
def test_an_exhausted_table_is_fatal(run_client, start_service, make_table, loop):
    table = make_table("create-user", count=60)
    trial = run_client(start_service(status=201), duration_s=5, **table, **loop)
    assert trial.exit_code == 8
    assert trial.failure["code"] == "table-exhausted"
    assert trial.report["failure"] == trial.failure
    assert not trial.report["measured"]
    assert trial.report["completed"] <= 60


def test_a_table_that_may_not_be_repeated_is_shared_without_overlap(
    run_client, start_service, make_table
):
    table = make_table("create-user", count=61)
    trial = run_client(
        start_service(status=201), processes=3, requests_total=61, duration_s=5, **table
    )
    assert trial.exit_code == 0
    assert trial.report["answers"] == {"create-user": {"201": 61}}


@pytest.mark.parametrize("status", [500, 404, 201])
def test_an_answer_with_another_status_than_the_contracts_is_an_error(
    run_client, start_service, status
):
    report = run_client(start_service(status=status, delay_s=0.001)).report
    assert report["errors"]["status"] == report["completed"] > 0
    assert report["answers"] == {"read-user": {str(status): report["completed"]}}


def test_a_hung_service_is_counted_and_entered(run_client, start_service):
    trial = run_client(start_service(hang_from=1), timeout_s=0.3)
    report = trial.report
    assert trial.exit_code == 0
    assert report["completed"] == report["requests_in_window"] == 0
    assert report["errors"]["timeout"] >= 8
    assert report["censored"]["total"] == report["samples"]["rows"] >= 8
    samples = read_samples(trial.folder)
    assert set(samples["status"]) == {0}
    waits = [end - sent for sent, end in zip(samples["sent_ns"], samples["end_ns"], strict=True)]
    assert max(waits) == 300_000_000
    assert total(responses(trial)) == report["samples"]["rows"]


def test_connection_refused_at_the_start(run_client, start_service):
    service = start_service()
    service.process.kill()
    service.process.wait()
    trial = run_client(service)
    assert trial.exit_code == 8
    assert trial.failure["code"] == "connect"
    assert trial.failure["where"] == f"127.0.0.1:{service.port}"
    assert not (trial.folder / "client.json").exists()


@pytest.mark.parametrize("loop", [{}, {"rate": 500}], ids=["closed", "open"])
def test_a_service_that_dies_in_the_window_ends_it(run_client, start_service, loop):
    trial = run_client(start_service(die_at=150, delay_s=0.001), duration_s=30, **loop)
    assert trial.exit_code == 8
    assert trial.failure["code"] == "server-gone"
    report = trial.report
    assert report["failure"] == trial.failure
    assert report["errors"]["connect"] > 0
    assert report["errors"]["read"] == report["failed"] > 0
    assert 100 < report["completed"] < 150
    assert report["window"]["seconds"] < 10


def test_one_dropped_connection_is_counted_and_replaced(run_client, start_service):
    report = run_client(start_service(cut_at=50), connections=2, **WHOLE).report
    assert report["errors"]["read"] == report["failed"] == 1
    assert report["completed"] == WHOLE["requests_total"] - 1


def test_an_answer_that_is_not_http_is_counted_and_its_connection_replaced(
    run_client, start_service
):
    report = run_client(start_service(garbage_at=50), connections=2, **WHOLE).report
    assert report["errors"]["parse"] == report["failed"] == 1
    assert report["completed"] == WHOLE["requests_total"] - 1


def test_connection_close_is_no_error(run_client, start_service):
    report = run_client(start_service(close_every=20), **WHOLE).report
    assert set(report["errors"].values()) == {0}
    assert report["completed"] == WHOLE["requests_total"]


def test_bodies_are_hashed_by_request(run_client, start_service, make_table):
    table = make_table("list-users")
    same = run_client(start_service(delay_s=0.001), hash_fraction=1, **table).report
    changing = run_client(
        start_service(delay_s=0.001, changing_body=True), hash_fraction=1, **table
    ).report
    # Those under way when the window begins or ends are hashed too.
    assert same["completed"] <= same["bodies"]["hashed"] <= same["completed"] + 16
    assert len(same["bodies"]["digests"]["GET /users"]) == 1
    assert len(changing["bodies"]["digests"]["GET /users"]) == 16
    assert changing["bodies"]["unlisted"] == changing["bodies"]["hashed"] - 16


def test_one_body_in_a_hundred_is_hashed(run_client, start_service):
    report = run_client(start_service(), **WHOLE | {"requests_total": 5_000}).report
    assert 0.002 < report["bodies"]["hashed"] / report["completed"] < 0.03


def test_every_process_stays_on_its_cpu(start_client, start_service):
    cpu = min(os.sched_getaffinity(0))
    client = start_client(start_service(), processes=2, cpus=[cpu, cpu], duration_s=30)
    family = family_of(client, 2)
    assert {tuple(each.cpu_affinity()) for each in family} == {(cpu,)}


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_every_process(start_client, start_service, stop):
    client = start_client(start_service(), processes=2, duration_s=600)
    family = family_of(client, 2)
    client.send_signal(stop)
    _, stderr = client.communicate(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    if stop == signal.SIGTERM:
        assert client.returncode == 8
        assert json.loads(stderr)["code"] == "terminated"


def test_a_killed_generator_process_ends_the_trial(start_client, start_service):
    client = start_client(start_service(), processes=2, duration_s=600)
    family_of(client, 2)[-1].kill()
    _, stderr = client.communicate(timeout=60)
    assert client.returncode == 8
    assert json.loads(stderr.splitlines()[-1])["code"] == "worker-died"


def test_a_begin_in_the_past_is_refused(run_client, start_service):
    trial = run_client(start_service(), start_at=1.0)
    assert trial.exit_code == 8
    assert trial.failure["code"] == "late"


def test_a_cpu_that_does_not_exist_is_refused(run_client, start_service):
    trial = run_client(start_service(), cpus=[8191])
    assert trial.exit_code == 8
    assert trial.failure["code"] == "spec"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, run_client, start_service):
    (tmp_path / "0").write_text("in the way")
    trial = run_client(start_service())
    assert trial.exit_code == 8
    assert trial.failure["code"] == "output"


def test_samples_that_cannot_be_written_are_an_error(tmp_path, run_client, start_service):
    (tmp_path / "0").mkdir()
    (tmp_path / "0/samples.bin").symlink_to("/dev/full")
    trial = run_client(start_service())
    assert trial.exit_code == 8
    assert trial.failure["code"] == "output"
    assert not (trial.folder / "client.json").exists()


def test_a_quantile_of_a_short_trial_is_not_quoted(run_client, start_service):
    trial = run_client(start_service(delay_s=0.05))
    assert quantiles(responses(trial))[0.999] is None


def family_of(client, workers):
    """The client's processes, once each of its workers has connections."""
    parent = psutil.Process(client.pid)
    while True:
        children = parent.children()
        if len(children) == workers and all(each.net_connections() for each in children):
            return [parent, *children]
        assert client.poll() is None
