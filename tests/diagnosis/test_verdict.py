"""From one changed body byte of a recorded run to the verdict on its comparisons."""

from __future__ import annotations

import base64
import hashlib

from ormlab.judging import judge
from tests.verify import recorded


def other_byte(document):
    """The same answer with its first byte changed, as a service would have sent it."""
    answer = document["answers"][0]
    body = bytearray(base64.b64decode(answer["begins"]))
    assert len(body) == answer["bytes"], "the record holds the whole body"
    body[0] ^= 1
    answer["begins"] = base64.b64encode(body).decode()
    answer["sha256"] = hashlib.sha256(body).hexdigest()


def test_one_changed_body_byte_makes_every_comparison_invalid(tmp_path):
    bundle = recorded.make(tmp_path)
    comparisons = [c for cell in judge.judge(bundle).results.cells for c in cell.comparisons]
    assert {c.verdict for c in comparisons} == {"ESTIMATE"}
    recorded.change(bundle / "services/tortoise/answers.json", other_byte)
    recorded.seal_again(bundle)
    comparisons = [c for cell in judge.judge(bundle).results.cells for c in cell.comparisons]
    assert {c.verdict for c in comparisons} == {"VOID"}
    assert {c.reasons[0].code for c in comparisons} == {"gate"}
    assert all("GET /users/171" in c.reasons[0].what for c in comparisons)
