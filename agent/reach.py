"""Whether PostgreSQL can run in a place; told before anything is made there.

postgres refuses to run as root. Root therefore starts it as the user ``nobody``, who has to be able
to get to its programs and its data. Only the standard library is used here: ``make demo`` asks
before it installs anything.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = "nobody"
_READABLE = 0o022


@dataclass(frozen=True)
class Obstacle:
    """Why PostgreSQL cannot run; the fields are those of an error of the lab's."""

    code: str
    what: str
    where: str
    hint: str


def obstacle(*folders: Path, root: Path = Path("/")) -> Obstacle | None:
    """Return what keeps this user from running PostgreSQL in some folders, or None.

    Args:
        folders: where its programs and data are or will be; they need not exist yet.
        root: below which /proc lies, for tests.
    """
    if os.geteuid() != 0:
        return None
    try:
        uid = pwd.getpwnam(UNPRIVILEGED).pw_uid
    except KeyError:
        return Obstacle(
            "database-user",
            f"postgres refuses to run as root, and there is no user {UNPRIVILEGED} to run it as",
            where="/etc/passwd",
            hint="run the lab as a user other than root",
        )
    users = root / "proc/self/uid_map"
    if not _has(users, uid):
        return Obstacle(
            "database-user",
            f"postgres refuses to run as root, and this user namespace has no {UNPRIVILEGED}",
            where=str(users),
            hint="run the lab outside of it, as a user other than root; or give it a range of "
            "users: unshare --map-auto",
        )
    return next((found for folder in folders if (found := _barrier(folder))), None)


def let_others_read() -> None:
    """Make files that the user of postgres can read, whatever the caller's umask; for root alone.

    In no case does anybody but their owner write them. What holds a secret is made for its owner
    only, by whoever makes it.
    """
    asked = os.umask(_READABLE)
    os.umask(_READABLE if os.geteuid() == 0 else asked | _READABLE)


def _has(users: Path, uid: int) -> bool:
    """Whether a user namespace has a user (user_namespaces(7): first inside, outside, length)."""
    try:
        ranges = [list(map(int, line.split())) for line in users.read_text().splitlines()]
    except (OSError, ValueError):
        return True  # not Linux, or /proc is hidden: postgres itself will say
    return any(first <= uid < first + length for first, _, length in ranges)


def _barrier(folder: Path) -> Obstacle | None:
    """The outermost folder on the way that others than its owner may not enter."""
    real = folder.resolve()
    for each in [*reversed(real.parents), real]:
        if each.is_dir() and not each.stat().st_mode & 0o001:
            return Obstacle(
                "database-folder",
                f"postgres must run as {UNPRIVILEGED}, who cannot enter {each}",
                where=str(each),
                hint="use a checkout in a folder that every user may traverse (chmod o+x)",
            )
    return None
