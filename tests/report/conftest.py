from __future__ import annotations

import shutil

import pytest

from analysis import report
from bundle.unpack import unpack
from ormlab.judging import judge
from tests.report import recorded
from tests.verify.recorded import ARCHIVE


@pytest.fixture(scope="session")
def sealed(tmp_path_factory):
    """A small bundle that nobody has judged; no test may change it."""
    return unpack(ARCHIVE, tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def bundle(sealed, tmp_path):
    """A copy to change."""
    return shutil.copytree(sealed, tmp_path / sealed.name)


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """A bundle of ten blocks, judged by the ledger of these tests; no test may change it."""
    folder = tmp_path_factory.mktemp("judged")
    bundle = recorded.repeated(recorded.make(folder), folder, blocks=10)
    judge.judge(bundle, recorded.ledger())
    return bundle


@pytest.fixture(scope="session")
def material(judged):
    """What the report of it is made of."""
    return recorded.material(judged)


@pytest.fixture(scope="session")
def made(material):
    return report.compose(material)


@pytest.fixture(scope="session")
def page(made):
    """The same as HTML."""
    return report.html(made)
