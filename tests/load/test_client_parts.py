import asyncio
import json
import time
from array import array
from collections import Counter
from itertools import islice
from pathlib import Path
from time import monotonic_ns

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins

from workloads.load.client import read_samples, report, rows
from workloads.load.client.bodies import DIGESTS_PER_PATH, PATHS, Bodies
from workloads.load.client.closed import ClosedLoop
from workloads.load.client.driver import Window
from workloads.load.client.failure import LoadError
from workloads.load.client.histograms import Histogram
from workloads.load.client.open import OpenLoop
from workloads.load.client.sample_file import Writer, create, describe
from workloads.load.client.samples import Samples, pack_record
from workloads.load.client.spec import parse_spec, read_spec
from workloads.load.client.summary import Summary, Tally

SPEC = {
    "host": "127.0.0.1",
    "port": 8080,
    "loop": "closed",
    "connections": 8,
    "duration_s": 1,
    "seed": 1,
    "table": "table.txt",
    "repeatable": True,
}


def spec(tmp_path, **change):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC | change))
    return read_spec(path)


def test_a_spec_fills_in_what_it_leaves_out(tmp_path):
    assert {key: getattr(spec(tmp_path), key) for key in SPEC} == SPEC
    assert spec(tmp_path).timeout_s == 10


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"conections": 8}, "unknown field `conections`"),
        ({"connections": "8"}, r"Expected `int`, got `str` - at `\$.connections`"),
        ({"connections": True}, "Expected `int`, got `bool`"),
        ({"repeatable": 1}, "Expected `bool`, got `int`"),
        ({"loop": "half-open"}, "Invalid enum value 'half-open'"),
        ({"loop": "open"}, "rate is above 0 in an open loop"),
        ({"rate": 100}, "rate belongs to an open loop"),
        ({"loop": "open", "rate": 0}, "rate is above 0"),
        ({"duration_s": -1}, "Expected `float` >= 0.0"),
        ({"duration_s": 0}, "duration_s is above 0"),
        ({"timeout_s": 0}, "timeout_s is above 0"),
        ({"warmup_s": -0.1}, "Expected `float` >= 0.0"),
        ({"processes": 9}, "connections is at least processes"),
        ({"processes": 0}, "processes is 1 or more"),
        ({"cpus": [0, 1]}, "cpus has one CPU for each process"),
        ({"cpus": ["0"]}, r"Expected `int`, got `str` - at `\$.cpus"),
        ({"port": 0}, "port is 1 to 65535"),
        ({"hash_fraction": 2}, "hash_fraction is 0 to 1"),
        ({"arrivals": "bursts"}, "arrivals are poisson or constant"),
        ({"requests_total": 100, "warmup_s": 1}, "without warm-up"),
        ({"requests_total": 100, "loop": "open", "rate": 1}, "belongs to a closed loop"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_reason(tmp_path, change, reason):
    with pytest.raises(LoadError, match=reason) as refused:
        spec(tmp_path, **change)
    assert refused.value.code == "spec"
    assert refused.value.where.endswith("spec.json")


@pytest.mark.parametrize("name", ["host", "table", "seed", "repeatable"])
def test_a_missing_key_is_refused(tmp_path, name):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({key: value for key, value in SPEC.items() if key != name}))
    with pytest.raises(LoadError, match=f"missing required field `{name}`"):
        read_spec(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_file_that_is_no_spec_is_refused(tmp_path, text):
    (tmp_path / "spec.json").write_text(text)
    with pytest.raises(LoadError):
        read_spec(tmp_path / "spec.json")


def test_a_table_that_is_none_is_refused(tmp_path):
    with pytest.raises(LoadError) as refused:
        rows.load(spec(tmp_path, table=str(tmp_path / "missing")), 0)
    assert refused.value.code == "table"


def test_requests_are_http(tmp_path, make_table):
    given = make_table("create-order", "read-order", count=20)
    table = rows.load(spec(tmp_path, processes=2, **given), 1)
    lines = Path(given["table"]).read_text().splitlines()[1::2]
    assert table.expected == {"create-order": 201, "read-order": 200}
    for (data, operation, _), line in zip(table.rows, lines, strict=True):
        method, path, body, name, _ = line.split("\t")
        head, _, content = data.decode().partition("\r\n\r\n")
        assert head.startswith(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:8080")
        assert content == body
        assert f"Content-Length: {len(body)}" in head or not body
        assert table.operations[operation] == name


def test_a_repeatable_table_starts_again_and_each_pass_hashes_the_same_rows(tmp_path, make_table):
    given = make_table(count=5)
    sent = list(islice(rows.load(spec(tmp_path, **given), 0).rows, 30_000))
    again = list(islice(rows.load(spec(tmp_path, **given), 0).rows, 30_000))
    assert sent == again
    assert [data for data, _, _ in sent[:5]] == [data for data, _, _ in sent[-5:]]
    assert 150 < sum(name is not None for _, _, name in sent) < 600


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 20), st.integers(0, 20)), max_size=200),
    st.integers(0, 60),
    st.integers(60, 150),
)
def test_only_what_was_due_in_the_window_is_kept(requests, start, stop):
    samples = Samples()
    ended = sorted(
        ((due, due + wait, due + wait + service) for due, wait, service in requests),
        key=lambda row: row[2],
    )
    for due, sent, end in ended:
        samples.append(pack_record(due, sent, end, 3, 200))
    samples.censor(start, start, stop, 4)
    samples.forget_before(start)
    assert samples.answered_between(start, stop) == sum(start <= end < stop for *_, end in ended)
    samples.close()
    kept = [row for chunk in samples.chunks(start, stop) for row in zip(*chunk, strict=True)]
    expected = [
        (due - start, sent - start, end - start, 3, 200)
        for due, sent, end in ended
        if start <= due < stop
    ]
    if start < stop:
        expected.append((0, 0, stop - start, 4, 0))
    assert kept == expected
    assert samples.due_between(start, stop) == len(kept)


def test_samples_of_several_processes_survive_their_file(tmp_path):
    parts = []
    for part in range(3):
        samples = Samples()
        for number in range(part * 7):
            samples.censor(number, number + part, number + 2**40, part)
        samples.close()
        parts.append(samples)
    total = 0 + 7 + 14
    create(tmp_path, total)
    first_row = 0
    for part, samples in enumerate(parts):
        writer = Writer(tmp_path, first_row=first_row, rows=total)
        for chunk in samples.chunks(0, 100):
            writer.write(chunk)
        writer.close()
        first_row += part * 7
    (tmp_path / "client.json").write_text(json.dumps({"samples": to_builtins(describe(total))}))
    columns = read_samples(tmp_path)
    rebuilt = list(zip(*columns.values(), strict=True))
    assert rebuilt == [
        (number, number + part, number + 2**40, part, 0)
        for part in range(3)
        for number in range(part * 7)
    ]


def test_no_samples_are_a_file_too(tmp_path):
    create(tmp_path, 0)
    (tmp_path / "client.json").write_text(json.dumps({"samples": to_builtins(describe(0))}))
    assert {len(column) for column in read_samples(tmp_path).values()} == {0}


def test_a_value_out_of_range_is_counted_and_fatal(tmp_path):
    histogram = Histogram(highest_us=1000)
    histogram.add([999_000, 10_000_000, 10_000_001])
    assert (histogram.total, histogram.refused) == (1, 2)

    tally = Tally(open_loop=False)
    summary = Summary(
        pid=1,
        operations=["read-user"],
        expected={"read-user": 200},
        failure=None,
        stopped=10,
        answered=0,
        planned=None,
        failed=0,
        errors=Counter(),
        warmup_errors=Counter(),
        bodies=Bodies().as_dict(),
        cpu_s=0.0,
        lags_ns=[],
    )
    tally.into(summary)
    summary.refused = 2
    failure = report.write(parse_spec(SPEC), Window(0, 0, 10, 20), [summary], tmp_path)
    assert failure.code == "histogram-range"
    assert json.loads((tmp_path / "client.json").read_text())["failure"]["code"] == failure.code


def test_digests_are_capped():
    bodies = Bodies()
    for number in range(PATHS + 5):
        bodies.add(f"GET /users/{number}", [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"])
    for number in range(DIGESTS_PER_PATH + 5):
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n%03d\r\n0\r\n\r\n"
        bodies.add("GET /users/0", [answer % number])
    assert bodies.hashed == PATHS + DIGESTS_PER_PATH + 10
    assert len(bodies.digests) == PATHS
    assert len(bodies.digests["GET /users/0"]) == DIGESTS_PER_PATH
    assert bodies.unlisted == 5 + 6
    merged = Bodies()
    merged.merge(bodies.as_dict())
    assert merged.as_dict() == bodies.as_dict()


def test_a_body_has_the_same_digest_however_it_arrives():
    whole, parts = Bodies(), Bodies()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    whole.add("GET /", [answer])
    parts.add("GET /", [answer[at : at + 1] for at in range(len(answer))])
    assert whole.digests == parts.digests


def test_a_body_that_ended_its_connection_does_not_spoil_the_next_one():
    bodies = Bodies()
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    for _ in range(2):
        bodies.add("GET /", [last])
    assert bodies.hashed == 2
    assert len(bodies.digests["GET /"]) == 1


@pytest.mark.parametrize("loop", [ClosedLoop, OpenLoop])
def test_a_fault_of_the_client_itself_is_told_and_not_counted_as_an_error(start_service, loop):
    def broken():
        row = (b"GET /users/1 HTTP/1.1\r\nHost: x\r\n\r\n", 0, None)
        yield from (row, row, row)
        raise RuntimeError("the table broke")

    async def drive(port):
        load = parse_spec(SPEC | {"port": port, "duration_s": 30})
        arrivals = [array("q", range(0, 10**9, 10**7))] if loop is OpenLoop else []
        driver = loop(load, broken(), *arrivals)
        await driver.open(1)
        await driver.run(Window.of(load, monotonic_ns()))
        return driver

    driver = uvloop.run(drive(start_service().port))
    assert driver.failure.code == "client-fault"
    assert driver.failure.what == "the client failed: RuntimeError: the table broke"
    assert not driver.errors


def test_what_a_late_process_sent_after_the_deadline_was_still_waiting_at_it(start_service):
    row = (b"GET /users/1 HTTP/1.1\r\nHost: x\r\n\r\n", 0, None)

    async def drive(port):
        driver = OpenLoop(parse_spec(SPEC | {"port": port}), iter([row]), array("q", [10**6]))
        await driver.open(1)
        now = monotonic_ns()
        asyncio.get_running_loop().call_soon(time.sleep, 0.1)  # from before it is due
        await driver.run(Window(now, now, now + 10**7, now + 2 * 10**7))
        driver.samples.close()
        return list(driver.samples.rows(0, 1)), now

    ((intended, sent, end, _, status),), now = uvloop.run(drive(start_service(hang_from=1).port))
    assert intended == now + 10**6
    assert sent == end == now + 2 * 10**7
    assert status == 0


def test_failures_cross_a_pipe():
    failure = LoadError("connect", "refused", where="127.0.0.1:1", hint="start it")
    copy = failure.__reduce__()
    assert copy[0](*copy[1]).as_dict() == failure.as_dict() == json.loads(failure.line())
