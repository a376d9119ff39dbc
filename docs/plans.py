"""The page about plans, made from their types: a whole plan, with what each key means above it."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import yaml

from bundle.documents import plan as types
from bundle.documents.subject import Cache, Pool, Subject
from bundle.generators import KINDS, Kill
from docs import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

type Schema = dict[str, Any]
"""A JSON Schema as pydantic gives it, which has no type of its own."""

WHOLE = """\
schema: plan/1
name: whole
title: Every key that a plan can have
profile: vm
seed: 20240105
blocks: 12
database: postgresql
dataset:
  users: 20000
  orders: 10000
  payload_bytes: 1024
subjects:
  sqlalchemy:
    service: sqlalchemy
    stack: current-migrations
    database: postgresql
    workers: 1
    pool:
      size: 10
      overflow: 0
    framework: aiohttp
    cache:
      ttl_s: 0
      entries: 1024
    loop: asyncio
    json_library: stdlib
    options:
      read_as: entity
    migrations: alembic
    burden: 0
  tortoise:
    service: tortoise
workloads:
  one:
    operations:
      - operation: read-user
        weight: 3
        id: 7
      - operation: list-users
        weight: 1
        limit: 20
        offset: 40
  with-orders:
    operations:
      - operation: users-with-orders
        loading: join
        limit: 20
loads:
  wrk:
    generator: wrk
    threads: 2
    connections: 64
    duration_s: 5
    warmup_s: 1
    timeout_s: 10
    kill:
      connections: 4
      times: 2
  closed:
    generator: client-closed
    connections: 10
    processes: 1
    duration_s: 60
    warmup_s: 0
    timeout_s: 10
    requests_total: 1000
  open:
    generator: client-open
    rate: 500
    arrivals: poisson
    connections: 64
    processes: 1
    duration_s: 5
    warmup_s: 1
    timeout_s: 10
    kill:
      connections: 4
  search:
    generator: capacity
    objective_ms: 50
    loss_ratio: 0.01
    width: 0.05
    probe_s: 2
    probes: 3
    arrivals: poisson
    connections: 64
    processes: 1
    warmup_s: 2
    duration_s: 300
  switched:
    generator: client-switchback
    connections: 64
    duration_s: 3
    slice_s: 0.25
    warmup_s: 1
    timeout_s: 10
  switched-wrk:
    generator: wrk-switchback
    threads: 2
    connections: 64
    duration_s: 5
    slice_s: 1
    warmup_s: 1
    timeout_s: 10
  switched-open:
    generator: client-open-switchback
    rate: 500
    arrivals: poisson
    connections: 64
    duration_s: 5
    slice_s: 1
    ramp_s: 0.25
    warmup_s: 1
    timeout_s: 10
  article:
    generator: article
    requests: 10000
    concurrency: 500
    duration_s: 60
comparisons:
  - baseline: sqlalchemy
    candidate: tortoise
explanation:
  from: sqlalchemy
  to: tortoise
  steps:
    - name: transaction
      what: SQLAlchemy opens a transaction around the read
      side: from
      alone: true
      options:
        isolation_level: AUTOCOMMIT
      pool:
        size: 10
      loop: asyncio
      json_library: stdlib
    - name: reset
      what: Tortoise's pool resets the connection that is given back
      side: to
      options:
        reset_on_return: false
null_arm: sqlalchemy
needs_all_subjects: true
profilers: [cpu, heap, instructions, syscalls]
positive_control:
  subject: sqlalchemy
  delta: 0.1
beta: 0.005
margins:
  throughput: 0.05
  capacity: 0.05
gates:
  littles-law:
    low: 0.9
    high: 1.1
    reason: answers of this service take longer than the window is long
assumptions:
  - ids are drawn uniformly from all users
profiles:
  vm:
    blocks: 8
    seconds:
      wrk: 3
    without:
      with-orders: a virtual machine decides no size
  bare-metal:
    omitted: another plan measures the same with more blocks
"""
_BEFORE = """\
A plan is a YAML file that decides a run before it starts. `ormlab plans` lists the lab's own plans,
with their durations and what each needs; they are in [workloads/plans/](../workloads/plans).
`ormlab plan NAME` shows what one would do. `ormlab plan NAME --yaml` prints the plan as it is
resolved and hashed, with every default and every trial in order. The digest of that text is part of
the bundle's name.

Options of `ormlab plan` and `ormlab run` override a plan: `--blocks`, `--seed`, and for every load
that has such a key `--duration`, `--warmup` and `--connections`. The plan of record is then the
overridden one, with a digest of its own. Its key `overridden` names each value with the one that it
replaced, `ormlab plan` shows them, and the conclusion of the run lists them among its weaknesses.

Unknown keys, repeated keys, aliases and values out of range are errors. The message names file and
line.

## A whole plan

This plan has every key, to look keys up; no run needs all of them. Above each key stands what
it means, and in brackets whether it is required, else its default, and the values that it takes.
A *name* has at most 40 small letters, digits, dots and hyphens.
"""
_AFTER = """\
## Loads

A run has one generator for each load; [generators.md](generators.md) says how to add another.

`kill` is a fault. At `times` instants of the window the agent ends at most `connections` of the
service's own database connections (`pg_terminate_backend`) and records when and how many. The seed
draws the instants, the same for every subject of a block. The requests that fail are then the
figure, and no reason to repeat the trial. Latencies under such a load include all answers, errors
too.

`client-switchback` compares subjects that are alive together, instead of one trial after the
other. A block is then one deployment of every subject, controls included. The client switches its
load between them in slices of about 0.25 s, and each subject has `duration_s` seconds of slices
in a block. Without `slice_s` the warm-up decides: the shortest of 0.25, 0.5, 1, 2 and 4 s in
which the slowest subject answers every connection four times. `duration_s` is a limit: the block
keeps the time that `ormlab plan` states, so slow subjects have fewer slices, or shorter ones if the
plan gives no length.
The interval of a ratio becomes much narrower for the same measured time, because two subjects
that are compared are measured within the same second ([measurement.md](measurement.md)). Where
requests wait longer than a slice, measure latencies under another load. Many short blocks are
better than few long ones: 10 to 15 blocks of 3 to 6 seconds for each subject. One plan may have
such a load beside others.

`wrk-switchback` does the same with wrk, in slices of a second or more; the workload must allow
repeated requests, so no creates and deletes. It gives [wrk's figures](measurement.md#wrk-in-slices)
of services that stay alive. Prefer `client-switchback` for the narrower interval.

`client-open-switchback` compares response times under one arrival rate. Each turn sends for
`ramp_s` seconds without measuring, and then for `slice_s`. Choose a rate of at most 80 % of the
slowest subject's capacity, because queues that are longer need
[longer ramps](measurement.md#open-loops-in-slices).

`capacity` searches for the highest rate that meets an objective: [steadiness.md](steadiness.md).
`article` sends all requests at once and starts the clock before they queue, as the article does.

## Operations

Operations are `read-`, `create-`, `update-`, `delete-` with `user` or `order`, `list-users`,
`list-orders`, `user-orders`, and `users-with-orders` with `loading` lazy, prefetch or join.
[workloads/contract/openapi.yaml](../workloads/contract/openapi.yaml) holds the contract of each.
A plan of applications names theirs, and has no `dataset`: [applications.md](applications.md).
"""
_WIDTH = 100
# The type fills them in before it looks whether they are there.
_FILLED_IN = {("Plan", "margins"), ("PositiveControl", "delta")}
# The lab writes these; no plan file has them.
_NOT_WRITTEN = {"overridden", "application"}
# Only plans of applications have these: docs/applications.md describes them.
_OF_APPLICATIONS = {"ref"}
# Types of keys that no plan file has.
_MADE = {"Override", "Application", "ApplicationOperation", "Draw"}
_KINDS: dict[str, type] = {kind.__name__: kind for kind in (*KINDS, Kill, Subject, Pool, Cache)}


def page(mark: str) -> str:
    """The page; `mark` says that it is generated."""
    return "\n".join(["# Plans\n", mark, _BEFORE, f"```yaml\n{commented()}```\n", _AFTER])


def commented() -> str:
    """The whole plan, with a comment above each key of a type where it stands first.

    Raises:
        LookupError: the plan lacks a key that a type has.
    """
    schema = types.Plan.model_json_schema()
    above: dict[int, list[str]] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    lines = WHOLE.splitlines()
    for name, key, field, node in _keys(yaml.compose(WHOLE), schema, schema):
        if key in seen[name]:
            continue
        seen[name].add(key)
        line = node.start_mark.line
        indent = " " * (len(lines[line]) - len(lines[line].lstrip()))
        above[line] = _comment(schema, name, key, field, indent)
    _require_whole(schema, seen)
    return "".join(
        "".join(f"{each}\n" for each in (*above.get(number, ()), line))
        for number, line in enumerate(lines)
    )


def _keys(
    node: yaml.Node, field: Schema, schema: Schema
) -> Iterator[tuple[str, str, Schema, yaml.Node]]:
    """The type and the name of every key in a document, with its own schema and its node."""
    kind = _resolved(field, schema, node)
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _keys(each, kind["items"], schema)
    elif isinstance(node, yaml.MappingNode):
        properties = kind.get("properties", {})
        for key, value in node.value:
            if properties:
                yield kind["title"], key.value, properties[key.value], key
            inner = properties.get(key.value) or kind.get("additionalProperties", {})
            if isinstance(inner, dict):
                yield from _keys(value, inner, schema)


def _resolved(field: Schema, schema: Schema, node: yaml.Node | None = None) -> Schema:
    """What a reference leads to; of alternatives the first that is not null, or the generator's."""
    if "$ref" in field:
        target = schema["$defs"][field["$ref"].rpartition("/")[2]]
        return _resolved(target, schema, node)
    if "discriminator" in field:
        chosen = {key.value: value.value for key, value in node.value} if node else {}
        mapping = field["discriminator"]["mapping"]
        return _resolved({"$ref": mapping[chosen["generator"]]}, schema)
    kinds = [each for each in field.get("anyOf", ()) if each.get("type") != "null"]
    return _resolved(kinds[0], schema, node) if len(kinds) == 1 else field


def _comment(schema: Schema, name: str, key: str, field: Schema, indent: str) -> list[str]:
    told = f"{_meaning(name, key)} [{'; '.join(_rules(schema, name, key, field))}]"
    return textwrap.wrap(
        told, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   "
    )


def _meaning(name: str, key: str) -> str:
    if key == "generator":
        return "chooses the keys of the load"
    kind = _KINDS.get(name) or getattr(types, name)
    told = documents.meanings(kind)
    return told.get(key) or told[f"{key}_"]


def _rules(schema: Schema, name: str, key: str, field: Schema) -> Iterator[str]:
    """Whether a key is required, its default, and its limits."""
    owner = schema if name == "Plan" else schema["$defs"][name]
    if key in owner.get("required", ()) and (name, key) not in _FILLED_IN:
        yield "required"
    elif field.get("default") is not None and not isinstance(field["default"], dict):
        yield f"default {field['default']}"
    else:
        yield "optional"
    known = _resolved(field, schema)
    low, high = known.get("minimum"), known.get("maximum")
    above, below = known.get("exclusiveMinimum"), known.get("exclusiveMaximum")
    choices = known.get("enum") or ([known["const"]] if "const" in known else [])
    if choices:
        yield ", ".join(map(str, choices))
    if low is not None and high is not None:
        yield f"{low:,} to {high:,}"
    elif low is not None or above is not None:
        floor = f"{low:,} or more" if low is not None else f"above {above:,}"
        ceiling = f", at most {high:,}" if high is not None else ""
        ceiling = f", below {below:,}" if below is not None else ceiling
        yield f"{floor}{ceiling}"
    if known.get("type") == "string" and "pattern" in known:
        yield "a name"
    if "maxLength" in known:
        yield f"at most {known['maxLength']} characters"
    if "maxProperties" in known:
        yield f"at most {known['maxProperties']}"
    inner = known.get("propertyNames", {})
    if names := _resolved(inner, schema).get("enum"):
        yield f"of {', '.join(names)}"


def _require_whole(schema: Schema, seen: dict[str, set[str]]) -> None:
    known = {"Plan": schema} | {
        name: kind
        for name, kind in schema["$defs"].items()
        if "properties" in kind and name not in _MADE
    }
    missing = [
        f"{name}.{key}"
        for name, kind in known.items()
        for key in kind["properties"]
        if key not in seen[name] | _NOT_WRITTEN | _OF_APPLICATIONS
    ]
    if missing:
        raise LookupError(f"the whole plan of docs/plans.py lacks {', '.join(missing)}")
