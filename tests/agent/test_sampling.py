from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import IO

import psutil
import pytest

from agent.processes import Watch, spawn, stop
from agent.sampling import TICKS_PER_S, Sampler, Stat, affinity, memory, parse_stat, read_pss
from tests.conftest import CHECKOUT

STAY = "import signal; signal.pause()"


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", STAY])
    yield process
    process.kill()
    process.wait()


def start(code: str) -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
    """A process, what it reads, and what it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    return process, process.stdin, process.stdout


def test_a_stat_line_is_read_although_the_name_has_spaces_and_parentheses():
    fields = ["S", *["0"] * 10, "7", "9", "2", "1", *["0"] * 6, "123", "0"]
    line = b"42 (a (nasty) name) " + " ".join(fields).encode()
    assert parse_stat(line) == Stat("S", 0, 9, 10, 3, 123)


def test_a_busy_process_is_seen_to_use_cpu_time_and_memory():
    busy = "import time; block = bytearray(30 << 20); print(flush=True)\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with Sampler() as sampler:
            sampler.follow("service", process.pid)
            while sum(psutil.Process(process.pid).cpu_times()[:2]) < 0.5:
                sampler.sample()
                time.sleep(0.02)
            sampler.sample()
        last = sampler.readings[-1]
        assert (last.user_ticks + last.system_ticks) / TICKS_PER_S >= 0.49
        assert last.rss_pages * os.sysconf("SC_PAGE_SIZE") > 30 << 20
        assert sampler.record().cpu_s > 0
    finally:
        process.kill()
        process.communicate()


def test_descendants_are_found_and_the_ended_are_dropped():
    family = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{STAY}"])
print(child.pid, flush=True)
sys.stdin.readline()
child.kill(); child.wait()
print("gone", flush=True)
sys.stdin.readline()
"""
    parent, reads, prints = start(family)
    child = int(prints.readline())
    with Sampler() as sampler:
        sampler.follow("load", parent.pid)
        sampler.sample()
        assert sampler.pids("load") == [parent.pid, child]
        print(file=reads, flush=True)
        assert prints.readline() == "gone\n"
        sampler.sample()
        assert sampler.pids() == [parent.pid]
        assert sampler.ended == {child: "load"}
    parent.communicate("\n")


def test_a_child_that_lived_between_two_rounds_is_in_its_parent():
    burn = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    family = f"""
import subprocess, sys
sys.stdin.readline()
subprocess.run([sys.executable, "-c", {burn!r}])
print("gone", flush=True)
sys.stdin.readline()
"""
    parent, reads, prints = start(family)
    with Sampler() as sampler:
        sampler.follow("load", parent.pid)
        sampler.sample()
        print(file=reads, flush=True)
        assert prints.readline() == "gone\n"
        sampler.sample()
    parent.communicate("\n")
    first, last = (each.user_ticks + each.system_ticks for each in sampler.readings)
    assert {each.pid for each in sampler.readings} == {parent.pid}
    assert (last - first) / TICKS_PER_S >= 0.19


def test_pss_is_below_rss_and_unknown_for_the_dead(child):
    found = read_pss([child.pid])
    assert found.bytes is not None
    assert 0 < found.bytes <= psutil.Process(child.pid).memory_info().rss
    assert found.reason is None
    child.kill()
    child.wait()
    found = read_pss([child.pid])
    assert found.bytes is None
    assert str(child.pid) in (found.reason or "")
    assert affinity(child.pid) is None


def test_the_memory_of_the_service_is_looked_at_in_the_window(child):
    with Sampler(pss_every_s=0) as sampler:
        sampler.follow("service", child.pid)
        before = sampler.pss("service")
        for _ in range(3):
            sampler.sample()
        told = memory(before, sampler)
    assert told.service_pss_before_bytes == before.bytes
    assert [look.at_s for look in told.service_looks] == sorted(
        look.at_s for look in told.service_looks
    )
    assert len(told.service_looks) == 3
    for look in told.service_looks:
        assert look.pss_bytes
        assert look.anonymous_bytes is None or 0 < look.anonymous_bytes <= look.pss_bytes
    assert told.service_looks_unread is None


def test_a_short_window_and_other_roles_have_no_look_at_memory(child):
    with Sampler() as short, Sampler(pss_every_s=0) as other:
        short.follow("service", child.pid)
        other.follow("load", child.pid)
        for sampler in (short, other):
            sampler.sample()
            sampler.sample()
            assert sampler.looks == []


def test_a_look_that_finds_nobody_is_null_and_says_why(child):
    with Sampler(pss_every_s=0) as sampler:
        sampler.follow("service", child.pid)
        child.kill()
        child.wait()
        sampler.sample()
        (look,) = sampler.looks
        assert (look.pss_bytes, look.anonymous_bytes) == (None, None)
        assert sampler.looks_unread == "no process was found"


def test_a_watch_names_who_ended_and_ticks_meanwhile(child):
    ticks = []
    with Watch() as watch:
        watch.add("child", child.pid)
        deadline = time.monotonic() + 0.35
        assert (
            watch.until_one_ends(deadline=deadline, period_s=0.1, tick=lambda: ticks.append(1))
            == set()
        )
        assert ticks
        child.kill()
        deadline = time.monotonic() + 30
        assert watch.until_one_ends(deadline=deadline, period_s=60, tick=lambda: None) == {"child"}


# Starts a program that tells which signals it holds back, and is told to end meanwhile.
TOLD = """
import os, signal, sys
from pathlib import Path
from agent.processes import spawn

class Told(Exception):
    pass

def tell(*_):
    raise Told

signal.signal(signal.SIGTERM, tell)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    spawn(["grep", "SigBlk", "/proc/self/status"], program="tool", log=Path(sys.argv[1]))
except Told:
    os.wait()
    print("told")
"""


def test_a_signal_that_comes_while_a_program_starts_is_heard_and_held_back_from_nobody(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-c", TOLD, log]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert (ended.stdout, ended.stderr) == ("told\n", "")
    assert int(log.read_text().split()[1], 16) == 0


def test_a_stubborn_process_is_ended_and_that_is_said(tmp_path):
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    stubborn = f"import signal; {ignore}; print(flush=True); signal.pause()"
    process = spawn(
        [sys.executable, "-c", stubborn], program="tool", log=tmp_path / "log", cpus=[0]
    )
    while not (tmp_path / "log").stat().st_size:
        time.sleep(0.01)
    assert affinity(process.pid) == [0]
    assert stop(process, timeout_s=0.2) is False
    assert process.returncode == -9
