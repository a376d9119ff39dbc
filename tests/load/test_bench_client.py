import pytest

from bench import client, switchback


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_without_its_programs_the_benchmark_says_so(monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    assert client.run() == {"client": {"skipped": "wrk and nginx not installed"}}


def test_with_one_cpu_the_benchmark_says_so(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: program)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert client.run() == {"client": {"skipped": "needs two CPUs"}}
    assert switchback.run() == {"switchback": {"skipped": "needs two CPUs"}}
