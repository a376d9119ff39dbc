"""A Debian 13 file tree for test hosts: made once by mmdebstrap, copied for each test.

    if reason := root.why_not():
        pytest.skip(reason)
    with root.copy(tmp_path) as tree:   # writable, gone afterwards; some milliseconds
        ...

The tree is what a fresh server has and no more: whatever a role needs beyond it, the role must
install. It is kept in ``.lab/test-root/`` under the digest of its definition. The packages come
from the mirror that this machine's apt uses.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).parents[2]
CACHE = CHECKOUT / ".lab/test-root"
SUITE = "trixie"
# Beyond Debian's essential packages and apt.
PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "openssh-server",
    "procps",
    "python3",
    "sudo",
    "systemd-sysv",
    "udev",
)
_TOOLS = ("mmdebstrap", "unshare", "nsenter")


def why_not() -> str | None:
    """The reason why this machine cannot make the tree, as a test's reason to skip."""
    if os.geteuid() != 0:
        return "needs root: it makes and mounts a file tree of another system"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)} (apt-get install mmdebstrap util-linux)"
    if mirror() is None:
        return "this machine's apt has no Debian archive (or no lists: run apt-get update)"
    return None


def mirror() -> str | None:
    """The address of the Debian archive that this machine's apt uses, None if it uses none."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    filters = ["Created-By: Packages", "Origin: Debian", "Label: Debian"]
    answer = subprocess.run([*asked, *filters], capture_output=True, text=True, check=False)
    found = answer.stdout.split()
    return found[0] if answer.returncode == 0 and found else None


def base(packages: tuple[str, ...] = PACKAGES) -> Path:
    """The tree itself, made now if it is not there; never write to it.

    Args:
        packages: what it holds beyond Debian's essential packages and apt.

    Raises:
        subprocess.CalledProcessError: mmdebstrap failed; its own words are on stderr.
    """
    definition = json.dumps([SUITE, packages]).encode()
    tree = CACHE / hashlib.sha256(definition).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            _build(tree, packages)
    return tree


def _build(tree: Path, packages: tuple[str, ...]) -> None:
    address = mirror()
    assert address is not None, "ask why_not() first"
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as making:
        made = Path(making) / "tree"
        options = ["--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
        subprocess.run(["mmdebstrap", *options, SUITE, made, address], check=True)
        made.rename(tree)


@contextlib.contextmanager
def copy(folder: Path, packages: tuple[str, ...] = PACKAGES) -> Iterator[Path]:
    """A writable copy of the tree: an overlay where the kernel has it, else a true copy.

    Args:
        folder: an existing folder for what is written; removed with all of it at the end.
        packages: as `base` takes them.
    """
    lower = base(packages)
    layers = Path(tempfile.mkdtemp(dir=folder, prefix="root-"))
    layers.chmod(0o755)
    tree, upper, work = layers / "tree", layers / "upper", layers / "work"
    try:
        for made in (tree, upper, work):
            made.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        mount = ["mount", "-t", "overlay", "overlay", "-o", options, tree]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if not mounted:
            subprocess.run(["cp", "-a", "--reflink=auto", f"{lower}/.", tree], check=True)
        try:
            yield tree
        finally:
            if mounted:
                subprocess.run(["umount", tree], check=True)
    finally:
        shutil.rmtree(layers)
