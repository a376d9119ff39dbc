"""Processes that cannot be read, listed or waited for: no figure, and the reason."""

from __future__ import annotations

import signal
import subprocess
import sys
from copy import replace
from pathlib import Path

import pytest

from agent import sampling, server
from agent.sampling import Pss, Sampler, descendants, disinherited, parse_stat, read_pss

STAY = "import signal; signal.pause()"


def stat_line(pid, parent, *, state="S", own=0, inherited=0, pages=10):
    between = ["0"] * 9
    times = [own, 0, inherited, 0]
    after = ["0"] * 6
    return " ".join(map(str, (pid, "(a b) c)", state, parent, *between, *times, *after, pages, 0)))


class Proc:
    """A folder that plays /proc."""

    def __init__(self, root: Path, *, lists_children: bool) -> None:
        self.root = root
        self._lists_children = lists_children

    def put(self, pid, parent, *, children=(), ignored=0, **stat):
        folder = self.root / str(pid)
        thread = folder / "task" / str(pid)
        thread.mkdir(parents=True, exist_ok=True)
        for place in (folder, thread):
            (place / "stat").write_text(stat_line(pid, parent, **stat))
        (folder / "status").write_text(f"Name:\tx\nSigIgn:\t{ignored:016x}\n")
        if self._lists_children:
            (thread / "children").write_text("".join(f"{child} " for child in children))


@pytest.fixture
def proc(tmp_path):
    def make(*, lists_children):
        return Proc(tmp_path, lists_children=lists_children)

    return make


@pytest.mark.parametrize(("lists_children", "method"), [(True, "children"), (False, "parents")])
def test_descendants_are_found_where_the_kernel_lists_no_children(proc, lists_children, method):
    played = proc(lists_children=lists_children)
    played.put(1, 0, children=[7])
    played.put(7, 1, children=[8, 9], own=5)
    played.put(8, 7, children=[10], own=20)
    played.put(9, 7, own=30)
    played.put(10, 8, own=40)
    assert sorted(descendants(7, played.root)[0]) == [7, 8, 9, 10]
    with Sampler(played.root) as sampler:
        sampler.follow("service", 7)
        sampler.sample()
        told = sampler.record()
    assert sum(each.user_ticks for each in sampler.readings) == 95
    assert told.found_by == {"service": method}
    assert told.unread == {}


def test_both_ways_find_the_same_on_this_kernel():
    parent = f"""
import subprocess, sys
children = [subprocess.Popen([sys.executable, "-c", "{STAY}"]) for _ in range(3)]
print(flush=True)
sys.stdin.readline()
for child in children: child.kill(); child.wait()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    by_parents = sampling._by_parents(process.pid, Path("/proc"))
    found = descendants(process.pid, Path("/proc"))[0]
    process.communicate(b"\n")
    assert len(by_parents) == 4
    assert sorted(by_parents) == sorted(found)


def test_a_process_that_cannot_be_opened_leaves_no_figure_of_its_role(proc):
    played = proc(lists_children=True)
    played.put(7, 1)
    with Sampler(played.root) as sampler:
        sampler.follow("service", 7)
        sampler.follow("database", 99)
        sampler.sample()
        assert sampler.pss("database") == Pss(None, sampler.unread["database"])
    assert list(sampler.record().unread) == ["database"]
    assert "99" in sampler.unread["database"]


def test_a_process_that_cannot_be_read_leaves_no_figure_of_its_role(proc):
    played = proc(lists_children=True)
    played.put(7, 1, children=[8])
    played.put(8, 7)
    with Sampler(played.root) as sampler:
        sampler.follow("service", 7)
        sampler.sample()
        (played.root / "8/stat").write_text("nothing of the kind")
        sampler.sample()
        assert "8" in sampler.record().unread["service"]


def test_a_list_that_may_not_be_read_leaves_no_figure_of_its_role(proc):
    played = proc(lists_children=True)
    played.put(7, 1)
    children = played.root / "7/task/7/children"
    children.unlink()
    children.mkdir()  # reading it fails otherwise than for a file that is missing
    with Sampler(played.root) as sampler:
        sampler.follow("service", 7)
        assert "could not be listed" in sampler.record().unread["service"]


def test_a_process_that_ignores_its_children_leaves_no_figure_of_its_role(proc):
    played = proc(lists_children=True)
    played.put(7, 1, ignored=1 << 16)
    played.put(6, 1, ignored=1 << 12)
    with Sampler(played.root) as sampler:
        sampler.follow("service", 7)
        sampler.follow("database", 6)
        sampler.sample()
        told = sampler.record()
    assert list(told.unread) == ["service"]


def test_workers_whose_time_is_thrown_away_leave_no_figure_of_their_role():
    burn = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    parent = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
sys.stdin.readline()
subprocess.run([sys.executable, "-c", {burn!r}])
print(flush=True)
sys.stdin.readline()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with Sampler() as sampler:
        sampler.follow("service", process.pid)
        sampler.sample()
        print(file=process.stdin, flush=True)
        process.stdout.readline()
        sampler.sample()
        told = sampler.record()
    process.communicate("\n")
    assert "SIGCHLD" in told.unread["service"]


def stat(pid, parent, **more):
    return parse_stat(stat_line(pid, parent, **more).encode())


@pytest.mark.parametrize(
    ("taken", "missing"),
    [
        (0, {7: 96}),  # its parent took nothing over
        (98, {}),  # each time is rounded down
        (100, {}),
        (500, {}),  # others, that nobody saw, ended too
    ],
)
def test_what_an_ended_child_had_used_must_be_in_its_parent(taken, missing):
    first = {7: stat(7, 1, inherited=50), 8: stat(8, 7)}
    last = {7: stat(7, 1, inherited=50 + taken), 8: stat(8, 7, own=100)}
    assert disinherited(first, last, {8: "service"}) == missing


def test_a_grandchild_is_inherited_through_its_ended_parent():
    first = {7: stat(7, 1), 8: stat(8, 7), 9: stat(9, 8)}
    last = {7: stat(7, 1, inherited=130), 8: stat(8, 7, own=50), 9: stat(9, 8, own=80)}
    assert disinherited(first, last, {8: "", 9: ""}) == {}
    last[7] = stat(7, 1, inherited=50)
    assert disinherited(first, last, {8: "", 9: ""}) == {7: 72}


def test_an_orphan_is_inherited_by_nobody_of_the_trial():
    first = {7: stat(7, 1), 8: stat(8, 7)}
    last = {7: stat(7, 1), 8: stat(8, 1, own=30)}
    assert disinherited(first, last, {8: "service"}) == {1: 30}


def test_a_stopped_process_is_counted():
    process = subprocess.Popen([sys.executable, "-c", STAY])
    try:
        with Sampler() as sampler:
            sampler.follow("load", process.pid)
            sampler.sample()
            assert sampler.record().stopped == {"load": 0}
            process.send_signal(signal.SIGSTOP)
            while "T (" not in Path(f"/proc/{process.pid}/status").read_text():
                pass
            sampler.sample()
            assert sampler.record().stopped == {"load": 1}
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("text", [None, "Rss: 1 kB\n"])
def test_a_memory_that_is_not_told_is_none_and_says_why(tmp_path, text):
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    (tmp_path / "7/smaps_rollup").write_text("Rss: 9 kB\nPss: 5 kB\n")
    assert read_pss([7], tmp_path) == Pss(5120, None)
    if text is not None:
        (tmp_path / "8/smaps_rollup").write_text(text)
    found = read_pss([7, 8], tmp_path)
    assert found.bytes is None
    assert "8" in (found.reason or "")


def test_the_memory_that_no_file_is_behind_is_the_sum_of_all_or_unknown(tmp_path):
    header = "55a2-7fff ---p 00000000 00:00 0    [rollup]\n"
    for pid, lines in (
        (7, "Pss: 5 kB\nPss_Anon: 4 kB\n"),
        (8, "Pss: 3 kB\nPss_Anon: 1 kB\n"),
        (9, "Pss: 1 kB\n"),
    ):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / f"{pid}/smaps_rollup").write_text(header + lines)
    assert read_pss([7, 8], tmp_path) == Pss(8192, None, 5120)
    assert read_pss([7, 9, 8], tmp_path) == Pss(9216, None, None)


def test_a_server_that_does_not_answer_is_not_silent(psql):
    assert server.await_silence(psql, "postgres", timeout_s=0) == 0
    assert server.await_silence(replace(psql, port=1), "postgres", timeout_s=0) is None


def test_no_process_at_all_has_no_memory():
    assert read_pss([]) == Pss(None, "no process was found")
