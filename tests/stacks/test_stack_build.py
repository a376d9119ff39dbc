"""Building made-up stacks: what works, what is recorded as failing, and what is kept."""

import fcntl
import http.server
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent import interpreters
from agent.stacks import HostError, build, environment_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def make(workshop, uv):
    def make_(stack, **options):
        return build(stack, envs=workshop.envs, uv=uv, cache=workshop.cache, **options)

    return make_


@pytest.fixture
def command(workshop, uv):
    places = ["--envs", workshop.envs, "--uv", uv, "--cache", workshop.cache]
    start = [sys.executable, "-m", "agent.stacks", "build", "--stacks-dir", workshop.folder]
    return [*map(str, start), "--name", "made", *map(str, places)]


@pytest.fixture
def registry(workshop):
    """The address of a registry on the loopback that has what the workshop makes."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=workshop.shelf)

        def translate_path(self, path):
            # The page of any project is the listing of the shelf; uv picks what it asked for.
            return str(workshop.shelf / path.rpartition("/")[2])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def logged(workshop, stack, name="stack.log"):
    return (workshop.envs / f"{environment_of(stack, workshop.envs).name}.logs" / name).read_text()


def found(outcome):
    return {(failed.package, failed.stage, failed.reason) for failed in outcome.failures}


def test_a_stack_that_works_is_built_once(workshop, make):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    outcome = make(stack)
    assert outcome.ok
    assert outcome.failures == outcome.alone == []
    assert outcome.packages == {"plain": "1.0"}
    assert outcome.python.version == stack.python
    assert outcome.python.implementation == "cpython"
    home = environment_of(stack, workshop.envs)
    assert home.name == outcome.environment
    (home / "witness").touch()
    assert make(stack) == outcome
    assert (home / "witness").exists()


def test_force_makes_it_again_and_builds_again_what_was_cached(
    workshop, make, registry, tmp_path, monkeypatch
):
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_DEFAULT_INDEX", registry)
    count = tmp_path / "count"
    workshop.sdist("built", f"open({str(count)!r}, 'a').write('built ')")
    stack = workshop.stack("built")
    assert make(stack).ok
    builds = count.read_text()
    home = environment_of(stack, workshop.envs)
    shutil.rmtree(home)
    assert make(stack).ok
    assert count.read_text() == builds
    (home / "witness").touch()
    assert make(stack, force=True).ok
    assert count.read_text() > builds
    assert not (home / "witness").exists()


def test_each_package_is_blamed_for_its_own_failure(workshop, make):
    workshop.sdist("broken", "raise RuntimeError('no such luck')")
    workshop.wheel("sour", "assert False, 'not on this Python'")
    workshop.wheel("plain")
    stack = workshop.stack("broken", "plain", "sour")
    outcome = make(stack)
    assert not outcome.ok
    assert found(outcome) == {
        ("broken", "install", "RuntimeError: no such luck"),
        ("sour", "import", "AssertionError: not on this Python"),
    }
    assert {tried.package: tried.ok for tried in outcome.alone} == {
        "broken": False,
        "plain": True,
        "sour": False,
    }
    assert {failed.version for failed in outcome.failures} == {"1.0"}
    for failed in outcome.failures:
        assert failed.reason in logged(workshop, stack, failed.log)
    assert not list(workshop.envs.glob("*.alone"))


def test_a_dependency_is_blamed_and_not_what_needs_it(workshop, make):
    workshop.sdist("inner", "raise RuntimeError('no such luck')")
    workshop.wheel("outer", needs="inner==1.0")
    outcome = make(workshop.stack("outer", locked=("inner",)))
    assert found(outcome) == {("inner", "install", "RuntimeError: no such luck")}
    assert [(tried.package, tried.ok) for tried in outcome.alone] == [("outer", False)]


def test_alone_a_package_gets_only_what_it_needs(workshop, make):
    workshop.wheel("inner")
    workshop.wheel("outer", "import inner", needs="inner")
    workshop.wheel("stranger")
    spoiled = "import importlib.util as u; assert not u.find_spec('stranger'), 'in company'"
    workshop.wheel("shy", spoiled)
    outcome = make(workshop.stack("outer", "shy", "stranger", locked=("inner",)))
    assert found(outcome) == {("shy", "import", "AssertionError: in company")}
    assert {tried.package for tried in outcome.alone if tried.ok} == {"outer", "shy", "stranger"}


@pytest.mark.parametrize("end", ["os.abort()", "os._exit(0)"])
def test_a_crash_at_import_is_blamed_on_its_package(workshop, make, end):
    workshop.wheel("fatal", f"import os; {end}")
    workshop.wheel("plain")
    outcome = make(workshop.stack("fatal", "plain"))
    assert ("fatal", "import", "the interpreter crashed or hung") in found(outcome)
    assert {tried.package: tried.ok for tried in outcome.alone} == {"fatal": False, "plain": True}


def test_a_missing_extension_is_a_failure(workshop, make):
    workshop.wheel("fallback")
    outcome = make(workshop.stack("fallback", extensions='fallback = ["fallback._speedups"]'))
    assert outcome.extensions == {"fallback._speedups": False}
    assert [(failed.package, failed.stage) for failed in outcome.failures] == [
        ("fallback", "extension")
    ]


def test_a_missing_extension_is_right_where_the_stack_is_to_be_pure(workshop, make):
    workshop.wheel("fallback")
    extensions = 'fallback = ["fallback._speedups"]'
    assert make(workshop.stack("fallback", extensions=extensions, more='pure = ["fallback"]')).ok


def test_an_extension_is_a_failure_where_the_stack_is_to_be_pure(workshop, make):
    # _ctypes is a shared object in every CPython the lab accepts.
    workshop.wheel("fast", "import _ctypes")
    extensions = 'fast = ["_ctypes"]'
    assert make(workshop.stack("fast", extensions=extensions)).ok
    outcome = make(workshop.stack("fast", extensions=extensions, more='pure = ["fast"]'))
    assert [failed.stage for failed in outcome.failures] == ["extension"]


def test_a_wrong_hash_is_a_failure_to_install(workshop, make):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    stack.lock.write_text(f"plain==1.0 --hash=sha256:{'0' * 64}\n")
    outcome = make(stack)
    assert [failed.stage for failed in outcome.failures] == ["install"]
    assert "plain" not in outcome.packages


def test_a_missing_interpreter_is_an_outcome_with_a_hint_and_is_not_kept(workshop, make):
    workshop.wheel("plain")
    stack = workshop.stack("plain", python="3.99")
    outcome = make(stack)
    assert outcome.python is None
    hint = f"there is none here: {interpreters.how_to_get('3.99')}"
    assert found(outcome) == {("cpython", "interpreter", hint)}
    assert not environment_of(stack, workshop.envs).exists()


@pytest.mark.parametrize("asked", ["3.99+jit", "3.99+jit-off"])
def test_without_an_interpreter_that_has_the_jit_nothing_is_fetched(
    workshop, make, monkeypatch, asked
):
    monkeypatch.setenv("ORMLAB_FETCH_PYTHON", "1")
    workshop.wheel("plain")
    outcome = make(workshop.stack("plain", python=asked))
    assert not outcome.ok
    (failed,) = outcome.failures
    assert (failed.package, failed.version, failed.stage) == ("cpython", asked, "interpreter")
    assert "--enable-experimental-jit" in failed.reason
    logs = list(workshop.envs.glob("*.logs/*"))
    assert logs == []


def test_a_failed_outcome_is_kept_too(workshop, make):
    workshop.sdist("broken", "raise RuntimeError('no such luck')")
    stack = workshop.stack("broken")
    first = make(stack)
    workshop.shelf.joinpath("broken-1.0.tar.gz").unlink()
    assert make(stack) == first


def test_an_outcome_under_another_compiler_stands_no_longer(workshop, make):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    outcome = make(stack)
    marker = environment_of(stack, workshop.envs) / "outcome.json"
    record = json.loads(marker.read_text())
    record["python"]["c_compiler"] = "an older one"
    marker.write_text(json.dumps(record))
    assert make(stack).python == outcome.python


@pytest.mark.parametrize("left", [{}, {"outcome.json": ""}, {"outcome.json": '{"schema": 1}'}])
def test_what_was_left_half_built_is_made_again(workshop, make, left):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    home = environment_of(stack, workshop.envs)
    (home / "bin").mkdir(parents=True)
    (home / "bin/python").symlink_to("/nonexistent")
    for name, content in left.items():
        (home / name).write_text(content)
    assert make(stack).ok


def test_an_environment_whose_interpreter_is_gone_is_made_again(workshop, make):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    make(stack)
    python = environment_of(stack, workshop.envs) / "bin/python"
    python.unlink()
    python.symlink_to("/nonexistent")
    assert make(stack).ok
    assert python.exists()


def test_the_callers_compiler_flags_do_not_reach_a_build(workshop, make, monkeypatch):
    monkeypatch.setenv("CFLAGS", "-O0")
    monkeypatch.setenv("AIOHTTP_NO_EXTENSIONS", "1")
    check = "import os; assert not {'CFLAGS', 'AIOHTTP_NO_EXTENSIONS'} & os.environ.keys()"
    workshop.sdist("built", check)
    assert make(workshop.stack("built")).ok


def test_an_unreachable_registry_says_nothing_about_the_stack(workshop, make, command, monkeypatch):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    # Nothing listens on the discard port of the loopback.
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(HostError):
        make(stack)
    assert not (environment_of(stack, workshop.envs) / "outcome.json").exists()
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stdout == ""


def test_being_offline_says_nothing_about_the_stack(workshop, make, monkeypatch):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(HostError):
        make(stack)


def test_an_interpreter_is_fetched_only_where_the_user_allows_it(workshop, tmp_path, monkeypatch):
    """The stand-in for uv notes each call and fetches nothing."""
    noted = tmp_path / "calls"
    stand_in = tmp_path / "uv"
    stand_in.write_text(f'#!/bin/sh\necho "$UV_PYTHON_DOWNLOADS $*" >> {noted}\n')
    stand_in.chmod(0o755)
    workshop.wheel("plain")
    stack = workshop.stack("plain", python="3.99")
    places = {"envs": workshop.envs, "uv": stand_in, "cache": workshop.cache}
    assert not build(stack, **places).ok
    assert not noted.exists()
    monkeypatch.setenv("ORMLAB_FETCH_PYTHON", "1")
    assert [failed.stage for failed in build(stack, **places).failures] == ["interpreter"]
    assert noted.read_text().startswith("manual python install --no-bin 3.99")


def test_two_builds_at_once_make_one_environment(workshop, command):
    workshop.wheel("plain")
    stack = workshop.stack("plain")
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    first, second = (process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert first == second
    assert json.loads(first)["ok"]
    assert logged(workshop, stack).count(" venv ") == 1


def test_a_killed_build_is_waited_out_and_made_again(workshop, command, tmp_path):
    """What a killed build had started still writes; the next one waits for it, then starts over."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    workshop.sdist(
        "slow", f"import os; os.path.exists({str(pipe)!r}) and open({str(pipe)!r}).read()"
    )
    stack = workshop.stack("slow")
    home = environment_of(stack, workshop.envs)
    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    with pipe.open("w"):  # opens as soon as the build backend reads
        killed.kill()
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        assert (home / "bin/python").exists()
        assert not (home / "outcome.json").exists()
        (home / "witness").touch()
        pipe.unlink()
        with home.with_name(f"{home.name}.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(ended.stdout)["ok"], ended.stderr
    assert not (home / "witness").exists()


def test_a_build_that_is_asked_to_stop_ends_what_it_started(workshop, command, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    workshop.sdist("slow", f"open({str(pipe)!r}).read()")
    workshop.stack("slow")
    stopped = subprocess.Popen(command, cwd=ROOT)
    write_end = os.open(pipe, os.O_WRONLY)
    try:
        stopped.terminate()
        assert stopped.wait(60) == 128 + signal.SIGTERM
        # The write end reports an error once no reader is left.
        poll = select.poll()
        poll.register(write_end, 0)
        assert poll.poll(60_000) == [(write_end, select.POLLERR)]
    finally:
        os.close(write_end)


def test_usage_errors_are_told_from_failing_stacks(workshop, command):
    workshop.wheel("plain")
    workshop.stack("plain")
    other = ["other" if word == "made" else word for word in command]
    refused = subprocess.run(other, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr == "agent.stacks: no stack 'other'; the stacks are made\n"
