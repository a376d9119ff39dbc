"""What a service says of itself: which code really runs, pure Python or compiled."""

from __future__ import annotations

import os
import platform
import re
import sys
import sysconfig
from importlib import metadata
from importlib.machinery import ExtensionFileLoader
from typing import TYPE_CHECKING

from workloads.services import runtime

if TYPE_CHECKING:
    from workloads.services.settings import Settings

# Libraries fall back silently to slower Python; these modules tell which it was. SQLAlchemy 2.1
# keeps one name for both, so the loader of the module decides.
_COMPILED = {
    "aiohttp": ("aiohttp._http_parser", "aiohttp._http_writer"),
    "asyncpg": ("asyncpg.protocol.protocol",),
    "frozenlist": ("frozenlist._frozenlist",),
    "greenlet": ("greenlet._greenlet",),
    "httptools": ("httptools.parser.parser",),
    "multidict": ("multidict._multidict",),
    "orjson": ("orjson.orjson",),
    "pydantic-core": ("pydantic_core._pydantic_core",),
    "sqlalchemy": (),
    "uvloop": ("uvloop.loop",),
    "yarl": ("yarl._quoting_c",),
}
_VERSIONED = (
    *_COMPILED,
    *("fastapi", "pydantic", "pypika-tortoise", "starlette", "tortoise-orm", "uvicorn"),
)


def report(settings: Settings) -> dict[str, object]:
    """Return the body of ``GET /health`` of this process, once everything is imported.

    ``extensions`` maps each library that has compiled parts to whether they are loaded; null
    means that this service does not use the library.
    """
    return {
        "service": settings.service,
        "pid": os.getpid(),
        "nonce": settings.nonce,
        "python": platform.python_version(),
        "jit": jit(str(sysconfig.get_config_var("CONFIG_ARGS")), os.environ.get("PYTHON_JIT")),
        "versions": _versions(),
        "extensions": {library: _compiled(library) for library in _COMPILED},
        "pool": {"size": settings.pool.size, "overflow": settings.pool.overflow},
        "workers": settings.workers,
        "framework": settings.framework,
        "cache": {"ttl_s": settings.cache.ttl_s, "entries": settings.cache.entries},
        "loop": settings.loop,
        "json": settings.json,
        "options": settings.options,
        "runtime": runtime.effective(),
    }


def jit(options: str, variable: str | None) -> bool | None:
    """Return whether CPython's experimental JIT is on; None in a build that has none.

    Args:
        options: what CPython was configured with.
        variable: PYTHON_JIT, which decides where it is set, but in no other build.
    """
    built = re.search(r"--enable-experimental-jit(?:=([a-z-]+))?", options)
    default = (built[1] or "yes") if built else "no"
    if default not in {"yes", "yes-off"}:
        return None
    return default == "yes" if variable is None else variable != "0"


def _versions() -> dict[str, str]:
    """Return the version of each distribution of the stack, used by this service or not."""
    installed = {}
    for name in _VERSIONED:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _compiled(library: str) -> bool | None:
    if library.replace("-", "_") not in sys.modules:
        return None
    if library == "sqlalchemy":
        has_compiled_ext = sys.modules["sqlalchemy.util"].has_compiled_ext
        return bool(has_compiled_ext())
    return all(_is_extension(name) for name in _COMPILED[library])


def _is_extension(name: str) -> bool:
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return isinstance(getattr(spec, "loader", None), ExtensionFileLoader)
