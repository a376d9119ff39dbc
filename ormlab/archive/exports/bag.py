"""BagIt 1.0 (RFC 8493): the bundle, under its own name, as the payload of a bag.

``data/<id>/`` is the whole bundle, so `ormlab verify` and its own MANIFEST.sha256 go on working
there; ``manifest-sha256.txt`` says the same digests once more. The bag is dated by the seal, so
the same bundle gives the same bag. It is written here because its lists are the manifest's lines;
bagit.py would change the working folder of the whole process meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bundle import manifest, names, storage, tree
from ormlab.archive import keep
from ormlab.base.checkout import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bundle.read import Bundle

_DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_PAYLOAD: Final = "manifest-sha256.txt"
_TAGS: Final = "tagmanifest-sha256.txt"


def write(bundle: Bundle, path: Path) -> None:
    """Write the bag of a bundle."""
    data = path / "data"
    path.mkdir()
    data.mkdir()
    keep.copy(bundle.path, data / bundle.record.id)
    payload = [f"data/{entry.path}" for entry in tree.scan(data)]
    storage.write_file(path / _PAYLOAD, _list(path, payload))
    storage.write_file(path / "bagit.txt", _DECLARATION)
    storage.write_file(path / "bag-info.txt", _info(bundle, [path / each for each in payload]))
    tags = [entry.path for entry in tree.scan(path) if not entry.path.startswith("data/")]
    storage.write_file(path / _TAGS, _list(path, tags))


def _list(root: Path, paths: Sequence[str]) -> bytes:
    """The digests of files as the copy has them, so an error of the disk is seen."""
    digests = {}
    for path, answer in tree.digests(root, paths):
        if isinstance(answer, OSError):
            raise answer
        digests[path] = answer
    return manifest.render(digests)


def _info(bundle: Bundle, payload: Sequence[Path]) -> bytes:
    record = bundle.record
    size = sum(path.stat().st_size for path in payload)
    tags = {
        "External-Identifier": record.id,
        "External-Description": f"sealed bundle of the run {names.printable(record.plan.name)}",
        "Internal-Sender-Identifier": f"sha256:{bundle.seal}",
        "Internal-Sender-Description": "the digest of SEAL.json, which names the bundle",
        "Bagging-Date": record.sealed.date().isoformat(),
        "Bag-Software-Agent": f"ormlab {VERSION}",
        "Payload-Oxum": f"{size}.{len(payload)}",
    }
    return "".join(f"{key}: {value}\n" for key, value in tags.items()).encode()
