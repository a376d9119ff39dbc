"""Run inside an environment: import modules, list packages; prints JSON on the last line.

    python -I probe.py '{"modules": [...], "extensions": [...]}'

Other interpreters run it by its path, so it imports nothing of the project.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import sysconfig
import traceback
from importlib.machinery import EXTENSION_SUFFIXES


def main(request: str) -> None:
    """Answer the request on standard output."""
    asked = json.loads(request)
    answer = {
        "imports": {module: _import(module) for module in asked["modules"]},
        "extensions": {module: _is_compiled(module) for module in asked["extensions"]},
        "packages": _packages(),
        "python": _python(),
    }
    sys.stdout.flush()
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


def _import(module: str) -> str | None:
    """Import a module; returns None, or the exception in one line."""
    try:
        importlib.import_module(module)
    except BaseException as problem:  # noqa: BLE001 - whatever an import raises is the answer
        traceback.print_exc()
        first_line = (str(problem).splitlines() or [""])[0]
        return f"{type(problem).__name__}: {first_line}"
    return None


def _is_compiled(module: str) -> bool:
    """Whether the imports have loaded this module from a shared object."""
    origin = getattr(getattr(sys.modules.get(module), "__spec__", None), "origin", None)
    return bool(origin) and str(origin).endswith(tuple(EXTENSION_SUFFIXES))


def _packages() -> dict[str, str]:
    installed = importlib.metadata.distributions()
    names = {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in installed}
    return dict(sorted(names.items()))


def _python() -> dict[str, object]:
    """The interpreter and its compiler, on which all speeds depend."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return {
        "version": platform.python_version(),
        "implementation": sys.implementation.name,
        "build": {
            "when": " ".join(platform.python_build()),
            "compiler": platform.python_compiler(),
            "profile_guided": "--enable-optimizations" in options,
            "link_time": "--with-lto" in options,
            "shared_library": bool(sysconfig.get_config_var("Py_ENABLE_SHARED")),
            "jit": "--enable-experimental-jit" in options,
            "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
        },
        "c_compiler": _c_compiler(),
    }


def _c_compiler() -> str | None:
    """The first line of ``--version`` of the compiler of extensions; None if it is missing."""
    command = str(sysconfig.get_config_var("CC") or "cc").split()[0]
    try:
        answer = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.partition("\n")[0]


if __name__ == "__main__":
    main(sys.argv[1])
