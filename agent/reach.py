"""Whether a database server can run in a folder; found out before anything is made there.

Such servers refuse to run as root. Root therefore starts one as the user ``nobody``, who must be
able to enter the folders of its programs and data. This module needs only the standard library,
because ``make demo`` asks it before it installs anything.
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
    """What keeps this user from running PostgreSQL in these folders, which need not exist yet.

    ``root`` is the folder that has /proc.
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
    return next((barrier for folder in folders if (barrier := _barrier(folder))), None)


def unprivileged_account() -> pwd.struct_passwd | None:
    """The user that runs a database server: ``nobody`` if the caller is root, else the caller."""
    return pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None


def let_others_read() -> None:
    """As root, make files that the user of postgres can read, whatever the caller's umask.

    Nobody except their owner may write them. A file with a secret gets its own mode where it is
    made.
    """
    asked = os.umask(_READABLE)
    os.umask(_READABLE if os.geteuid() == 0 else asked | _READABLE)


def _has(users: Path, uid: int) -> bool:
    """Whether a user namespace has a user (user_namespaces(7): first inside, outside, length)."""
    try:
        ranges = [list(map(int, line.split())) for line in users.read_text().splitlines()]
    except (OSError, ValueError):
        return True  # not Linux, or /proc is hidden: postgres itself will report it
    return any(first <= uid < first + length for first, _, length in ranges)


def _barrier(folder: Path) -> Obstacle | None:
    """The outermost folder on the path that other users than its owner cannot enter."""
    real = folder.resolve()
    for part in [*reversed(real.parents), real]:
        if part.is_dir() and not part.stat().st_mode & 0o001:
            return Obstacle(
                "database-folder",
                f"postgres must run as {UNPRIVILEGED}, who cannot enter {part}",
                where=str(part),
                hint="use a checkout in a folder that every user may traverse (chmod o+x)",
            )
    return None
