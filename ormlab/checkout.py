"""What is checked out, and where things lie in it."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from host.environment import environment

VERSION = version("ormlab")
ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".lab"
BUNDLES = ROOT / "bundles"
PLANS = ROOT / "workloads/plans"
STACKS = ROOT / "workloads/stacks"
INVENTORY = ROOT / "inventory/local.yml"
UV = STATE / "uv/bin/uv"
UV_CACHE = STATE / "cache/uv"


def commit() -> tuple[str | None, bool | None]:
    """The commit that is checked out, and whether tracked files differ from it.

    Returns:
        (None, None) outside a git checkout: nothing vouches for the source then.
    """
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None, None
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def patch() -> bytes:
    """How the tracked files differ from the commit, as ``git apply`` takes it.

    Without the inventory, which names hosts and accounts: of it a bundle has a form of its own.
    """
    plain = ["--binary", "--no-color", "--no-ext-diff", "--no-textconv"]
    plain += ["--src-prefix=a/", "--dst-prefix=b/"]
    command = ["git", "-C", str(ROOT), "diff", *plain, "HEAD", "--", ".", ":(exclude)inventory"]
    return subprocess.run(command, env=environment("git"), capture_output=True, check=True).stdout


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            env=environment("git"),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
