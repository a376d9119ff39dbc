"""Holds an installation on a test host at a chosen moment, so that it can be cut there.

hold = Holding(tree)
hold.at("usr/bin/wrk")      # dpkg stops when this is unpacked and not yet configured
...                         # begin to install
hold.wait(process)          # until dpkg has stopped
hold.release()
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PATIENCE_S = 1200
_POLL_S = 0.05
_SCRIPT = """\
#!/bin/sh
# dpkg runs this before each of its runs.
[ "$DPKG_HOOK_ACTION" = configure ] || exit 0
wanted=$(cat /srv/hold/at 2>/dev/null) && [ -e "/$wanted" ] || exit 0
touch /srv/hold/held
# The next moment may be named before this has seen the end of its own.
while [ "$(cat /srv/hold/at 2>/dev/null)" = "$wanted" ]; do sleep 0.05; done
"""
# Holds the lock that apt-get takes to read package lists, until its standard input ends.
LOCK = """
import fcntl, sys
with open("/var/lib/apt/lists/lock", "a") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


class Holding:
    """A hook of dpkg in a host's tree."""

    def __init__(self, tree: Path) -> None:
        self._folder = tree / "srv/hold"
        self._folder.mkdir()
        script = self._folder / "hook"
        script.write_text(_SCRIPT)
        script.chmod(0o755)
        self._option = tree / "etc/dpkg/dpkg.cfg.d/hold"
        self._option.write_text("pre-invoke=/srv/hold/hook\n")

    def at(self, path: str) -> None:
        """Hold the next dpkg that would configure packages when this path exists."""
        (self._folder / "held").unlink(missing_ok=True)
        (self._folder / "at").write_text(path)

    def wait(self, process: subprocess.Popen[str]) -> None:
        """Wait until dpkg is held, while a process lives."""
        await_while(process, (self._folder / "held").exists)

    def release(self) -> None:
        """Let dpkg go on, if it still lives."""
        (self._folder / "at").unlink()

    def remove(self) -> None:
        """Leave nothing of this in the tree."""
        self._option.unlink()
        shutil.rmtree(self._folder)


@contextmanager
def holding(tree: Path) -> Iterator[Holding]:
    """The hook, removed at the end."""
    made = Holding(tree)
    try:
        yield made
    finally:
        made.remove()


def await_while(process: subprocess.Popen[str] | None, seen: Callable[[], object]) -> None:
    """Wait until something is seen, while a process lives, if one is named."""
    deadline = time.monotonic() + _PATIENCE_S
    while not seen():
        if process and process.poll() is not None:
            raise AssertionError(f"it ended early:\n{''.join(map(str, process.communicate()))}")
        assert time.monotonic() < deadline, "it has not come to that in time"
        time.sleep(_POLL_S)
