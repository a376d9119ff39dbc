"""A real bundle for the tests, small and recorded once, and ways to edit it as its maker could.

``recorded.tar.zst`` was made on a 2-core machine by

    ormlab run tests/verify/recorded.yaml --bundles OUT
    rm -r OUT/<id>/derived
    ormlab archive pack OUT/<id> tests/verify/recorded.tar.zst

It is judged anew by each session of tests, so that its results are those of the code under test.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from bundle import index
from bundle.codec import serialise
from bundle.derived import write_derived
from bundle.format import Provenance
from bundle.read import Bundle
from bundle.unpack import unpack
from ormlab.judging import judge
from tests.bundle.making import manifest_lines, relist, reseal, set_manifest, sha256

ARCHIVE = Path(__file__).parent / "recorded.tar.zst"
WRK = "trials/003-tortoise-read-one-wrk-b01"
CLIENT = "trials/001-asyncpg-read-one-client-b01"
NEXT = "trials/002-tortoise-read-one-client-b01"


def make(parent: Path) -> Path:
    """Unpack the recorded bundle, judge it, and anchor it between two others."""
    bundle = unpack(ARCHIVE, parent)
    index.append(parent, "20261101T000000Z-00000000", "1" * 64)
    index.append(parent, bundle.name, str(Bundle.open(bundle).seal))
    index.append(parent, "20261130T000000Z-00000000", "2" * 64)
    judge.judge(bundle)
    return bundle


def copy(bundle: Path, parent: Path) -> Path:
    """Copy a made bundle and its index."""
    shutil.copytree(bundle.parent, parent, dirs_exist_ok=True)
    return parent / bundle.name


def seal_again(bundle: Path) -> None:
    """Make manifest and seal agree with the files, as a dishonest maker would."""
    shutil.rmtree(bundle / "derived")
    relist(bundle)
    reseal(bundle)


def edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) >= 1, f"{path} has no {old!r}"
    path.write_bytes(data.replace(old, new, 1))


def edit_table(path: Path, change) -> None:
    """Write a table anew with the lab's own settings."""
    table = change(pq.read_table(path))
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def head_of(bundle):
    """What derived/ says it was made with."""
    head = (bundle / "derived/DERIVED.sha256").read_bytes().partition(b"\n")[0]
    return json.loads(head.removeprefix(b"# "))


def pass_off(bundle, files, provenance):
    """Write derived/ as if the lab had."""
    seal = sha256((bundle / "SEAL.json").read_bytes())
    told = {key: provenance[key] for key in ("ledger", "analysis_lock")}
    write_derived(bundle, files, Provenance(seal=seal, tool=judge.tool(), **told))


def edit_results(bundle, edit_document):
    """Edit the results and hash them again."""
    document = json.loads((bundle / "derived/results.json").read_bytes())
    edit_document(document)
    pass_off(bundle, {"results.json": serialise(document)}, head_of(bundle))


def change(path, edit_document):
    """Edit a JSON document."""
    document = json.loads(path.read_bytes())
    edit_document(document)
    path.write_text(json.dumps(document, indent=1) + "\n")


def add(bundle, path, data):
    """Add a file and list it."""
    (bundle / path).write_bytes(data)
    lines = [*manifest_lines(bundle), f"{sha256(data)}  {path}"]
    set_manifest(bundle, sorted(lines, key=lambda line: line[66:]))
