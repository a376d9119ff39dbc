"""What the load is asked to do, read strictly: an unknown key or a wrong type is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from bundle.codec import Part
from bundle.generators.switchback import Spec
from workloads.load.client.failure import LoadError
from workloads.load.client.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.generators import client

type Pid = Annotated[int, Meta(gt=0)]
type Seconds = Annotated[float, Meta(gt=0, le=3600)]

_MOST_ROUNDS = 2**16 - 1  # what the samples' column holds


class SubjectSpec(Part, frozen=True, kw_only=True):
    """One subject and its service."""

    subject: str  #: its name
    host: str  #: address of the service
    port: int  #: of the service
    folder: str  #: takes its files; a path below the folder of the output
    service_pid: Pid | None  #: its first process; null if it runs on another host


class BlockSpec(Part, frozen=True, kw_only=True):
    """The load on all subjects of a block."""

    subjects: Annotated[list[SubjectSpec], Meta(min_length=1)]  #: in the order of the plan
    server_pid: Pid | None  #: PostgreSQL's first process; null if it runs on another host
    cpu: int | None  #: where the generator stays; null leaves it where it is
    connections: Annotated[int, Meta(ge=1)]  #: to each subject
    duration_s: Seconds  #: seconds of slices of each subject
    slice_s: Seconds | None  #: length of a slice; null lets the warm-up decide
    warmup_s: Seconds  #: seconds of load on each subject before the first round
    timeout_s: Seconds  #: after which a request is given up
    seed: int  #: decides the order in the rounds, and which bodies are hashed
    table: str  #: path of the request table
    repeatable: bool  #: whether the table may be sent again from its top
    hash_fraction: Annotated[float, Meta(ge=0, le=1)]  #: share of the requests whose body is hashed

    def __post_init__(self) -> None:
        """Refuse subjects that cannot be told apart, and more rounds than the samples can name."""
        for key in ("subject", "folder"):
            values = [getattr(each, key) for each in self.subjects]
            if len(set(values)) < len(values):
                raise ValueError(f"each subject has a {key} of its own, not {values}")
        if self.slice_s is not None and self.duration_s / self.slice_s > _MOST_ROUNDS:
            raise ValueError(f"duration_s is at most {_MOST_ROUNDS} times slice_s")

    def closed_loop(self, target: SubjectSpec) -> client.Spec:
        """The closed loop that one subject would have alone.

        Raises:
            ValueError: the port is none.
        """
        return parse_spec(
            {
                "loop": "closed",
                "host": target.host,
                "port": target.port,
                **{key: getattr(self, key) for key in _SHARED},
            }
        )

    def told(self, target: SubjectSpec) -> Spec:
        """What the report of one subject repeats."""
        return Spec(
            subject=target.subject,
            subjects=[each.subject for each in self.subjects],
            host=target.host,
            port=target.port,
            slice_s=self.slice_s,
            **{key: getattr(self, key) for key in _SHARED},
        )


_SHARED = (
    "connections",
    "warmup_s",
    "duration_s",
    "seed",
    "table",
    "repeatable",
    "timeout_s",
    "hash_fraction",
)


def read_settings(path: Path) -> BlockSpec:
    """Read and check the settings.

    Raises:
        LoadError: code ``spec``; says which key is missing, unknown, or out of range.
    """
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=BlockSpec)
        for target in settings.subjects:
            settings.closed_loop(target)
    except (OSError, ValueError) as wrong:
        raise LoadError(
            "spec",
            f"the settings are none: {wrong}",
            where=str(path),
            hint="see BlockSpec in workloads/load/switchback/spec.py",
        ) from None
    return settings
