"""Bundles kept for years: a directory with its index, an object store, a catalog.

    entries   Archive                          the directory and the lines of its index
    keep      add                              take a bundle in
    check     check                            what still holds, and every problem
    sign      sign                             a signature beside the seal
    store     Store                            an object store in which nothing is replaced
    layout    Stored, Elsewhere                the names and documents of a store
    exchange  push, pull                       between the two
    catalog   build, query, trend              one row per trial and metric, and questions to it

docs/archive.md says what is kept where and what a stranger needs.
"""

from pathlib import Path

from ormlab.base import checkout

ARCHIVE: Path = checkout.ROOT / "archive"
"""The archive that the commands mean when no other is named."""
