"""How far verification goes, what it says on the way, and what it takes for an anchor."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from bundle.codec import serialise
from bundle.codes import LIMIT, MEANINGS
from bundle.findings import Findings
from ormlab.cli.verify import command
from ormlab.judging import judge
from ormlab.verify import anchor, verify
from tests.bundle import making
from tests.verify import recorded
from tests.verify.recorded import add, change, edit_results, head_of, pass_off

SIGNER = "maker@example.org"


def ormlab(*arguments, code=0):
    answer = CliRunner().invoke(command, list(map(str, arguments)))
    assert answer.exit_code == code, answer.output
    return answer.stdout


@pytest.fixture
def signed(bundle, tmp_path):
    """A copy with a signature, and the file that allows its signer."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh-keygen here")
    key = tmp_path / "key"
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]
    subprocess.run(keygen, check=True)
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", anchor.NAMESPACE, "-f", key]
    subprocess.run([*sign, bundle / "SEAL.json"], check=True, capture_output=True)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"{SIGNER} {key.with_suffix('.pub').read_text()}")
    (bundle.parent / "index.jsonl").unlink()
    return bundle, allowed


def test_it_goes_as_far_as_the_bundle_has_what_it_needs(bundle):
    assert verify(bundle).level_reached == "L4"
    (bundle.parent / "index.jsonl").unlink()
    assert verify(bundle).level_reached == verify(bundle).asked == "L3"
    shutil.rmtree(bundle / "derived")
    assert verify(bundle).level_reached == verify(bundle).asked == "L2"
    assert verify(bundle, level="L1").asked == "L1"


def test_an_index_that_does_not_speak_of_the_bundle_is_not_asked_unless_named(bundle, tmp_path):
    (bundle.parent / "index.jsonl").unlink()
    other = tmp_path / "index.jsonl"
    other.write_text("")
    assert verify(bundle).asked == "L3"
    (problem,) = verify(bundle, index=other).problems
    assert problem.code == "anchor-missing"
    (problem,) = verify(bundle, index=tmp_path / "nothing.jsonl").problems
    assert problem.code == "index-unreadable"


def test_without_l1_nothing_above_is_looked_at(bundle):
    (bundle / "inputs/plan.yaml").write_text("")
    outcome = verify(bundle)
    assert [each.code for each in outcome.problems] == ["file-changed"]
    assert outcome.level_reached == "L0"


def test_a_signature_anchors_the_seal(signed):
    bundle, allowed = signed
    outcome = verify(bundle, allowed_signers=allowed)
    assert outcome.level_reached == "L4"
    assert f"signed by {SIGNER}" in outcome.notes[-1]


def test_a_signature_that_is_missing_malformed_or_of_another_key_is_refused(signed):
    bundle, allowed = signed
    key = f"{SIGNER} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43}\n"
    own = allowed.read_text()
    allowed.write_text(key)
    assert refusal(bundle, allowed) == ["signature-refused"]
    allowed.write_text(own)
    assert refusal(bundle, allowed) == []
    (bundle / "SEAL.json.sig").write_text("signed")
    assert refusal(bundle, allowed) == ["signature-refused"]
    (bundle / "SEAL.json.sig").unlink()
    assert refusal(bundle, allowed) == ["signature-refused"]


def refusal(bundle, allowed):
    found = Findings()
    seal = making.sha256((bundle / "SEAL.json").read_bytes())
    anchor.check(bundle, bundle.name, seal, found, index=None, signers=allowed)
    return [each.code for each in found.problems]


def test_a_signature_for_another_purpose_is_refused(signed, tmp_path):
    bundle, allowed = signed
    (bundle / "SEAL.json.sig").unlink()
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", tmp_path / "key"]
    subprocess.run([*sign, bundle / "SEAL.json"], check=True, capture_output=True)
    assert refusal(bundle, allowed) == ["signature-refused"]


def test_without_ssh_keygen_a_signature_is_unchecked(signed, monkeypatch):
    bundle, allowed = signed
    monkeypatch.setenv("PATH", "/nonexistent")
    assert refusal(bundle, allowed) == ["signature-unchecked"]


def test_another_lock_with_the_same_digits_is_a_doubt(bundle):
    head = head_of(bundle) | {"analysis_lock": "8" * 64}
    document = json.loads((bundle / "derived/results.json").read_bytes())
    document["cells"][0]["comparisons"][0]["ratio"] *= 1 + 1e-9
    pass_off(bundle, {"results.json": serialise(document)}, head)
    outcome = verify(bundle)
    assert outcome.level_reached == "L4"
    assert [each.code for each in outcome.doubts] == ["results-rounded"]
    assert "another analysis lock: the same to 6 digits" in outcome.notes[0]
    assert "doubt L3 results-rounded" in ormlab(bundle, "--strict", code=3)


def test_another_lock_with_the_same_bytes_says_so(bundle):
    head = head_of(bundle) | {"analysis_lock": "8" * 64}
    pass_off(bundle, {"results.json": (bundle / "derived/results.json").read_bytes()}, head)
    outcome = verify(bundle)
    assert outcome.doubts == ()
    assert "another analysis lock: the same bytes" in outcome.notes[0]


def test_results_of_another_version_with_other_keys_are_underivable_not_wrong(bundle, monkeypatch):
    tool = judge.tool()
    older = type(tool)(version="0.0.9", commit=None, dirty=None)
    monkeypatch.setattr(judge, "tool", lambda: older)
    edit_results(bundle, lambda told: told["cells"][0].pop("controls"))
    monkeypatch.setattr(judge, "tool", lambda: tool)
    (problem,) = verify(bundle).problems
    assert problem.code == "results-underivable"
    assert "judged by 0.0.9" in problem.message


def test_verdicts_of_an_older_rule_are_not_called_forged_and_judging_renews_them(bundle):
    """Whatever else they say: the older rule may have had other verdicts, and other keys."""

    def age(told):
        told["schema"] = "results/1"
        for comparison in told["cells"][0]["comparisons"]:
            comparison["verdict"] = "INVALID (gate)"
            del comparison["widened"]

    edit_results(bundle, age)
    outcome = verify(bundle)
    assert outcome.level_reached == "L2"
    (problem,) = outcome.problems
    assert (problem.code, problem.path) == ("results-older", "derived/results.json")
    assert "older rule: results/1 instead of results/2" in problem.message
    assert "`ormlab judge` computes them anew" in ormlab(bundle, code=3)
    judge.judge(bundle)
    assert verify(bundle).level_reached == "L4"


def test_idle_connections_and_files_that_the_format_does_not_know_are_doubts(bundle):
    def slow(told):
        told["window"]["seconds"] *= 1.2
        told["throughput"] = told["requests_in_window"] / told["window"]["seconds"]

    change(bundle / recorded.CLIENT / "client.json", slow)
    add(bundle, "host/weather.json", b"{}\n")
    add(bundle, "inputs/setup.py", b"\n")
    recorded.seal_again(bundle)
    outcome = verify(bundle, level="L2")
    assert outcome.level_reached == "L2", outcome.problems
    assert [each.code for each in outcome.doubts] == [
        "document-undescribed",
        "file-undescribed",
        "littles-law-low",
    ]


def test_a_secret_is_not_printed_where_it_is_found(bundle):
    secret = "ghp_" + "A1b2" * 9
    add(bundle, "host/notes.txt", f"a line\n{secret}\n".encode())
    recorded.seal_again(bundle)
    (problem,) = verify(bundle, level="L2").problems
    assert "a token of GitHub, line 2" in problem.message
    assert secret not in repr(problem)


def test_the_document_says_what_was_reached_and_what_that_does_not_mean(made):
    told = json.loads(ormlab(made, "--json"))
    assert told["ok"] is True
    assert (told["level"], told["asked"]) == ("L4", "L4")
    assert told["meaning"] == list(MEANINGS.values())
    assert told["limit"] == LIMIT
    text = ormlab(made)
    assert LIMIT in text
    assert all(meaning in text for meaning in MEANINGS.values())


def test_a_bundle_packed_badly_is_not_one(made, tmp_path):
    """Half a tar unpacks without a word; a zip is no folder."""
    archive = tmp_path / "whole.tar"
    tar = ["tar", "-C", made.parent, "--sort=name", "-cf", archive, made.name]
    subprocess.run(tar, check=True)
    half = archive.read_bytes()[: archive.stat().st_size // 2 // 10240 * 10240]
    archive.write_bytes(half)
    subprocess.run(["tar", "-C", tmp_path, "-xf", archive], check=False, capture_output=True)
    codes = {each.code for each in verify(tmp_path / made.name).problems}
    assert codes & {"file-missing", "seal-missing", "manifest-missing"}
    zipped = shutil.make_archive(str(tmp_path / "bundle"), "zip", made)
    assert [each.code for each in verify(Path(zipped)).problems] == ["not-a-bundle"]
