"""What one client is asked to do, read strictly: an unknown key or a wrong type is an error.

A spec is the one that ``client.json`` repeats. The window begins ``warmup_s`` after the load and
lasts ``duration_s``. Requests that are due in it are its samples; they may be answered until
``timeout_s`` after its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bundle.generators.client import Spec
from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    from pathlib import Path

_DEFAULTS = {
    "processes": 1,
    "cpus": None,
    "warmup_s": 0.0,
    "requests_total": None,
    "rate": None,
    "arrivals": "poisson",
    "timeout_s": 10.0,
    "hash_fraction": 0.01,
    "start_at": None,
}


def read_spec(path: Path) -> Spec:
    """Read and check a spec.

    Raises:
        LoadError: code ``spec``; says which key is missing, unknown, or out of range.
    """
    try:
        return parse_spec(msgspec.json.decode(path.read_bytes(), type=dict[str, object]))
    except (OSError, ValueError) as wrong:
        raise LoadError(
            "spec",
            f"the spec is not one: {wrong}",
            where=str(path),
            hint="see Spec in bundle/generators/client.py",
        ) from None


def parse_spec(given: dict[str, object]) -> Spec:
    """Check the keys and values of a spec; a key that it lacks has its default.

    Raises:
        ValueError: a key is missing or unknown, or a value has another type or is out of range.
    """
    spec = msgspec.convert(_DEFAULTS | given, Spec)
    _check_meaning(spec)
    return spec


def _check_meaning(spec: Spec) -> None:
    is_open = spec.loop == "open"
    total = spec.requests_total
    rules = {
        "arrivals are poisson or constant": spec.arrivals in ("poisson", "constant"),
        "port is 1 to 65535": spec.port in range(1, 65536),
        "processes is 1 or more": spec.processes >= 1,
        "connections is at least processes": spec.connections >= spec.processes,
        "cpus has one CPU for each process": spec.cpus is None or len(spec.cpus) == spec.processes,
        "duration_s is above 0": spec.duration_s > 0,
        "timeout_s is above 0": spec.timeout_s > 0,
        "hash_fraction is 0 to 1": 0 <= spec.hash_fraction <= 1,
        "rate is above 0 in an open loop": not is_open or (spec.rate or 0) > 0,
        "rate belongs to an open loop": is_open or spec.rate is None,
        "requests_total is at least processes": total is None or total >= spec.processes,
        "requests_total belongs to a closed loop without warm-up": total is None
        or (not is_open and spec.warmup_s == 0),
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise ValueError("; ".join(broken))
