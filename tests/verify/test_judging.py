"""Judging again mends what is wrong with derived/, and nothing else."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from bundle.errors import BundleError, RecordError
from ormlab.base import checkout
from ormlab.base.errors import LabError
from ormlab.cli.judge import command
from ormlab.judging import judge
from ormlab.verify import verify
from tests.bundle.making import edit_json
from tests.verify import recorded


@pytest.mark.parametrize("file", ["results.json", "DERIVED.sha256"])
def test_a_damaged_derived_folder_is_made_anew(bundle, file):
    (bundle / "derived" / file).write_text("{}")
    assert not verify(bundle, level="L1").ok
    judge.judge(bundle)
    assert verify(bundle, level="L3").ok


def test_a_checkout_that_may_only_be_read_judges_too(bundle, tmp_path, monkeypatch):
    state = tmp_path / "state"
    state.write_text("no folder can be made below this")
    monkeypatch.setattr(checkout, "STATE", state)
    judge.judge(bundle)
    assert (bundle / "derived/results.json").exists()


def test_a_damaged_trial_is_not_judged(bundle):
    next(bundle.glob("trials/*/trial.json")).write_text("{}")
    with pytest.raises(BundleError):
        judge.judge(bundle)


@pytest.mark.parametrize("kind", ["subject", "workload", "load"])
def test_a_trial_of_what_the_plan_does_not_have_is_one_clear_error(bundle, kind):
    edit_json(bundle / recorded.NEXT / "trial.json", **{kind: "of-another-plan"})
    recorded.seal_again(bundle)
    with pytest.raises(RecordError, match=rf"{recorded.NEXT}.*has no {kind} 'of-another-plan'"):
        judge.judge(bundle)
    refusal = CliRunner().invoke(command, [str(bundle)]).exception
    assert isinstance(refusal, LabError)
    assert refusal.exit_code == 3
