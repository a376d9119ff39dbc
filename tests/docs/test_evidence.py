"""What of the evidence is in evidence/, and that the page there quotes it as it is.

`make test-evidence` looks at the bundles that only git's history has.
"""

from __future__ import annotations

import re

import pytest

from bundle.codec import decode
from docs.evidence import EVIDENCE, fetch, here
from ormlab.archive.layout import ELSEWHERE, Elsewhere, Stored, packed
from ormlab.archive.store import Store
from tests.evidence.quoted import PAGE, QUOTED


@pytest.mark.parametrize("name", sorted({*QUOTED} & {*here()}))
def test_the_figures_on_the_page_are_those_of_the_bundle(tmp_path, name):
    fetch(tmp_path, (name,))
    QUOTED[name](tmp_path / name)


def test_every_sealed_bundle_is_here_or_named_with_its_commit():
    seals = [decode(each.read_bytes(), Stored, where=each) for each in EVIDENCE.glob("seals/*")]
    files = {each.archive: (EVIDENCE / packed(each.archive)).exists() for each in seals}
    left = Store.open(str(EVIDENCE)).record(ELSEWHERE, Elsewhere)
    assert {(each.id, each.archive) for each in left.bundles} == {
        (each.id, each.archive) for each in seals if not files[each.archive]
    }
    assert left.folder == EVIDENCE.name
    assert list(left.bundles) == sorted(left.bundles, key=lambda each: each.id)
    assert len(list((EVIDENCE / "bundles/sha256").iterdir())) == sum(files.values())


def test_the_page_lists_the_bundles_that_are_here():
    listed = PAGE.partition("the packed bundles of these runs are:")[2].partition("They cover")[0]
    assert tuple(re.findall(r"`(\S+)`", listed)) == here()
