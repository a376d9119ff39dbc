"""Does something outside a bundle vouch for its seal? Level L4.

An index vouches by its chain, as far as whoever keeps a copy of it is believed; a signature by the
key, as far as its owner is. Neither says that the samples were measured.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
from typing import TYPE_CHECKING, Final

from bundle import names
from bundle.index import LARGEST, parse
from bundle.tree import read_small
from host.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.findings import Findings

NAMESPACE: Final = "ormlab-seal"
"""What a signature must be for; `ormlab archive sign` makes it so."""


def check(
    root: Path,
    identifier: str,
    seal: str,
    found: Findings,
    *,
    index: Path | None,
    signers: Path | None,
) -> tuple[str, ...]:
    """Look for a bundle's seal in an index.jsonl, and for its signature by an allowed signer.

    Returns:
        What vouches for the seal, one sentence each.
    """
    notes = []
    if index is not None and (note := _in_index(index, identifier, seal, found)):
        notes.append(note)
    if signers is not None and (note := _signed(root, signers, found)):
        notes.append(note)
    if not notes and not any(problem.level == "L4" for problem in found.problems):
        found.add("anchor-missing", "")
    return tuple(notes)


def names_bundle(index: Path, identifier: str) -> bool:
    """Whether an index speaks of a bundle at all; False if it cannot be read."""
    try:
        return f'"{identifier}"'.encode() in read_small(index, limit=LARGEST, follow=True)
    except OSError:
        return False


def _in_index(index: Path, identifier: str, seal: str, found: Findings) -> str | None:
    try:
        lines = io.BytesIO(read_small(index, limit=LARGEST, follow=True)).readlines()
    except OSError as error:
        found.add("index-unreadable", names.INDEX, names.printable(str(error)))
        return None
    previous, place, other = None, None, None
    for number, raw in enumerate(lines, start=1):
        line = parse(raw)
        if line is None or line.previous != previous or not raw.endswith(b"\n"):
            found.add("index-broken", f"{names.INDEX}:{number}")
        previous = hashlib.sha256(raw).hexdigest()
        if line is not None and line.id == identifier:
            place, other = (number, other) if line.seal == seal else (place, line.seal)
    if place is not None:
        return f"the seal stands in line {place} of {len(lines)} of the index"
    if other is not None:
        found.add("anchor-differs", f"{names.INDEX}", f"it has {other}")
    return None


def _signed(root: Path, signers: Path, found: Findings) -> str | None:
    signature = root / names.SIGNATURE
    if not signature.is_file():
        found.add("signature-refused", names.SIGNATURE, "there is none")
        return None
    keygen = ["ssh-keygen", "-Y"]
    allowed = ["-f", str(signers), "-s", str(signature)]
    seal = read_small(root / names.SEAL, limit=LARGEST)
    try:
        answer = _ask([*keygen, "find-principals", *allowed])
        for principal in answer.stdout.decode(errors="replace").splitlines():
            command = [*keygen, "verify", *allowed, "-n", NAMESPACE, "-I", principal]
            answer = _ask(command, seal)
            if answer.returncode == 0:
                return f"the seal is signed by {names.printable(principal)}"
    except FileNotFoundError:
        found.add("signature-unchecked", names.SIGNATURE)
        return None
    lines = (answer.stderr + answer.stdout).decode(errors="replace").strip().splitlines()
    found.add("signature-refused", names.SIGNATURE, names.printable(lines[-1] if lines else ""))
    return None


def _ask(command: list[str], data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, env=environment("tool"), input=data, capture_output=True, check=False
    )
