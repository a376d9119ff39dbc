"""``python -m host.arrival``: what a host without anything of the lab says of itself, as JSON.

`ormlab host add` ships this package to the host and runs it there, as root where it can: only root
may read the firmware's table of memory modules.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

from . import identity, items, moment
from .item import Place

AREAS = ("processor", "memory", "firmware")
"""Areas of the readings that a new host is asked for; the others need more of the lab there."""


class Arrival(TypedDict):
    """What a new host says of itself."""

    identity: dict[str, object]  #: `host.identity.Identity`
    refusals: list[dict[str, str]]  #: `host.identity.Refusal`: why the lab would not provision it
    readings: items.Readings  #: of the areas above


def look(root: Path = Path("/")) -> Arrival:
    """Read a host that nobody has enrolled."""
    now = moment.take(root, {})
    found = identity.identify(root)
    refused = identity.refusals(found, identity.Wanted(), enrolled=False)
    return {
        "identity": asdict(found),
        "refusals": [asdict(each) for each in refused],
        "readings": items.readings(Place(root, root, before=now, after=now), AREAS),
    }


if __name__ == "__main__":
    json.dump(look(), sys.stdout)
