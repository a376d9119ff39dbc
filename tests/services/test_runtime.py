"""A service says how its Python really runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.running import serving, settings

# Part of glibc: it checks what is freed, and changes nothing for a program that is right.
_LIBRARIES = ("libc_malloc_debug.so.0", "libmemusage.so", "libpcprofile.so")


@pytest.fixture
def said(psql, database, tmp_path, monkeypatch):
    """What a service says that was started with some more variables."""

    def ask(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with serving(tmp_path, settings(psql, database)) as running:
            return running.get("/health")["runtime"]

    return ask


def test_a_service_that_runs_as_it_was_built(said, monkeypatch):
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    runtime = said()
    assert not any(runtime[each] for each in ("asyncio_debug", "debug_build", "tracemalloc"))
    assert runtime["allocator"] == runtime["allocator_of_build"]
    assert runtime["preloaded"] == []


def test_debug_modes_are_told(said):
    runtime = said(PYTHONDEVMODE="1", PYTHONASYNCIODEBUG="1", PYTHONTRACEMALLOC="1")
    assert runtime["flags"]["dev_mode"] == 1
    assert runtime["asyncio_debug"]
    assert runtime["tracemalloc"]
    assert runtime["allocator"] == f"{runtime['allocator_of_build']}_debug"
    assert {"PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC"} <= set(runtime["variables"])


def test_another_allocator_is_told(said):
    runtime = said(PYTHONMALLOC="malloc", MALLOC_ARENA_MAX="1", PYTHONOPTIMIZE="2")
    assert runtime["allocator"] == "malloc"
    assert runtime["flags"]["optimize"] == 2
    assert {"MALLOC_ARENA_MAX", "PYTHONMALLOC"} <= set(runtime["variables"])


def test_a_preloaded_library_is_told_and_one_that_is_missing_is_not(said):
    found = [path for name in _LIBRARIES for path in Path("/lib").glob(f"*/{name}")]
    if not found:
        pytest.skip("there is no library here that can be preloaded")
    runtime = said(LD_PRELOAD=f"/nowhere/libnothing.so:{found[0]}")
    assert runtime["preloaded"] == [found[0].name]
