"""The whole evidence, put together from evidence/ and git's history. No part of `make test`."""

from __future__ import annotations

import pytest

from docs.evidence import HistoryError, whole
from ormlab.archive.exchange import pull


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """An archive with every bundle; no test may change it."""
    folder = tmp_path_factory.mktemp("evidence")
    try:
        store = whole(folder / "store")
    except HistoryError as problem:
        pytest.skip(str(problem))
    pull(store, folder / "archive", ())
    return folder / "archive"
