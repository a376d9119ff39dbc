"""Make the lab's own environment in ``.venv`` from nothing but a python3 and a network.

    python3 bootstrap.py lab    what `make demo` needs
    python3 bootstrap.py dev    that, and what `make test` and `make check` need
    python3 bootstrap.py place  nothing: say whether `make demo` could run PostgreSQL here

The steps: find CPython 3.13, give it a small environment with a hash-locked uv, and let that uv
fill ``.venv`` from the hash-locked requirements. Everything stays inside the checkout. Run by
make; the stamp files in ``.venv`` let the second call start at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from agent import interpreters, reach
from host.environment import environment

ROOT = Path(__file__).resolve().parent
LAB = ROOT / ".lab"
VENV = ROOT / ".venv"
UV = LAB / "uv/bin/uv"
_SPEAKS_EVERY_S = 5.0
_HINT = (
    "if packages come from a mirror here, name it in UV_DEFAULT_INDEX and PIP_INDEX_URL; "
    "docs/environment.md says which variables and files count"
)


class BootstrapError(Exception):
    """The environment cannot be made; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Make the environment named by the only argument; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in ("lab", "dev", "place"):
        print("usage: python3 bootstrap.py lab|dev|place", file=sys.stderr)
        return 2
    reach.let_others_read()
    try:
        if arguments[0] == "place":
            _require_place()
        else:
            _make(arguments[0])
    except BootstrapError as problem:
        print(f"ormlab: {problem}", file=sys.stderr)
        return 7
    except subprocess.CalledProcessError as failed:
        command = " ".join(map(str, failed.cmd))
        print(f"ormlab: `{command}` ended with {failed.returncode}", file=sys.stderr)
        print(f"ormlab: {_HINT}", file=sys.stderr)
        return 7
    return 0


def _require_place() -> None:
    """Make sure that PostgreSQL can run in this checkout, which takes a while to find out later."""
    if barrier := reach.obstacle(ROOT, LAB / "host"):
        raise BootstrapError(f"{barrier.what}: {barrier.hint}")


def _make(level: str) -> None:
    version = (ROOT / ".python-version").read_text().strip()
    extra = _contained()
    python = interpreters.find(version)
    lock, stamp = (ROOT / "requirements/uv.txt").read_bytes(), LAB / "uv/.lock"
    if not UV.exists() or not stamp.exists() or stamp.read_bytes() != lock:
        _install_uv(python or sys.executable, version, extra)
        stamp.write_bytes(lock)
    if python is None:
        python = _fetch_python(version, extra)
    if not (VENV / "bin/python").exists():
        # What may lie there is of an interpreter that is gone.
        _run(
            "making the environment .venv",
            [UV, "venv", "--quiet", "--clear", "--python", python, VENV],
            extra,
        )
    target = ["--python", VENV / "bin/python"]
    wanted = ROOT / f"requirements/{level}.txt"
    exactly = ["--require-hashes", "--compile-bytecode", *target, "-r", wanted]
    what = f"installing the packages of {wanted.relative_to(ROOT)} into .venv"
    _run(what, [UV, "pip", "install", "--quiet", *exactly], extra)
    own = ["--no-deps", "--no-build-isolation", "--no-index", "--editable", ROOT]
    _run("installing this checkout", [UV, "pip", "install", "--quiet", *target, *own], extra)
    (VENV / f".{level}").touch()
    if level == "dev":
        (VENV / ".lab").touch()


def _contained() -> dict[str, str]:
    """The variables that keep uv inside the checkout and away from other Pythons."""
    allowed = os.environ.get("ORMLAB_FETCH_PYTHON") == "1"
    return {
        "UV_CACHE_DIR": str(LAB / "cache/uv"),
        "UV_PYTHON_INSTALL_DIR": str(LAB / "python"),
        "UV_PYTHON_DOWNLOADS": "manual" if allowed else "never",
        "UV_LINK_MODE": "hardlink",
    }


def _install_uv(python: str, version: str, extra: dict[str, str]) -> None:
    try:
        _run("making an environment for uv", [python, "-m", "venv", "--clear", LAB / "uv"], extra)
    except subprocess.CalledProcessError:
        hint = interpreters.how_to_get(version)
        raise BootstrapError(f"{python} cannot make a virtual environment: {hint}") from None
    lock = ROOT / "requirements/uv.txt"
    pip = [LAB / "uv/bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    _run("installing uv", [*pip, "--require-hashes", "-r", lock], extra)


def _fetch_python(version: str, extra: dict[str, str]) -> str:
    if extra["UV_PYTHON_DOWNLOADS"] == "never":
        raise BootstrapError(
            f"no CPython {version} on PATH or in pyenv's folder: {interpreters.how_to_get(version)}"
        )
    _run(f"fetching CPython {version}", [UV, "python", "install", "--no-bin", version], extra)
    answer = subprocess.run(
        [UV, "python", "find", "--managed-python", version],
        env=environment("installer", extra),
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


def _run(what: str, command: list[object], extra: dict[str, str]) -> None:
    """Run a command, and say what it is for: at once, and again while it takes long."""
    argv = [str(part) for part in command]
    print(f"ormlab: {what}", file=sys.stderr)
    began = time.monotonic()
    with subprocess.Popen(argv, env=environment("installer", extra)) as process:
        while True:
            try:
                status = process.wait(_SPEAKS_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                seconds = time.monotonic() - began
                print(f"ormlab: {what}, {seconds:.0f} s so far", file=sys.stderr)
    if status:
        raise subprocess.CalledProcessError(status, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
