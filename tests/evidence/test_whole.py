"""All of the evidence: what the README opens with, and what the page in evidence/ quotes."""

from __future__ import annotations

import json

import pytest

from bundle.codec import plain
from docs import finding
from tests.docs.test_finding import rounded
from tests.evidence.quoted import QUOTED


def test_the_judgement_is_what_all_its_bundles_come_to(archive):
    told = finding.judged_anew(archive)
    assert rounded(json.dumps(plain(told))) == rounded(json.dumps(plain(finding.judgement())))


@pytest.mark.parametrize("name", QUOTED)
def test_the_figures_on_the_page_are_those_of_the_bundle(archive, name):
    QUOTED[name](archive / name)
