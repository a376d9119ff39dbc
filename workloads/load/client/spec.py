"""What one client is asked to do, read strictly: an unknown key or a wrong type is an error."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from workloads.load.client.failure import LoadError

if TYPE_CHECKING:
    from pathlib import Path

_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "list[int]": (list,),
    "None": (type(None),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One load of one subject.

    The window begins ``warmup_s`` after the load and lasts ``duration_s``. Requests that are due
    in it are its samples; they may be answered until ``timeout_s`` after its end.

    Attributes:
        host: address of the service.
        port: TCP port of the service.
        loop: ``closed``: each connection sends when its last answer is in; ``open``: requests are
            sent when they are due, whether or not earlier answers are in.
        connections: keep-alive connections over all processes.
        processes: generator processes, each with its share of connections, table and rate.
        cpus: one CPU for each process; None leaves them where they are.
        warmup_s: seconds of load before the window, in no sample.
        duration_s: length of the window in seconds; with ``requests_total`` its upper limit.
        requests_total: end the window when this many requests are answered (closed loop without
            warm-up); None ends it after ``duration_s``.
        rate: requests per second over all processes; open loop only.
        arrivals: ``poisson`` or ``constant``; open loop only.
        seed: decides arrivals and which bodies are hashed.
        table: path of the request table.
        repeatable: whether the table may be sent again from its top.
        timeout_s: a request without an answer for so long is given up, its connection replaced.
        hash_fraction: share of the requests whose body is hashed, 0 to 1.
        start_at: instant at which the load, warm-up first, begins, in seconds since 1970; None
            begins as soon as every connection is open.
    """

    host: str
    port: int
    loop: str
    connections: int
    processes: int = 1
    cpus: list[int] | None = None
    warmup_s: float = 0.0
    duration_s: float
    requests_total: int | None = None
    rate: float | None = None
    arrivals: str = "poisson"
    seed: int
    table: str
    repeatable: bool
    timeout_s: float = 10.0
    hash_fraction: float = 0.01
    start_at: float | None = None


def read_spec(path: Path) -> Spec:
    """Read and check a spec.

    Raises:
        LoadError: code ``spec``; says which key is missing, unknown, or out of range.
    """
    try:
        return parse_spec(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as wrong:
        raise LoadError(
            "spec", f"the spec is not one: {wrong}", where=str(path), hint="see Spec in spec.py"
        ) from None


def parse_spec(given: Any) -> Spec:  # noqa: ANN401 - whatever JSON held
    """Check the keys and values of a spec.

    Raises:
        TypeError: it is no object, or a value has another type.
        ValueError: a key is missing or unknown, or a value is out of range.
    """
    _check_types(given)
    spec = Spec(**given)
    _check_meaning(spec)
    return spec


def _check_types(given: Any) -> None:  # noqa: ANN401 - whatever JSON held
    if not isinstance(given, dict):
        raise TypeError("a spec is a JSON object")
    declared = {field.name: field for field in fields(Spec)}
    if unknown := given.keys() - declared.keys():
        raise ValueError(f"unknown key {', '.join(sorted(unknown))}")
    for name, field in declared.items():
        if name not in given:
            if field.default is MISSING:
                raise ValueError(f"{name} is missing")
            continue
        kinds = str(field.type).split(" | ")
        value = given[name]
        allowed = tuple(each for kind in kinds for each in _TYPES[kind])
        if not isinstance(value, allowed) or (isinstance(value, bool) and "bool" not in kinds):
            raise TypeError(f"{name} must be {field.type}, not {value!r}")


def _check_meaning(spec: Spec) -> None:
    is_open = spec.loop == "open"
    total = spec.requests_total
    rules = {
        "loop is closed or open": spec.loop in ("closed", "open"),
        "arrivals are poisson or constant": spec.arrivals in ("poisson", "constant"),
        "port is 1 to 65535": spec.port in range(1, 65536),
        "processes is 1 or more": spec.processes >= 1,
        "connections is at least processes": spec.connections >= spec.processes,
        "cpus has one CPU for each process": spec.cpus is None
        or [type(cpu) for cpu in spec.cpus] == [int] * spec.processes,
        "warmup_s is 0 or more": 0 <= spec.warmup_s < float("inf"),
        "duration_s is above 0": 0 < spec.duration_s < float("inf"),
        "timeout_s is above 0": 0 < spec.timeout_s < float("inf"),
        "hash_fraction is 0 to 1": 0 <= spec.hash_fraction <= 1,
        "rate is above 0 in an open loop": not is_open or (spec.rate or 0) > 0,
        "rate belongs to an open loop": is_open or spec.rate is None,
        "requests_total is at least processes": total is None or total >= spec.processes,
        "requests_total belongs to a closed loop without warm-up": total is None
        or (not is_open and spec.warmup_s == 0),
    }
    if broken := [rule for rule, kept in rules.items() if not kept]:
        raise ValueError("; ".join(broken))
