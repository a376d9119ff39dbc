"""The whole plan of docs/plans.md is a plan, and has every key."""

from __future__ import annotations

import pytest
import yaml

from bundle.documents.plan import Plan
from docs import plans
from ormlab import plan


def test_the_whole_plan_can_be_resolved(tmp_path):
    path = tmp_path / "whole.yaml"
    path.write_text(plans.commented())
    resolved = plan.resolve(plan.load(str(path)))
    assert resolved.trials
    assert yaml.safe_load(plans.commented()) == yaml.safe_load(plans.WHOLE)


def test_every_key_has_one_comment_that_says_what_it_means_and_whether_it_is_required():
    lines = plans.commented().splitlines()
    comments = [line.strip() for line in lines if line.strip().startswith("#")]
    joined = " ".join(comments).replace("#   ", "").split("# ")[1:]
    assert len(joined) > 100
    for comment in joined:
        meaning, _, rules = comment.strip().rpartition(" [")
        assert len(meaning) > 3, comment
        assert rules.partition(";")[0].rstrip("]").split()[0] in {"required", "optional", "default"}


@pytest.mark.parametrize("key", ["burden: 0", "times: 2", "beta: 0.005", "slice_s: 0.25"])
def test_a_key_that_the_whole_plan_lacks_is_told(key, monkeypatch):
    assert f"{key}\n" in plans.WHOLE
    less = "".join(f"{line}\n" for line in plans.WHOLE.splitlines() if line.strip() != key)
    monkeypatch.setattr(plans, "WHOLE", less)
    with pytest.raises(LookupError, match=key.partition(":")[0]):
        plans.commented()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("blocks",), 0),
        (("blocks",), 1001),
        (("dataset", "users"), 999),
        (("loads", "wrk", "threads"), 65),
        (("subjects", "tortoise", "loop"), "none"),
        (("beta",), 0.06),
    ],
)
def test_a_value_beyond_a_limit_of_the_page_is_refused(path, value):
    document = yaml.safe_load(plans.WHOLE)
    assert Plan.model_validate(document)
    part = document
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(ValueError, match=path[-1]):
        Plan.model_validate(document)
