"""Which hosts a run took place on, as one digest: the same hosts, the same digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def fingerprint(facts: Mapping[str, dict[str, Any]]) -> str:
    """Digest of the facts that decide whether results of two runs may be compared.

    Args:
        facts: of each host of the run, by its name in the bundle.
    """
    known = {name: _identity(each) for name, each in facts.items()}
    # One host is named by what it is alone, wherever it stands.
    told = next(iter(known.values())) if len(known) == 1 else known
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _identity(facts: dict[str, Any]) -> dict[str, Any]:
    identity = {key: facts["facts"][key] for key in facts["identity"]}
    return identity | {"tier": facts["placement"]["tier"]}
