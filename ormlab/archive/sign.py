"""Signing a bundle's seal with an SSH key: ``SEAL.json.sig``, which the seal leaves out.

The format is OpenSSH's own (PROTOCOL.sshsig), so that a stranger needs ssh-keygen and the signer's
public key, and nothing of this project.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from bundle import names, storage
from bundle.errors import BundleExistsError
from bundle.read import Bundle
from host.environment import environment
from ormlab.archive.errors import EntryError
from ormlab.verify.anchor import NAMESPACE

if TYPE_CHECKING:
    from pathlib import Path


def sign(bundle: Path, key: Path) -> Path:
    """Sign the seal of a bundle.

    Args:
        bundle: its folder, which must reach L1.
        key: a private key, or a public one whose private part an ssh-agent holds. For a key with a
            passphrase ssh-keygen asks on the terminal.

    Returns:
        The signature's file.

    Raises:
        NotSealedError: the bundle is not sealed.
        VerificationError: it does not reach L1.
        BundleExistsError: it is signed already.
        EntryError: ssh-keygen is not there, or could not sign with this key.
    """
    Bundle.open(bundle, level="L1")
    signature = bundle / names.SIGNATURE
    if signature.exists():
        hint = "verify it: `ssh-keygen -Y verify`; remove it first to replace it"
        raise BundleExistsError("the bundle is signed already", where=signature, hint=hint)
    with storage.guard(signature, hint="free some space and sign again"):
        storage.write_file(signature, _signature((bundle / names.SEAL).read_bytes(), key))
    return signature


def _signature(seal: bytes, key: Path) -> bytes:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    try:
        answer = subprocess.run(
            command, env=environment("signer"), input=seal, capture_output=True, check=False
        )
    except FileNotFoundError:
        hint = "install OpenSSH's client programs"
        raise EntryError("no-ssh-keygen", "there is no ssh-keygen here", hint=hint) from None
    if answer.returncode:
        last = answer.stderr.decode(errors="replace").strip().splitlines()[-1:]
        what = f"the key cannot sign: {last[0] if last else 'ssh-keygen did not say why'}"
        hint = "name a private key that this user may read"
        raise EntryError("sign-failed", what, where=str(key), hint=hint)
    return answer.stdout
