"""Judging again mends what is wrong with derived/, and nothing else."""

from __future__ import annotations

import pytest

from ormlab import judge
from ormlab.bundle.errors import BundleError
from ormlab.verify import verify


@pytest.mark.parametrize("file", ["results.json", "DERIVED.sha256"])
def test_a_damaged_derived_folder_is_made_anew(bundle, file):
    (bundle / "derived" / file).write_text("{}")
    assert not verify(bundle, level="L1").ok
    judge.judge(bundle)
    assert verify(bundle, level="L3").ok


def test_a_damaged_trial_is_not_judged(bundle):
    next(bundle.glob("trials/*/trial.json")).write_text("{}")
    with pytest.raises(BundleError):
        judge.judge(bundle)
