"""Run the small plan under many hostile environments, and print what became of each.

    python -m tests.run.hostile_environments --inventory FILE [NAME...]

One row for each environment: exit code, requests a second of each subject over those of a clean
run, and for a refusal its reason. A run whose figures may be used has kept the gates, so its
services ran as they were built. Nothing is asserted of time. Each row takes about 20 seconds; the
first run of a lab root also makes environments and cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.conftest import CHECKOUT
from tests.run.small import write_plan

ORMLAB = str(Path(sys.executable).with_name("ormlab"))
_TIMEOUT_S = 600
_REFUSAL = "error: "


@dataclass(frozen=True)
class Hostile:
    """One environment.

    Attributes:
        name: of the row.
        variables: set for the run; None unsets one. ``{scratch}`` stands for an empty folder.
        prefix: program and arguments before the command, for what is no variable.
        files: content of files below the scratch folder, by path.
        cwd: where the command starts; None for the scratch folder.
    """

    name: str
    variables: dict[str, str | None] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    cwd: str | None = None


def _shell(before: str) -> tuple[str, ...]:
    return ("sh", "-c", f'{before}; exec "$@"', "sh")


def _variables(name: str, **variables: str | None) -> Hostile:
    return Hostile(name, variables)


_NOWHERE = "/nowhere"
_PROXY = "http://127.0.0.1:9"
ENVIRONMENTS = (
    _variables("clean"),
    _variables("python: debug modes", PYTHONASYNCIODEBUG="1", PYTHONDEVMODE="1"),
    _variables("python: malloc", PYTHONMALLOC="malloc"),
    _variables("python: malloc debug", PYTHONMALLOC="debug", PYTHONMALLOCSTATS="1"),
    _variables("python: optimize", PYTHONOPTIMIZE="2"),
    _variables("python: hash seed", PYTHONHASHSEED="0"),
    Hostile(
        "python: path with a foreign json and sitecustomize",
        {"PYTHONPATH": "{scratch}/path"},
        files={
            "path/sitecustomize.py": "import time\n",
            "path/aiohttp.py": "raise ImportError('not the real one')\n",
            "path/asyncpg.py": "raise ImportError('not the real one')\n",
        },
    ),
    _variables("python: tracemalloc", PYTHONTRACEMALLOC="10"),
    _variables("python: warnings", PYTHONWARNINGS="always"),
    _variables("python: encodings", PYTHONUTF8="0", PYTHONIOENCODING="latin-1", LC_ALL="C"),
    _variables("python: user base", PYTHONUSERBASE="{scratch}", PYTHONNOUSERSITE=""),
    _variables("python: bytecode", PYTHONPYCACHEPREFIX="{scratch}", PYTHONDONTWRITEBYTECODE="1"),
    _variables("python: profile imports", PYTHONPROFILEIMPORTTIME="1"),
    _variables("loader: missing library", LD_PRELOAD="nonexistent"),
    _variables("loader: malloc debug", LD_PRELOAD="libc_malloc_debug.so.0", MALLOC_CHECK_="3"),
    _variables("loader: library path", LD_LIBRARY_PATH="{scratch}", LD_BIND_NOW="1"),
    _variables("malloc", MALLOC_ARENA_MAX="1", MALLOC_PERTURB_="165", MALLOC_TOP_PAD_="0"),
    _variables("glibc tunables", GLIBC_TUNABLES="glibc.malloc.tcache_count=0"),
    _variables("libpq: password and TLS", PGPASSWORD="x", PGSSLMODE="require"),
    _variables(
        "libpq: another server",
        PGHOST=_NOWHERE,
        PGPORT="1",
        PGDATABASE="nowhere",
        PGUSER="nobody",
        PGSERVICE="nowhere",
        PGOPTIONS="-c statement_timeout=1",
    ),
    _variables("postgres: data and zone", PGDATA=_NOWHERE, PGTZ="Asia/Kathmandu", PGLOCALEDIR="/"),
    _variables("git", GIT_DIR=_NOWHERE, GIT_WORK_TREE=_NOWHERE, GIT_INDEX_FILE=_NOWHERE),
    _variables(
        "proxies",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"), _PROXY),
    ),
    _variables("locale: C", LC_ALL="C"),
    _variables("locale: not generated", LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8"),
    _variables("locale: nonsense", LC_ALL="nonsense", LANGUAGE="de:tr"),
    _variables("locale: none", LC_ALL=None, LANG=None, LC_CTYPE=None),
    _variables("zone", TZ="Asia/Kathmandu"),
    _variables("pip", PIP_USER="1", PIP_TARGET="{scratch}", PIP_REQUIRE_VIRTUALENV="1"),
    _variables("uv", UV_EXCLUDE_NEWER="2000-01-01", UV_RESOLUTION="lowest", UV_NO_BINARY="1"),
    Hostile(
        "uv: user-wide configuration",
        {"XDG_CONFIG_HOME": "{scratch}"},
        files={"uv/uv.toml": 'exclude-newer = "2000-01-01"\n'},
    ),
    _variables("ansible", ANSIBLE_CONFIG=_NOWHERE, ANSIBLE_INVENTORY_ENABLED="none"),
    _variables("extensions", AIOHTTP_NO_EXTENSIONS="1", DISABLE_SQLALCHEMY_CEXT_RUNTIME="1"),
    _variables("matplotlib", MPLBACKEND="nonsense", MPLCONFIGDIR=_NOWHERE),
    _variables("names", USER="test", LOGNAME="test"),
    _variables("a key", CACHE_KEY="python"),
    _variables("terminal", TERM="dumb", COLUMNS="20", NO_COLOR="1"),
    _variables("no home", HOME=None),
    _variables("a home that is not there", HOME=_NOWHERE),
    _variables("no path", PATH=None),
    _variables("no temporary folder", TMPDIR=_NOWHERE),
    Hostile("no variables at all", prefix=("env", "-i")),
    Hostile("umask 077", prefix=_shell("umask 077")),
    Hostile("umask 000", prefix=_shell("umask 000")),
    Hostile("64 open files", prefix=_shell("ulimit -n 64")),
    Hostile("no standard input", prefix=_shell("exec 0<&-")),
    Hostile("one CPU", prefix=("taskset", "-c", "0")),
    Hostile("low priority", prefix=("nice", "-n", "10")),
    Hostile("in /", cwd="/"),
    Hostile("a user without an entry", prefix=("setpriv", "--reuid=54321", "--clear-groups")),
    Hostile("nobody", prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")),
    Hostile("a user namespace", prefix=("unshare", "--user", "--map-root-user")),
    Hostile("no network but loopback", prefix=("unshare", "--net", *_shell("ip link set lo up"))),
)


@dataclass(frozen=True)
class Row:
    """What became of a run.

    Attributes:
        name: of the environment.
        code: its exit code; None where it did not end in time.
        rates: requests a second by subject, the median of its usable trials.
        reason: what it said, where it has no figures.
    """

    name: str
    code: int | None
    rates: dict[str, float]
    reason: str


def _longer(plan: dict[str, Any]) -> None:
    """Windows long enough for figures that may be compared."""
    plan["loads"]["client"] |= {"warmup_s": 0.5, "duration_s": 2}


def run(hostile: Hostile, inventory: Path) -> Row:
    """Run the small plan in one environment."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o777)  # whoever runs it keeps its bundle here
        for name, content in hostile.files.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_text(content)
        changed = {
            name: value and value.replace("{scratch}", folder)
            for name, value in hostile.variables.items()
        }
        variables = {k: v for k, v in (os.environ | changed).items() if v is not None}
        small = write_plan(scratch / "small.yaml", _longer)
        command = [ORMLAB, "run", small, "--inventory", inventory, "--json"]
        # Found by the caller's path, which the run itself may lack.
        first = [shutil.which(hostile.prefix[0]) or hostile.prefix[0]] if hostile.prefix else []
        argv = [*first, *hostile.prefix[1:], *command, "--bundles", scratch / "bundles"]
        try:
            ended = subprocess.run(
                argv,
                env=variables,
                cwd=hostile.cwd or scratch,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Row(hostile.name, None, {}, f"did not end within {_TIMEOUT_S} s")
        said = ended.stderr.strip().splitlines() or ["it said nothing"]
        refused = [line for line in said if line.startswith(_REFUSAL)]
        try:
            rates = _rates(Path(json.loads(ended.stdout)["folder"]))
        except (ValueError, KeyError, OSError):
            rates = {}
        reason = "" if rates else (refused or said)[-1]
        return Row(hostile.name, ended.returncode, rates, reason)


def _rates(bundle: Path) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for path in sorted(bundle.glob("trials/*/trial.json")):
        trial = json.loads(path.read_bytes())
        if trial["status"] == "completed":
            client = json.loads(path.with_name("client.json").read_bytes())
            rate = client["requests_in_window"] / client["window"]["seconds"]
            found.setdefault(trial["subject"], []).append(rate)
    return {subject: median(rates) for subject, rates in sorted(found.items())}


def line(row: Row, clean: Row) -> str:
    """A row of the table, in Markdown."""
    ratios = [
        f"{subject} {row.rates[subject] / rate:.2f}"
        for subject, rate in clean.rates.items()
        if subject in row.rates
    ]
    return f"| {row.name} | {row.code} | {', '.join(ratios) or row.reason} |"


def main(arguments: list[str]) -> int:
    """Print the table; returns 1 if a run neither measured nor said why."""
    parser = argparse.ArgumentParser(prog="hostile_environments", description=__doc__)
    parser.add_argument("--inventory", type=Path, default=CHECKOUT / "inventory/local.yml")
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows; all if none is named")
    options = parser.parse_args(arguments)
    inventory = options.inventory.absolute()  # rows start in folders of their own
    known = {each.name: each for each in ENVIRONMENTS}
    if unknown := set(options.names) - known.keys():
        parser.error(f"no environment {unknown.pop()!r}; there are: {'; '.join(known)}")
    run(known["clean"], inventory)  # what is made once is made now
    clean = run(known["clean"], inventory)
    print("| environment | exit | requests/s over the clean run's, or why there are none |")  # noqa: T201
    print(f"|---|---|---|\n{line(clean, clean)}", flush=True)  # noqa: T201
    silent = 0
    for name in options.names or known:
        if name != "clean":
            row = run(known[name], inventory)
            print(line(row, clean), flush=True)  # noqa: T201
            silent += not row.rates and not row.reason.startswith(_REFUSAL)
    return 1 if silent or not clean.rates else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
