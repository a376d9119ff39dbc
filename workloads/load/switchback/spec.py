"""What the load is asked to do, read strictly: an unknown key or a wrong type is an error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from bundle.codec import Part
from bundle.generators.slices import MOST_ROUNDS, Role
from workloads.load.client.connections import NS
from workloads.load.client.failure import LoadError
from workloads.load.client.spec import parse_spec

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.generators import client
    from bundle.generators.slices import SlicedReport, Spec

type Pid = Annotated[int, Meta(gt=0)]
type Seconds = Annotated[float, Meta(gt=0, le=3600)]


class SubjectSpec(Part, frozen=True, kw_only=True):
    """One subject and its service."""

    subject: str  #: its name
    host: str  #: address of the service
    port: Annotated[int, Meta(ge=1, le=65535)]  #: of the service
    folder: str  #: takes its files; a path below the folder of the output
    service_pid: Pid | None  #: its first process; null if it runs on another host


class BlockSettings(Part, frozen=True, kw_only=True):
    """The load on all subjects of a block, whichever program sends it."""

    subjects: Annotated[list[SubjectSpec], Meta(min_length=1)]  #: in the order of the plan
    server_pid: Pid | None  #: PostgreSQL's first process; null if it runs on another host
    #: by role of another host, a descriptor of a connection to its agent, which takes readings
    readers: dict[Role, int] = field(default_factory=dict)
    connections: Annotated[int, Meta(ge=1)]  #: to each subject
    duration_s: Seconds  #: seconds of slices of each subject, at most
    slice_s: Seconds | None  #: length of a slice; null lets the warm-up decide
    #: seconds that the block may take, warm-up included, in a closed loop; null for any
    limit_s: Annotated[float, Meta(gt=0)] | None
    warmup_s: Seconds  #: seconds of load on each subject before the first round
    timeout_s: Seconds  #: after which a request is given up
    seed: int  #: decides the order in the rounds, and which bodies are hashed
    table: str  #: path of the request table
    repeatable: bool  #: whether the table may be sent again from its top

    def __post_init__(self) -> None:
        """Refuse subjects that cannot be told apart, and more rounds than the samples can name."""
        for key in ("subject", "folder"):
            values = [getattr(each, key) for each in self.subjects]
            if len(set(values)) < len(values):
                raise ValueError(f"each subject has a {key} of its own, not {values}")
        if self.slice_s is not None and self.duration_s > MOST_ROUNDS * self.slice_s:
            raise ValueError(f"duration_s is at most {MOST_ROUNDS} times slice_s")

    def deadline(self, begun_ns: int) -> int | None:
        """Until when the rounds of a block may take that began at an instant; None for any time."""
        return None if self.limit_s is None else begun_ns + round(self.limit_s * NS)

    def rounds(self, slice_s: float) -> int:
        """How many rounds there are at most."""
        # What is a whole number of slices must not become one more by a rounding error.
        return math.ceil(self.duration_s / slice_s - 1e-9)

    @property
    def read_on(self) -> dict[Literal["service", "database"], Role] | UnsetType:
        """Which host reads the CPU time; unset if there is only one."""
        if not self.readers:
            return UNSET
        database: Role = "db" if "db" in self.readers else "app"
        return {
            "service": "app" if "app" in self.readers else "load",
            "database": database if self.server_pid is None else "load",
        }

    def told[S: Spec](self, target: SubjectSpec, kind: type[S]) -> S:
        """What the report of one subject repeats."""
        own = {
            "subject": target.subject,
            "subjects": [each.subject for each in self.subjects],
            "host": target.host,
            "port": target.port,
        }
        shared = {key: getattr(self, key) for key in kind.__struct_fields__ if key not in own}
        return msgspec.convert(own | shared, kind)


class BlockSpec(BlockSettings, frozen=True, kw_only=True):
    """The load of the asyncio client on all subjects of a block."""

    cpu: int | None  #: where the generator stays; null leaves it where it is
    hash_fraction: Annotated[float, Meta(ge=0, le=1)]  #: share of the requests whose body is hashed

    def closed_loop(self, target: SubjectSpec) -> client.Spec:
        """The closed loop that one subject would have alone."""
        return parse_spec(
            {
                "loop": "closed",
                "host": target.host,
                "port": target.port,
                **{key: getattr(self, key) for key in _SHARED},
            }
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


def ready[S: BlockSettings](
    path: Path, kind: type[S], folder: Path, report: type[SlicedReport]
) -> S:
    """Read the settings, and make each subject's folder, without the report of an earlier block.

    Raises:
        LoadError: as `read_settings`.
        OSError: a folder cannot be made.
    """
    settings = read_settings(path, kind)
    for target in settings.subjects:
        (folder / target.folder).mkdir(parents=True, exist_ok=True)
        (folder / target.folder / report.PATH).unlink(missing_ok=True)
    return settings


def read_settings[S: BlockSettings](path: Path, kind: type[S]) -> S:
    """Read and check the settings.

    Raises:
        LoadError: code ``spec``; says which key is missing, unknown, or out of range.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError) as wrong:
        raise LoadError(
            "spec",
            f"the settings are none: {wrong}",
            where=str(path),
            hint=f"see {kind.__name__} in {kind.__module__}",
        ) from None
