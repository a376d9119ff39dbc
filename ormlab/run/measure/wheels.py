"""Packages for a host that is kept away from the network: fetched here, shipped, used there.

A lock names the hash of every file that may be installed, so it does not matter who carries them.
Only wheels travel: what has to be built from source wants its build tools too, and those are not
fetched.
"""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from host.environment import environment
from ormlab.base import checkout, scratch
from ormlab.base.errors import ProvisioningError

if TYPE_CHECKING:
    from ormlab.hosts import Host

_FETCHED = checkout.STATE / "wheels"


def fetched(lock: bytes, python: str) -> Path:
    """The folder of a lock's wheels on this machine; fetched if it is not there yet.

    Raises:
        ProvisioningError: a wheel cannot be fetched, or there is none.
    """
    folder = _FETCHED / hashlib.sha256(lock + python.encode()).hexdigest()[:12]
    with scratch.alone("wheels"):
        if not folder.exists():
            _fetch(lock, python, folder)
    return folder


def _fetch(lock: bytes, python: str, folder: Path) -> None:
    _FETCHED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_FETCHED) as making:
        requirements, wheels = Path(making) / "lock.txt", Path(making) / "wheels"
        requirements.write_bytes(lock)
        pip = checkout.UV.with_name("python")
        chosen = ["--only-binary=:all:", f"--python-version={python}", "--implementation=cp"]
        chosen += ["--no-deps", "--require-hashes", "-r", str(requirements)]
        ended = subprocess.run(
            [pip, "-m", "pip", "download", "--quiet", *chosen, f"--dest={wheels}"],
            env=environment("installer"),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines() or ["pip gave no reason"]
            raise ProvisioningError(
                "wheels-missing",
                f"the packages for a host without network cannot be fetched: {said[-1]}",
                where=f"CPython {python}",
                hint="fetch them where there is a network; a stack that is built from source needs "
                "a host with one (lab_sources: {from: online})",
            )
        wheels.rename(folder)


def shipped(host: Host, lock: bytes, python: str) -> dict[str, str]:
    """Bring a lock's wheels to a host; returns the variables by which uv finds them there.

    Raises:
        ProvisioningError: the host is of another architecture, or a wheel cannot be fetched.
    """
    require_same_machine(host, "wheels")
    wheels = fetched(lock, python)
    there = f"{host.spec.root}/wheels/{wheels.name}"
    if not host.try_run("test", "-d", there):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            tar.add(wheels, arcname=".")
        host.run("mkdir", "-p", f"{there}.new")
        host.put(packed.getvalue(), f"{there}.tar")
        host.run("tar", "-xf", f"{there}.tar", "-C", f"{there}.new")
        host.run("mv", "-T", f"{there}.new", there)
        host.run("rm", f"{there}.tar")
    return {"UV_FIND_LINKS": there, "UV_OFFLINE": "1"}


def require_same_machine(host: Host, what: str) -> None:
    """Refuse to ship programs to a host that cannot run them.

    Raises:
        ProvisioningError: the host is of another architecture.
    """
    theirs, ours = host.run("uname", "-m").strip(), platform.machine()
    if theirs != ours:
        raise ProvisioningError(
            "other-architecture",
            f"{host.spec.name} is {theirs}, and {what} of this machine would be for {ours}",
            where=host.spec.name,
            hint="start the run from a machine of that architecture",
        )
