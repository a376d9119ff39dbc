"""What a service says of itself: which code runs, pure Python or compiled, and how Python runs."""

from __future__ import annotations

import _tracemalloc
import asyncio
import os
import platform
import re
import sys
import sysconfig
from dataclasses import asdict
from importlib import metadata
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

from workloads.services import manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workloads.services.settings import Settings

# What every service runs on, whichever it is: the packages, and the modules of each that show
# whether it runs compiled code. Libraries fall back silently to slower Python.
_COMMON = {
    "aiohttp": ("aiohttp._http_parser", "aiohttp._http_writer"),
    "fastapi": (),
    "frozenlist": ("frozenlist._frozenlist",),
    "httptools": ("httptools.parser.parser",),
    "multidict": ("multidict._multidict",),
    "orjson": ("orjson.orjson",),
    "pydantic": (),
    "pydantic-core": ("pydantic_core._pydantic_core",),
    "starlette": (),
    "uvicorn": (),
    "uvloop": ("uvloop.loop",),
    "yarl": ("yarl._quoting_c",),
}

_FLAGS = (
    *("bytes_warning", "debug", "dev_mode", "hash_randomization", "ignore_environment"),
    *("inspect", "interactive", "isolated", "no_site", "no_user_site", "optimize", "safe_path"),
    *("utf8_mode", "verbose", "warn_default_encoding"),
)
# Variables that the lab sets itself.
_OWN = {"PYTHONHASHSEED", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHON_JIT"}
_TUNING = re.compile(r"GLIBC_TUNABLES|LD_.*|MALLOC_.*|PYTHON.*")
_ALLOCATORS = re.compile(r"lib(?:jemalloc|tcmalloc|mimalloc|snmalloc|hoard|scudo)(?![a-z]).*")


def report(settings: Settings) -> dict[str, object]:
    """Return the body of ``GET /health`` of this process, once everything is imported.

    Its keys are those of ``bundle.documents.readings.Health``, which no stack can import.
    """
    own = manifest.named(settings.service).manifest.packages
    packages = _COMMON | {name: tuple(package.compiled) for name, package in own.items()}
    return {
        "service": settings.service,
        "pid": os.getpid(),
        "nonce": settings.nonce,
        "python": platform.python_version(),
        "jit": jit(str(sysconfig.get_config_var("CONFIG_ARGS")), os.environ.get("PYTHON_JIT")),
        "versions": _versions(packages),
        "extensions": {name: _compiled(modules) for name, modules in packages.items() if modules},
        "pool": asdict(settings.pool),
        "workers": settings.workers,
        "framework": settings.framework,
        "cache": asdict(settings.cache),
        "loop": settings.loop,
        "json": settings.json,
        "options": settings.options,
        "runtime": _runtime(),
    }


def jit(options: str, variable: str | None) -> bool | None:
    """Return whether CPython's experimental JIT is on; None in a build without one.

    It depends on the options of ``configure`` and on the variable PYTHON_JIT, which decides if it
    is set.
    """
    built = re.search(r"--enable-experimental-jit(?:=([a-z-]+))?", options)
    default = (built[1] or "yes") if built else "no"
    if default not in {"yes", "yes-off"}:
        return None
    return default == "yes" if variable is None else variable != "0"


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each of these distributions that the stack has."""
    installed = {}
    for name in packages:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _compiled(modules: Iterable[str]) -> bool | None:
    """Return whether all modules of a package run compiled code; None if it is not in use."""
    if not any(module.partition(":")[0].partition(".")[0] in sys.modules for module in modules):
        return None
    return all(map(_is_compiled, modules))


def _is_compiled(name: str) -> bool:
    """Ask a ``module:function``, or look where a module comes from."""
    module, asks, function = name.partition(":")
    if not asks:
        return _is_extension(module)
    return module in sys.modules and bool(getattr(sys.modules[module], function)())


def _is_extension(name: str) -> bool:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return isinstance(getattr(spec, "loader", None), ExtensionFileLoader)


def _runtime() -> dict[str, object]:
    """How this process's Python runs, as variables can change it: the keys of ``Runtime``."""
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
