"""Ansible module: packages with all their dependencies, and the signed indices that list them.

The bundle is a subset of each archive, with the same file names and the archive's own signatures.
On a host without a network, apt therefore makes the same checks as on a host with one. apt resolves
the packages in separate folders, as if nothing were installed. The bundle does not depend on the
packages and settings of the host that makes it, and does not change them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: offline_bundle
short_description: Packages with all their dependencies, for hosts without a network
description:
  - Writes files.tar and lock.json into a folder. The lock file names path, url, sha256 and size of
    every file.
options:
  release:
    description: The release's code name.
    type: str
    required: true
  archives:
    description:
      - Archives by the names of their folders in the bundle, each with uri, suite, components
        (separated by spaces) and key.
    type: dict
    required: true
  packages:
    description: Packages that the hosts will install.
    type: list
    elements: str
    required: true
  files:
    description: Further files, each with url and sha256.
    type: list
    elements: dict
    default: []
  preferences:
    description: Pins in apt's format.
    type: str
    default: ""
  dest:
    description: An existing folder on the host.
    type: path
    required: true
author: the founders of ormlab
"""

SCHEMA = "ormlab-offline/1"
_LISTED = re.compile(r"'(?P<uri>[^']+)' (?P<name>\S+) \d+ SHA256:(?P<sha256>[0-9a-f]{64})")
_TIMEOUT_S = 60
# Suffixes of compressed indices, the smallest first.
_INDICES = ("xz", "gz")


class BundleError(Exception):
    """The bundle cannot be made; the message says why."""


@dataclass(frozen=True)
class Artifact:
    """One file of the bundle."""

    path: str  #: its path in the bundle
    url: str  #: its source
    sha256: str  #: digest of its content, hexadecimal
    size: int  #: bytes


class Bundle:
    """The files gathered so far, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.artifacts: list[Artifact] = []

    def add(self, path: str, url: str, content: bytes, sha256: str | None = None) -> None:
        """Add a file.

        Raises:
            BundleError: its digest differs from the expected one.
        """
        digest = hashlib.sha256(content).hexdigest()
        if sha256 not in (None, digest):
            raise BundleError(f"{url} has the SHA-256 {digest}, expected {sha256}")
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.artifacts.append(Artifact(path, url, digest, len(content)))

    def write(self, dest: Path, facts: dict[str, object]) -> None:
        """Write files.tar and lock.json, the same bytes for the same files."""
        self.artifacts.sort(key=lambda artifact: artifact.path)
        with tarfile.open(dest / "files.tar", "w") as tar:
            for artifact in self.artifacts:
                entry = tarfile.TarInfo(artifact.path)
                entry.size, entry.mode = artifact.size, 0o644
                tar.addfile(entry, io.BytesIO((self._folder / artifact.path).read_bytes()))
        lock = {"schema": SCHEMA, **facts, "artifacts": [asdict(each) for each in self.artifacts]}
        (dest / "lock.json").write_text(json.dumps(lock, indent=1) + "\n")


class Apt:
    """apt-get with its own state: sources, lists, pins, and no installed packages."""

    def __init__(self, module: AnsibleModule, folder: Path) -> None:
        self._module = module
        archives, preferences = module.params["archives"], module.params["preferences"]
        for made in ("lists/partial", "cache/archives/partial"):
            (folder / made).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "preferences").write_text(preferences)
        (folder / "ormlab.sources").write_text("\n".join(map(_source, archives.values())))
        self.lists, self.archives = folder / "lists", folder / "cache/archives"
        options = {
            "Dir::State::Lists": self.lists,
            "Dir::State::Status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "ormlab.sources",
            "Dir::Etc::SourceParts": "-",
            "Dir::Etc::Preferences": folder / "preferences",
            "Dir::Etc::PreferencesParts": "-",
            "Acquire::ForceHash": "SHA256",  # what --print-uris names; apt checks all that it has
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",
            "APT::Install-Recommends": "false",
        }
        self._options = [f"-o{name}={value}" for name, value in options.items()]

    def run(self, *arguments: str) -> str:
        """Run apt-get and return its output.

        Raises:
            BundleError: it failed.
        """
        code, out, err = self._module.run_command(["apt-get", *self._options, *arguments])
        if code != 0:
            raise BundleError(f"apt-get {arguments[0]} failed: {err.strip()}")
        return str(out)


def main() -> None:
    """Run as a module of Ansible."""
    module = AnsibleModule(
        argument_spec={
            "release": {"required": True},
            "archives": {"type": "dict", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "default": []},
            "preferences": {"default": ""},
            "dest": {"type": "path", "required": True},
        }
    )
    work = Path(tempfile.mkdtemp(prefix="ormlab-bundle-"))
    try:
        lock = _make(module, work)
    except (BundleError, OSError, urllib.error.URLError) as problem:
        module.fail_json(msg=f"the bundle cannot be made: {problem}")
    finally:
        shutil.rmtree(work)
    module.exit_json(changed=True, artifacts=len(lock), size=sum(each.size for each in lock))


def _make(module: AnsibleModule, work: Path) -> list[Artifact]:
    wanted = module.params
    apt, bundle = Apt(module, work), Bundle(work / "files")
    apt.run("update", "--quiet", "--error-on=any")
    for name, archive in wanted["archives"].items():
        _add_indices(bundle, apt, name, archive)
    install = ["--yes", "--quiet=2", "install", *wanted["packages"]]
    listed = apt.run("--print-uris", *install)
    apt.run("--download-only", *install)
    for line in listed.splitlines():
        match = _LISTED.fullmatch(line.strip())
        if match is None:
            raise BundleError(f"apt-get lists a package without its SHA-256: {line}")
        _add_package(bundle, apt, wanted["archives"], match)
    for file in wanted["files"]:
        name = os.path.basename(urlsplit(file["url"]).path)  # noqa: PTH119 - of a url
        bundle.add(f"files/{name}", file["url"], _fetch(file["url"]), file["sha256"])
    facts = {"release": wanted["release"], "packages": wanted["packages"]}
    bundle.write(Path(wanted["dest"]), facts)
    return bundle.artifacts


def _source(archive: dict[str, str]) -> str:
    """An archive as a stanza of apt's sources."""
    return (
        f"Types: deb\nURIs: {archive['uri']}\nSuites: {archive['suite']}\n"
        f"Components: {archive['components']}\nSigned-By: {archive['key']}\n"
    )


def _add_indices(bundle: Bundle, apt: Apt, name: str, archive: dict[str, str]) -> None:
    """Add the signed index, which apt has just verified, and the package lists it signs."""
    (signed,) = apt.lists.glob(f"*_dists_{archive['suite']}_InRelease")
    dist = f"dists/{archive['suite']}"
    base = f"{archive['uri'].rstrip('/')}/{dist}"
    bundle.add(f"{name}/{dist}/InRelease", f"{base}/InRelease", signed.read_bytes())
    digests = {}
    for line in signed.read_text().split("\nSHA256:\n")[1].splitlines():
        if line.startswith(" "):
            digest, _, path = line.split()
            digests[path] = digest
    architecture = apt.run("indextargets", "--format", "$(ARCHITECTURE)").split()[0]
    for component in archive["components"].split():
        stem = f"{component}/binary-{architecture}/Packages"
        index = next((f"{stem}.{each}" for each in _INDICES if f"{stem}.{each}" in digests), None)
        if index is None:
            as_one_of = " or ".join(_INDICES)
            raise BundleError(f"{base}/InRelease lists no {stem} compressed as {as_one_of}")
        url = f"{base}/{index}"
        bundle.add(f"{name}/{dist}/{index}", url, _fetch(url), digests[index])


def _add_package(
    bundle: Bundle, apt: Apt, archives: dict[str, dict[str, str]], listed: re.Match[str]
) -> None:
    uri = listed["uri"]
    for name, archive in archives.items():
        base = archive["uri"].rstrip("/") + "/"
        if uri.startswith(base):
            fetched = apt.archives / listed["name"]
            # apt uses a file:/ archive in place, and copies nothing.
            content = fetched.read_bytes() if fetched.exists() else _fetch(uri)
            bundle.add(f"{name}/{unquote(uri.removeprefix(base))}", uri, content, listed["sha256"])
            return
    raise BundleError(f"{uri} is in none of the archives")


def _fetch(url: str) -> bytes:
    if urlsplit(url).scheme == "file":
        return Path(unquote(urlsplit(url).path)).read_bytes()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - from the inventory
        return bytes(answer.read())


if __name__ == "__main__":
    main()
