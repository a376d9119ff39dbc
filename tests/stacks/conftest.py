"""Made-up packages and stacks, installed by the real uv from a local folder, without a network."""

from __future__ import annotations

import hashlib
import io
import platform
import tarfile
import zipfile
from pathlib import Path

import pytest

from workloads import stacks

ROOT = Path(__file__).parents[2]

# A build backend with no requirements of its own: it hands out a wheel that came in the sdist.
BACKEND = """
import shutil
def build_wheel(folder, config_settings=None, metadata_directory=None):
    {first}
    shutil.copy("{wheel}", folder)
    return "{wheel}"
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class Workshop:
    """Makes packages in one folder and stacks in another."""

    def __init__(self, folder: Path):
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        self.folder = folder / "stacks"
        (self.folder / "build").mkdir(parents=True)
        (self.folder / "build/none.txt").write_text("")
        self.envs = folder / "envs"
        self.cache = folder / "cache"

    def wheel(self, name: str, source: str = "", needs: str = "") -> None:
        """A wheel of version 1.0 whose only module runs ``source`` on import."""
        (self.shelf / self._wheel_name(name)).write_bytes(self._wheel(name, source, needs))

    def sdist(self, name: str, before_build: str, source: str = "") -> None:
        """An sdist of version 1.0 that runs ``before_build`` and then becomes such a wheel."""
        wheel = self._wheel_name(name)
        files = {
            "backend.py": BACKEND.format(first=before_build, wheel=wheel).encode(),
            "pyproject.toml": PYPROJECT.encode(),
            "PKG-INFO": self._metadata(name).encode(),
            wheel: self._wheel(name, source),
        }
        with tarfile.open(self.shelf / f"{name}-1.0.tar.gz", "w:gz") as archive:
            for path, content in files.items():
                member = tarfile.TarInfo(f"{name}-1.0/{path}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    def stack(
        self,
        *wanted: str,
        locked: tuple[str, ...] = (),
        python: str | None = None,
        extensions: str = "",
        more: str = "",
    ) -> stacks.Stack:
        """A stack of these packages; ``locked`` are pinned without being asked for."""
        lines = [f"{name}==1.0 --hash=sha256:{self._hash(name)}\n" for name in (*wanted, *locked)]
        (self.folder / "made.in").write_text("\n".join(wanted))
        (self.folder / "made.txt").write_text("".join(lines))
        imports = "".join(f'{name} = "{name}"\n' for name in wanted)
        (self.folder / "stacks.toml").write_text(f"""
schema = "stacks/1"
[imports]
{imports}
[extensions.made]
{extensions}
[stacks.made]
title = "Made up"
python = "{python or platform.python_version()}"
exclude_newer = "2024-10-24T00:00:00Z"
extensions = "made"
build = "none"
expect = "works"
{more}
""")
        return stacks.load(self.folder)["made"]

    def _hash(self, name: str) -> str:
        files = [path for path in self.shelf.iterdir() if path.name.startswith(f"{name}-")]
        return hashlib.sha256(files[0].read_bytes()).hexdigest()

    def _wheel(self, name: str, source: str, needs: str = "") -> bytes:
        content = io.BytesIO()
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(f"{name}/__init__.py", source)
            archive.writestr(f"{info}/METADATA", self._metadata(name, needs))
            tags = "Root-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\n{tags}")
            archive.writestr(f"{info}/RECORD", "")
        return content.getvalue()

    @staticmethod
    def _wheel_name(name: str) -> str:
        return f"{name}-1.0-py3-none-any.whl"

    @staticmethod
    def _metadata(name: str, needs: str = "") -> str:
        requires = f"Requires-Dist: {needs}\n" if needs else ""
        return f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n{requires}"


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    made = Workshop(tmp_path)
    registry = tmp_path / "an empty registry"
    registry.mkdir()
    monkeypatch.setenv("UV_DEFAULT_INDEX", registry.as_uri())
    monkeypatch.setenv("UV_FIND_LINKS", made.shelf.as_uri())
    return made


@pytest.fixture(scope="session")
def uv():
    path = ROOT / ".lab/uv/bin/uv"
    if not path.exists():
        pytest.skip("bootstrap.py has not installed uv")
    return path
