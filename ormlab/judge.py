"""Judging a sealed bundle: results computed from its files alone, written into derived/."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import yaml

from analysis import results
from ormlab import checkout
from ormlab.bundle.derived import write_derived
from ormlab.bundle.format import Provenance, Tool
from ormlab.bundle.read import Bundle
from ormlab.measure.record import VERSION, encode

if TYPE_CHECKING:
    from pathlib import Path


def judge(path: Path) -> dict[str, Any]:
    """Compute the results of a bundle anew and store them in it.

    Returns:
        The document of ``derived/results.json``.

    Raises:
        BundleError: it is not sealed, or its files are not what the seal says.
    """
    bundle = Bundle.open(path, level="L1")
    resolved = yaml.safe_load((path / "inputs/plan.yaml").read_bytes())
    facts = json.loads((path / "host/facts.before.json").read_bytes())
    document = results.derive(bundle, resolved, facts)
    commit, dirty = checkout.commit()
    lock = (checkout.ROOT / "requirements/lab.txt").read_bytes()
    provenance = Provenance(
        seal=str(bundle.seal),
        ledger=None,
        analysis_lock=hashlib.sha256(lock).hexdigest(),
        tool=Tool(version=VERSION, commit=commit, dirty=dirty),
    )
    write_derived(path, {"results.json": encode(document)}, provenance)
    return document
