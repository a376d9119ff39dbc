"""Which hosts a run took place on, as one digest: the same hosts, the same digest."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.documents.host import HostFacts


def fingerprint(facts: Mapping[str, HostFacts]) -> str:
    """Digest of the facts that decide whether results of two runs may be compared.

    ``facts`` are by the name of each host in the bundle.

    Raises:
        KeyError: a host is identified by something that is no fact.
    """
    known = {name: each.identifying for name, each in facts.items()}
    # One host is named by what it is alone, wherever it stands.
    told = next(iter(known.values())) if len(known) == 1 else known
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
