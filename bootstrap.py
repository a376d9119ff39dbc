"""Make the lab's own environment in ``.venv`` from nothing but a python3 and a network.

    python3 bootstrap.py place  nothing: say whether `make demo` can run on this machine
    python3 bootstrap.py lab    what `make demo` needs
    python3 bootstrap.py dev    that, and what `make test` and `make check` need

The steps: find CPython 3.13, give it a small environment with a hash-locked uv, and let that uv
fill ``.venv`` from the hash-locked requirements. Where CPython 3.13 is missing, uv fetches one if
ORMLAB_FETCH_PYTHON=1 allows it. Everything stays inside the checkout. What a user has to install is
said before anything is made. Run by make; the stamp files in ``.venv`` let the second call start at
once.
"""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

# Python 3.6 must be able to read this file to say so: it has no syntax of later versions.
_OLDEST = (3, 9)
if sys.version_info < _OLDEST:
    sys.exit(
        f"ormlab: {sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}, and the "
        "set-up needs 3.9 or newer: name one, as in `make demo PYTHON=/path/to/python3`"
    )

from agent import interpreters, reach
from host import distribution
from host.environment import environment

ROOT = Path(__file__).resolve().parent
LAB = ROOT / ".lab"
VENV = ROOT / ".venv"
UV = LAB / "uv/bin/uv"
BIN = LAB / "bin"
LOG = LAB / "bootstrap.log"
_SPEAKS_EVERY_S = 5.0
_HINT = (
    "the set-up needs a network; if packages come from a mirror here, name it in UV_DEFAULT_INDEX "
    "and PIP_INDEX_URL (docs/environment.md says what else counts)"
)


class BootstrapError(Exception):
    """The environment cannot be made; the message says what to do."""


class _StepError(Exception):
    """A program that makes it failed; the message says at which step, and its last words."""


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
    except KeyboardInterrupt:
        print("ormlab: interrupted; the same command goes on", file=sys.stderr)
        return 130
    except BootstrapError as problem:
        print(f"ormlab: {problem}", file=sys.stderr)
        return 7
    except _StepError as failed:
        print(f"ormlab: {failed}\normlab: {_HINT}; all output is in {LOG}", file=sys.stderr)
        return 7
    return 0


def _require_place() -> None:
    """Make sure that a run can work in this checkout, which takes a while to find out later."""
    if sys.platform != "linux":
        raise BootstrapError(
            f"the lab measures on Linux only, and this is {sys.platform}: clone it inside a "
            "virtual machine with Linux, and type the same there"
        )
    for folder in (ROOT, LAB, VENV):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise BootstrapError(
                f"you cannot write to {folder}, where the lab keeps all that it makes: copy the "
                f"checkout to a folder of your own, as in `cp -r {shlex.quote(str(ROOT))} ~/`"
            )
    barrier = reach.obstacle(ROOT, LAB / "host")
    if barrier:
        raise BootstrapError(f"{barrier.what}: {barrier.hint}")


def _make(level: str) -> None:
    _require_place()
    version = (ROOT / ".python-version").read_text().strip()
    extra = _contained()
    python = interpreters.find(version)
    if python is None and extra["UV_PYTHON_DOWNLOADS"] == "never":
        raise BootstrapError(
            _no_python(version, "uv may fetch one only with ORMLAB_FETCH_PYTHON=1")
        )
    LAB.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    if python is None:
        print(f"ormlab: there is no CPython {version} here: uv is to fetch one", file=sys.stderr)
    lock, stamp = (ROOT / "requirements/uv.txt").read_bytes(), LAB / "uv/.lock"
    if not UV.exists() or not stamp.exists() or stamp.read_bytes() != lock:
        _install_uv(python, version, extra)
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
    _offer()


def _contained() -> dict[str, str]:
    """The variables that keep uv inside the checkout and away from other Pythons."""
    allowed = os.environ.get("ORMLAB_FETCH_PYTHON") == "1"
    return {
        "UV_CACHE_DIR": str(LAB / "cache/uv"),
        "UV_PYTHON_INSTALL_DIR": str(LAB / "python"),
        "UV_PYTHON_DOWNLOADS": "manual" if allowed else "never",
        "UV_LINK_MODE": "hardlink",
    }


def _install_uv(python: "str | None", version: str, extra: dict[str, str]) -> None:
    """Install uv, with the interpreter that it is for, or with this one until that is there."""
    makers = [each for each in (python, sys.executable) if each]
    maker = next(filter(_has_venv, makers), None)
    if maker is None:
        here = "{}.{}".format(*sys.version_info)
        command = distribution.how_to_get_venv(version if python else here)
        raise BootstrapError(
            f"{makers[0]} lacks the modules venv and ensurepip: "
            + (f"type `{command}`" if command else "install its packages for them")
        )
    _run("making an environment for uv", [maker, "-m", "venv", "--clear", LAB / "uv"], extra)
    lock = ROOT / "requirements/uv.txt"
    pip = [LAB / "uv/bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    install = [*pip, "--require-hashes", "-r", lock]
    try:
        _run("installing uv", install, extra)
    except _StepError as failed:
        if python:
            raise
        raise BootstrapError(_no_python(version, f"{failed} (is there a network?)")) from None


def _has_venv(python: str) -> bool:
    """Whether ``python -m venv`` works with pip; Debian has ensurepip in a package of its own."""
    asked = [python, "-I", "-c", "import ensurepip, venv; ensurepip.version()"]
    answer = subprocess.run(asked, env=environment("installer"), capture_output=True, check=False)
    return answer.returncode == 0


def _fetch_python(version: str, extra: dict[str, str]) -> str:
    what = f"fetching CPython {version} into {LAB.name}/python"
    try:
        _run(what, [UV, "python", "install", "--no-progress", "--no-bin", version], extra)
    except _StepError as failed:
        raise BootstrapError(_no_python(version, f"{failed}")) from None
    answer = subprocess.run(
        [UV, "python", "find", "--managed-python", version],
        env=environment("installer", extra),
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode != 0:
        LOG.write_text(answer.stderr)
        raise BootstrapError(_no_python(version, f"the fetched one does not run: {_last_words()}"))
    return answer.stdout.strip()


def _no_python(version: str, why: str) -> str:
    """What to type, on a line of its own to copy it from."""
    command = distribution.how_to_get_python(version)
    return (
        f"there is no CPython {version} here, and {why}. Install one like this, and type the same "
        f"command again:\n\n  {command}\n"
    )


def _offer() -> None:
    """Make a folder for PATH that has ``ormlab`` and no python, and say how it gets there."""
    BIN.mkdir(exist_ok=True)
    link = BIN / "ormlab"
    link.unlink(missing_ok=True)
    link.symlink_to(VENV / "bin/ormlab")
    words = f'export PATH={shlex.quote(str(BIN))}:"$PATH"'
    print(f"ormlab: to type `ormlab` in any folder: {words}", file=sys.stderr)


def _run(what: str, command: list[object], extra: dict[str, str]) -> None:
    """Run a command, and say what it is for: at once, and again while it takes long.

    Raises:
        _StepError: it failed.
    """
    argv = [str(part) for part in command]
    print(f"ormlab: {what}", file=sys.stderr)
    began = time.monotonic()
    with LOG.open("ab") as log:
        log.write(f"$ {shlex.join(argv)}\n".encode())
        log.flush()
        quiet = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
        with subprocess.Popen(argv, env=environment("installer", extra), **quiet) as process:
            while True:
                try:
                    status = process.wait(_SPEAKS_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    seconds = time.monotonic() - began
                    print(f"ormlab: {what}, {seconds:.0f} s so far", file=sys.stderr)
    if status:
        raise _StepError(f"{what} failed: {_last_words()}")


def _last_words() -> str:
    """The last line of the log that says something."""
    lines = map(str.strip, LOG.read_text(errors="replace").splitlines())
    return [line for line in lines if line][-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
