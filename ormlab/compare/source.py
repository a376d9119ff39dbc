"""A local checkout or wheel as a wheel whose bytes a bundle keeps."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent import interpreters
from agent.stacks import reasons
from host.environment import environment
from ormlab.base import checkout, source
from ormlab.base.errors import ProvisioningError, UsageError
from workloads.stacks.locks import normalise

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = re.compile(
    r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.+!]+)(?:-[0-9][A-Za-z0-9_.]*)?"
    r"-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+\.whl"
)
_EXTENSION: Final = re.compile(r"(?P<module>[A-Za-z0-9_/]+)(?:\.[A-Za-z0-9_-]+)?\.so")


@dataclass(frozen=True)
class Wheel:
    """A wheel of a package."""

    file: Path
    version: str  #: by its name
    sha256: str  #: of its bytes, hex
    origin: str  #: what it was made from, in words that name no folder

    @property
    def extensions(self) -> frozenset[str]:
        """Its compiled modules, by their dotted names."""
        with zipfile.ZipFile(self.file) as packed:
            found = map(_EXTENSION.fullmatch, packed.namelist())
            return frozenset(each["module"].replace("/", ".") for each in found if each)


def wheel(path: Path, package: str, python: str, into: Path) -> Wheel:
    """Make the wheel of a local checkout, or copy a wheel, into an empty folder.

    Building runs code of the checkout, and packages that its build needs.

    Args:
        path: a checkout or a wheel.
        package: normalised name of the package that it must be.
        python: version of the interpreter that it is built with.
        into: the folder.

    Raises:
        UsageError: there is no such path, it cannot be built, or it is another package.
        ProvisioningError: the network or the disk failed.
    """
    if path.is_dir():
        made, origin = _built(path, python, into), _commit(path)
    elif path.suffix == ".whl" and path.is_file():
        made, origin = into / path.name, "a local wheel"
        shutil.copyfile(path, made)
    else:
        raise UsageError(
            "source-missing",
            f"{path} is neither a checkout nor a wheel",
            where=str(path),
            hint="name a folder that has a pyproject.toml, or a file that ends in .whl",
        )
    named = _FILE.fullmatch(made.name)
    if named is None or normalise(named["name"]) != package:
        raise UsageError(
            "source-other",
            f"{path} makes {made.name}, which is no wheel of {package}",
            where=str(path),
            hint=f"name a checkout or a wheel of {package}",
        )
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    return Wheel(made, named["version"].replace("_", "-"), sha256, origin)


def _built(path: Path, python: str, into: Path) -> Path:
    interpreter = interpreters.find(python)
    if interpreter is None:
        raise UsageError(
            "interpreter-missing",
            f"there is no CPython {python} here to build {path} with",
            where=str(path),
            hint=interpreters.how_to_get(python),
        )
    command = ["build", "--wheel", "--no-config", "--no-progress", "--color", "never"]
    ended = subprocess.run(
        [checkout.UV, *command, "--python", interpreter, "--out-dir", into, path.absolute()],
        env=environment("installer", {"UV_CACHE_DIR": str(checkout.UV_CACHE)}),
        capture_output=True,
        text=True,
        check=False,
    )
    made = list(into.glob("*.whl"))
    if ended.returncode == 0 and len(made) == 1:
        return made[0]
    if trouble := reasons.host_trouble(ended.returncode, ended.stderr):
        raise ProvisioningError(
            "build-failed",
            f"{path} could not be built: {trouble}",
            where=str(path),
            hint="the packages that a build needs come from the registry",
        )
    raise UsageError(
        "source-unbuildable",
        f"{path} cannot be built: {reasons.why(ended.stderr)}",
        where=str(path),
        hint=f"`uv build --wheel {path}` says more",
    )


def _commit(path: Path) -> str:
    """The commit of a checkout and whether it was clean, in words."""
    found = source.read(path)
    if found.commit is None:
        return "a local folder without a commit"
    changed = "with uncommitted changes" if found.dirty else "without changes"
    return f"a local checkout of commit {found.commit} {changed}"
