"""What is shipped to a host before a run: the measured code and the agent's environment."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ormlab import checkout
from ormlab.errors import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from ormlab.hosts import Host

_SHIPPED = ("agent", "workloads")
_STACKS = "workloads/stacks"
_SUFFIXES = {".py", ".sql", ".lua", ".toml", ".txt", ".yaml", ".in"}


@dataclass(frozen=True)
class Deployment:
    """The lab on one host.

    Attributes:
        root: the lab's folder there.
        code: folder of the shipped packages, named by their digest.
        python: interpreter of the agent's environment.
        uv: path of uv there.
        cache: uv's cache there.
    """

    root: str
    code: str
    python: str
    uv: str
    cache: str

    @property
    def environments(self) -> str:
        """Where the stacks' environments are."""
        return f"{self.root}/envs"


def deploy(host: Host, stacks: Path = checkout.STACKS) -> Deployment:
    """Ship what is missing; a second call changes nothing.

    Args:
        host: connected.
        stacks: see `source_archive`.

    Raises:
        CommandFailed: a step failed on the host.
    """
    root = host.spec.root
    host.run("mkdir", "-p", f"{root}/code", f"{root}/envs", f"{root}/runs")
    archive = source_archive(checkout.ROOT, stacks)
    digest = hashlib.sha256(archive).hexdigest()[:12]
    code = f"{root}/code/{digest}"
    if not host.try_run("test", "-d", code):
        host.put(archive, f"{code}.tar")
        host.run("mkdir", "-p", f"{code}.new")
        host.run("tar", "-xf", f"{code}.tar", "-C", f"{code}.new")
        host.run("mv", "-T", f"{code}.new", code)
        host.run("rm", f"{code}.tar")
    uv, cache = _uv(host)
    python = _agent_environment(host, root, uv, cache)
    return Deployment(root, code, python, uv, cache)


def source_archive(tree: Path, stacks: Path) -> bytes:
    """The measured code as a tar that depends on nothing but its content.

    Args:
        tree: the checkout.
        stacks: definitions and locks of the stacks; a file there stands in for the one of the
            same name in the checkout, so that a run can be repeated with the locks it had.
    """
    own = tree / _STACKS
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for package in _SHIPPED:
            for path in sorted((tree / package).rglob("*")):
                if path.suffix in _SUFFIXES and path.is_file():
                    entry = tarfile.TarInfo(path.relative_to(tree).as_posix())
                    instead = stacks / path.relative_to(own) if path.is_relative_to(own) else path
                    content = (instead if instead.exists() else path).read_bytes()
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _uv(host: Host) -> tuple[str, str]:
    if host.spec.local:
        return str(checkout.UV), str(checkout.UV_CACHE)
    named = host.spec.variables.get("lab_uv")
    if not named:
        raise ProvisioningError(
            "uv-missing",
            f"the inventory does not say where uv is on {host.spec.name}",
            where=host.spec.name,
            hint="set lab_uv for that host",
        )
    return str(named), f"{host.spec.root}/cache/uv"


def _agent_environment(host: Host, root: str, uv: str, cache: str) -> str:
    lock = (checkout.ROOT / "requirements/agent.txt").read_bytes()
    base = str(host.spec.variables.get("lab_python") or sys.executable)
    digest = hashlib.sha256(lock + base.encode()).hexdigest()[:12]
    environment = f"{root}/envs/agent-{digest}"
    python = f"{environment}/bin/python"
    if not host.try_run("test", "-e", f"{environment}/.complete"):
        host.put(lock, f"{environment}.txt")
        env = ["env", f"UV_CACHE_DIR={cache}", "UV_PYTHON_DOWNLOADS=never", uv]
        host.run(*env, "venv", "--quiet", "--clear", "--python", base, environment)
        install = ["pip", "install", "--quiet", "--require-hashes", "--compile-bytecode"]
        host.run(*env, *install, "--python", python, "-r", f"{environment}.txt")
        host.run("touch", f"{environment}/.complete")
    return python
