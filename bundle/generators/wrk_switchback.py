"""wrk on living services in turn: its load in a plan, and ``wrk_switchback.json``, which it leaves.

A slice is a run of wrk. So it lasts whole seconds, and its connections are opened anew.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, Meta, UnsetType, structs

from bundle.generators import base, slices
from bundle.generators.wrk import WholeSeconds, Wrk, WrkLoad, require_divided
from bundle.values import Count

FEWEST_SETS: Final = 10
"""A slice is long enough for each connection to be answered so often by the slowest subject.

When a run ends, half a set of answers is under way on average, and wrk forgets these requests: a
twentieth of the waiting, which is what Little's ratio may lack (`analysis.generators.base`).
"""


class WrkSwitchbackLoad(slices.SlicedLoad, frozen=True, kw_only=True, tag="wrk-switchback"):
    """Closed loop on all subjects of a block in turn, a run of wrk each.

    A subject has at most ``duration_s`` seconds of slices in each block: as many slices as the
    block has time for. Without ``slice_s`` the warm-up shows how long a slice must be. Each run
    goes on in the request table where the subject's last run has ended.
    """

    WALL_PER_SLICE: ClassVar[float] = 1.2
    program: ClassVar[str | None] = WrkLoad.program
    installed_by: ClassVar[str] = WrkLoad.installed_by
    repeats: ClassVar[bool] = True

    threads: Annotated[int, Meta(ge=1, le=64)]  #: threads of wrk; they must divide the connections
    connections: base.Count  #: connections to each subject, over all threads
    duration_s: WholeSeconds  #: seconds of slices that each subject has in a block, at most
    #: seconds of a slice; without it, as many as the slowest subject needs to answer each
    #: connection ten times
    slice_s: Annotated[int, Meta(ge=1, le=60)] | None = None
    #: seconds of load on each subject before the first round
    warmup_s: Annotated[int, Meta(ge=1, le=600)] = 1
    timeout_s: WholeSeconds = 10  #: seconds after which a request has failed

    def __post_init__(self) -> None:
        """Refuse connections that wrk would not open."""
        super().__post_init__()
        require_divided(self.connections, self.threads)

    def shortened(self) -> WrkSwitchbackLoad:
        """In slices as in a trial, all of one endpoint."""
        return structs.replace(self, duration_s=int(base.FLOOR_S), warmup_s=1)


class Spec(slices.Spec, frozen=True, kw_only=True):
    """What wrk was asked to do with one subject; the others were driven likewise."""

    threads: Count  #: of wrk


class Slice(slices.Slice, frozen=True, kw_only=True):
    """One run of wrk.

    The slice begins with the first answer, because the connections are opened before it, and ends
    when wrk's clock stops. Where the first answer is unknown, it begins as wrk does.
    """

    asked_ns: int  #: when wrk was started
    ended_ns: int  #: when it had ended
    #: the readings are differences from this instant on, about the first answer; in older reports,
    #: which lack it, from `asked_ns` on
    read_from_ns: int | UnsetType = UNSET
    #: until this one, about the stop of wrk's clock; in older reports until `ended_ns`
    read_until_ns: int | UnsetType = UNSET
    wrk: Wrk  #: what wrk measured

    @property
    def ran_s(self) -> float:
        """How long wrk ran, with its own start and end."""
        return (self.ended_ns - self.asked_ns) / 1e9

    @property
    def read_ns(self) -> tuple[int, int]:
        """The instants of its readings."""
        return self.read_from_ns or self.asked_ns, self.read_until_ns or self.ended_ns


class WrkSwitchback(slices.SlicedReport, frozen=True, kw_only=True):
    """``wrk_switchback.json``: one subject's slices of one block."""

    PATH: ClassVar[str] = "wrk_switchback.json"

    schema: Literal["wrk-switchback/1"]
    spec: Spec
    slices: list[Slice]


GENERATOR = base.Generator(
    loads=(WrkSwitchbackLoad,), report=WrkSwitchback, addresses=("spec.host",)
)
