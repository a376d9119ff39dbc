"""The progress of a run over HTTP: only on request, only while the run lasts, whoever asks."""

from __future__ import annotations

import os
import socket
import threading
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from types import SimpleNamespace

import click
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ormlab.base import affinity
from ormlab.base.errors import UsageError
from ormlab.cli.metrics import served
from ormlab.cli.options import ListenAddress, ListenAddressType
from tests.cli.inside import ormlab

OF_TRIAL = {"subject": "tortoise", "workload": "read-one", "load": "wrk"}


class Heard:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.news = []

    def __getattr__(self, kind):
        return lambda what: self.news.append((kind, what))

    @property
    def address(self):
        """Where the metrics are, as a run says it."""
        return next(what.partition(" ")[2] for kind, what in self.news if kind == "note")


@contextmanager
def serving(host="127.0.0.1", port=0):
    heard = Heard()
    with served(ListenAddress(host, port), heard) as progress:
        yield progress, heard


def read(address):
    with urllib.request.urlopen(address) as answer:
        return answer.read().decode()


def values(address):
    """By name and labels of each sample."""
    families = text_string_to_metric_families(read(address))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def trial_news(status="ok", p50=12.5):
    trial = SimpleNamespace(**OF_TRIAL)
    figures = SimpleNamespace(throughput=8741.0, latency_ms={"p50": p50})
    return SimpleNamespace(
        trial=trial,
        total=40,
        figures=figures if status == "ok" else None,
        status=status,
        eta_s=90.0,
    )


def test_the_news_are_metrics_and_go_on_to_who_shows_them():
    with serving() as (progress, heard):
        told = [
            ("stage", "measuring: 40 trials"),
            ("warn", "PostgreSQL had ended"),
            ("trial", trial_news()),
            ("trial", trial_news("request-errors")),
            ("note", "an estimate"),
        ]
        for kind, what in told:
            getattr(progress, kind)(what)
        assert heard.news[1:] == told
        found = values(heard.address)
    of_trial = frozenset(OF_TRIAL.items())
    expected = {
        ("ormlab_live_trials_planned", frozenset()): 40,
        ("ormlab_live_remaining_seconds", frozenset()): 90,
        ("ormlab_live_warnings_total", frozenset()): 1,
        ("ormlab_live_throughput_requests_per_second", of_trial): 8741,
        ("ormlab_live_p50_seconds", of_trial): 0.0125,
        ("ormlab_live_trials_ended_total", of_trial | {("status", "ok")}): 1,
        ("ormlab_live_trials_ended_total", of_trial | {("status", "request-errors")}): 1,
    }
    assert expected.items() <= found.items()


def test_before_the_first_trial_nothing_is_said_of_trials():
    """What is not known is missing, and not 0."""
    with serving() as (progress, heard):
        progress.stage("deploying")
        progress.stage("preparing")
        found = values(heard.address)
    (stage,) = (labels for name, labels in found if "stage" in name)
    assert stage == {("stage", "preparing")}
    assert {name for name, _ in found if "trial" in name or "remaining" in name} == set()


def test_a_latency_that_a_trial_does_not_have_is_not_there():
    with serving() as (progress, heard):
        progress.trial(trial_news(p50=None))
        names = {name for name, _ in values(heard.address)}
    assert "ormlab_live_throughput_requests_per_second" in names
    assert "ormlab_live_p50_seconds" not in names


def test_it_ends_with_the_run_even_if_a_client_says_nothing():
    with serving() as (_, heard):
        port = int(heard.address.rpartition(":")[2].partition("/")[0])
        silent = socket.create_connection(("127.0.0.1", port))
        raising = socket.create_connection(("127.0.0.1", port))
        raising.sendall(b"\x00" * 100 + b"\r\n\r\n")
    with closing(silent), closing(raising), pytest.raises(urllib.error.URLError):
        read(heard.address)
    assert not [each for each in threading.enumerate() if each.name.startswith("metrics")]


def test_it_answers_the_next_client_after_one_that_spoke_no_http():
    with serving() as (_, heard):
        port = int(heard.address.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"\x16\x03\x01 no http\r\n\r\n")
        assert "ormlab_live" in read(heard.address)


def test_it_keeps_to_the_cpus_of_the_run():
    every = os.sched_getaffinity(0)
    if len(every) < 2:
        pytest.skip("this machine has one CPU")
    with serving():
        one = {min(every)}
        affinity.keep_to(one)
        (thread,) = (each for each in threading.enumerate() if each.name.startswith("metrics"))
        assert os.sched_getaffinity(thread.native_id) == one


def test_an_address_that_cannot_be_had_is_refused_before_anything_starts():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="cannot be served") as refused, serving(port=port):
            pytest.fail("it was served")
    assert refused.value.code == "metrics-address"
    assert refused.value.where == f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9300", ("127.0.0.1", 9300)),
        (":0", ("127.0.0.1", 0)),
        ("0.0.0.0:9300", ("0.0.0.0", 9300)),
    ],
)
def test_a_port_alone_is_one_of_the_loopback_interface(text, address):
    assert ListenAddressType().convert(text, None, None) == address


@pytest.mark.parametrize("text", ["", "port", "-1", "65536", "localhost:", "1.5", "٣"])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(click.BadParameter, match="no port"):
        ListenAddressType().convert(text, None, None)
    assert "is no port" in ormlab("run", "demo", "--metrics", text, code=2).stderr
