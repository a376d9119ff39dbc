"""How the Python of a service really runs: what a variable can change without leaving a trace."""

from __future__ import annotations

import _tracemalloc
import asyncio
import os
import re
import sys
import sysconfig
from pathlib import Path
from typing import TypedDict

_FLAGS = (
    *("bytes_warning", "debug", "dev_mode", "hash_randomization", "ignore_environment"),
    *("inspect", "interactive", "isolated", "no_site", "no_user_site", "optimize", "safe_path"),
    *("utf8_mode", "verbose", "warn_default_encoding"),
)
# These the lab sets itself.
_OWN = {"PYTHONHASHSEED", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHON_JIT"}
_TUNING = re.compile(r"GLIBC_TUNABLES|LD_.*|MALLOC_.*|PYTHON.*")
_ALLOCATORS = re.compile(r"lib(?:jemalloc|tcmalloc|mimalloc|snmalloc|hoard|scudo)(?![a-z]).*")


class Runtime(TypedDict):
    """What `effective` finds.

    Attributes:
        flags: some of ``sys.flags``, by name.
        debug_build: whether CPython was built for debugging.
        asyncio_debug: whether the event loop is in debug mode.
        tracemalloc: whether allocations are traced.
        allocator: of Python's objects, by the names of PYTHONMALLOC.
        allocator_of_build: the one that this CPython has by default.
        preloaded: libraries in memory that LD_PRELOAD, /etc/ld.so.preload or another allocator
            brought, sorted; None where the kernel does not say what is mapped.
        variables: names of variables that tune Python, the loader or malloc, beside the lab's own.
    """

    flags: dict[str, int]
    debug_build: bool
    asyncio_debug: bool
    tracemalloc: bool
    allocator: str
    allocator_of_build: str
    preloaded: list[str] | None
    variables: list[str]


def effective() -> Runtime:
    """Look at this process, from its running event loop."""
    of_build = _allocator_of_build()
    return {
        "flags": {name: int(getattr(sys.flags, name)) for name in _FLAGS},
        "debug_build": hasattr(sys, "gettotalrefcount"),
        "asyncio_debug": asyncio.get_running_loop().get_debug(),
        "tracemalloc": _tracemalloc.is_tracing(),
        "allocator": _allocator(of_build),
        "allocator_of_build": of_build,
        "preloaded": _preloaded(),
        "variables": sorted(set(filter(_TUNING.fullmatch, os.environ)) - _OWN),
    }


def _allocator_of_build() -> str:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "mimalloc"
    return "pymalloc" if sysconfig.get_config_var("WITH_PYMALLOC") else "malloc"


def _allocator(of_build: str) -> str:
    named = "" if sys.flags.ignore_environment else os.environ.get("PYTHONMALLOC", "")
    if named not in {"", "default"}:
        return named
    return f"{of_build}_debug" if sys.flags.dev_mode else of_build


def _preloaded() -> list[str] | None:
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    mapped = {line.rpartition("/")[2] for line in lines if "/" in line}
    named = re.split(r"[:\s]+", f"{os.environ.get('LD_PRELOAD', '')} {_preloaded_everywhere()}")
    asked = {name.rpartition("/")[2] for name in named if name}
    return sorted(mapped & asked | set(filter(_ALLOCATORS.match, mapped)))


def _preloaded_everywhere() -> str:
    try:
        return Path("/etc/ld.so.preload").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
