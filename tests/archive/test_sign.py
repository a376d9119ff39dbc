"""A signature stands beside the seal, and OpenSSH alone checks it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from bundle.errors import BundleExistsError, VerificationError
from bundle.pack import pack
from bundle.unpack import unpack
from bundle.verify import verify
from ormlab.archive.errors import EntryError
from ormlab.archive.sign import NAMESPACE, sign
from tests.bundle import making

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def bundle(tmp_path):
    return making.sealed(tmp_path / "bundles")


def holds(bundle, key):
    signers = bundle.parent / "signers"
    signers.write_text(f"maker@example.org {key.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "maker@example.org"]
    command += ["-n", NAMESPACE, "-s", bundle / "SEAL.json.sig"]
    seal = (bundle / "SEAL.json").read_bytes()
    return subprocess.run(command, input=seal, check=False, capture_output=True).returncode == 0


def test_a_signed_bundle_still_verifies_and_openssh_knows_its_signer(bundle, key):
    assert sign(bundle, key) == bundle / "SEAL.json.sig"
    assert verify(bundle).ok
    assert making.coreutils(bundle) == ""
    assert holds(bundle, key)
    making.edit_json(bundle / "SEAL.json", sealed_at="2026-11-23T05:00:00Z")
    assert not holds(bundle, key)


def test_the_signature_travels_with_the_bundle(bundle, key, tmp_path):
    sign(bundle, key)
    pack(bundle, tmp_path / "b.tar.zst")
    (tmp_path / "there").mkdir()
    assert holds(unpack(tmp_path / "b.tar.zst", tmp_path / "there"), key)


def test_a_signature_is_not_replaced(bundle, key):
    sign(bundle, key)
    with pytest.raises(BundleExistsError):
        sign(bundle, key)


def test_only_what_verifies_is_signed_and_only_with_a_key(bundle, tmp_path):
    with pytest.raises(EntryError, match="cannot sign"):
        sign(bundle, tmp_path / "no-key")
    (bundle / "inputs/plan.yaml").write_text("changed")
    with pytest.raises(VerificationError):
        sign(bundle, tmp_path / "no-key")
    assert not (bundle / "SEAL.json.sig").exists()
