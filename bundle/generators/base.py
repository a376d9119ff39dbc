"""What a generator is to all who do not know it: the keys of its loads, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec
from msgspec import Meta

from bundle.codec import Document, Part

if TYPE_CHECKING:
    import re
    from collections.abc import Mapping

type Seconds = Annotated[float, Meta(gt=0, le=3600)]
type Count = Annotated[int, Meta(ge=1, le=1_000_000)]

type Keys = dict[str, str | int | float | dict[str, int] | None]

FLOOR_S = 1.0  # of a generator's floor; enough for 1 in 100 at any rate worth planning


class Kill(Part, frozen=True, kw_only=True):
    """A fault: the lab ends database connections of the service, as a failover does.

    At ``times`` instants of the window, drawn from the seed and the same for every subject of a
    block, the agent ends at most ``connections`` of the service's backends.
    """

    #: of the service's to PostgreSQL, at most, that are ended at an instant
    connections: Annotated[int, Meta(ge=1, le=300)]
    #: instants of the window, drawn from the seed, the same for every subject of a block
    times: Annotated[int, Meta(ge=1, le=20)] = 1


class Load(Part, frozen=True, kw_only=True, dict=True, tag_field="generator"):
    """How a service is driven: a load of a plan. Each kind has a class, whose fields are its keys.

    The plan is read by these classes, orders carry them to the agent, and the analysis asks them.
    A field may stand in place of a property below.
    """

    #: that the load's host must have; null for none beside the agent's own Python
    program: ClassVar[str | None] = None
    installed_by: ClassVar[str] = ""  #: what to do where the program is missing
    #: whether it sends its requests again from the top, so that they must allow it
    repeats: ClassVar[bool] = False
    #: whether requests that fail are what it looks for, and so no fault
    counts_losses: ClassVar[bool] = False
    #: whether it drives all subjects of a block at once, which are then deployed side by side
    side_by_side: ClassVar[bool] = False
    #: the keys that the plan has itself; the others have their defaults
    given: ClassVar[frozenset[str]] = frozenset()

    @property
    def generator(self) -> str:
        """The word that chooses this kind in a plan."""
        return str(self.__struct_config__.tag)

    def keys(self, *, given_only: bool = False) -> Keys:
        """The load as a plan has it.

        Args:
            given_only: leave out the keys that the plan lacks, such as those that are newer.
        """
        keys: Keys = msgspec.to_builtins(self)
        wanted = {"generator", *self.given} if given_only else keys.keys()
        return {key: value for key, value in keys.items() if key in wanted}

    @property
    def duration_s(self) -> float:
        """Seconds of the window; where it may end early, the most that it takes."""
        raise NotImplementedError

    @property
    def warmup_s(self) -> float:
        """Seconds of load before the window."""
        return 0.0

    @property
    def begins_s(self) -> float:
        """Seconds from the start of the generator's measuring run to its window."""
        return 0.0

    @property
    def may_end_early(self) -> bool:
        """Whether the duration is a limit only, because the load ends when its work is done."""
        return False

    @property
    def connections(self) -> int | None:
        """Connections to the service; null where the load does not say."""
        return None

    @property
    def threads(self) -> int | None:
        """Threads of the generator; null where it has none that a plan could set."""
        return None

    @property
    def rate(self) -> float | None:
        """Arrivals per second, where they and not the service decide the answers per second."""
        return None

    @property
    def kill(self) -> Kill | None:
        """Connections that are ended on purpose, so that requests fail."""
        return None

    def takes_s(self, subjects: int) -> float:
        """Seconds that one drive of so many subjects takes, about; more than one side by side."""
        return subjects * (self.warmup_s + self.duration_s)

    def shortened(self) -> Load | None:
        """The load for an endpoint that does no work, which shows what the generator reaches.

        It lasts for `FLOOR_S`, and has twice the rate if it has one. Null if there is no such
        floor: for a search, which drives many rates, or a client that is measured for what it is.
        """
        return None


class GeneratorReport(Document, frozen=True):
    """The document in which a generator sums up a trial: ``PATH`` is its name in the folder."""

    @property
    def rows(self) -> dict[str, int]:
        """By file, the rows of the tables that must lie beside it."""
        return {}


@dataclass(frozen=True)
class Generator:
    """A generator's loads, and the files of a trial that are its own.

    Its log is ``<name>.stderr.txt``, by the name of its module.
    """

    loads: tuple[type[Load], ...]  #: their kinds
    report: type[GeneratorReport]  #: the type of its document
    #: names of its further files that a bundle keeps byte for byte; ``*`` for any part
    kept: tuple[str, ...] = ()
    #: its file of raw samples, which its report describes and the bundle keeps as a table; null for
    #: none
    samples: str | None = None
    #: fields of the report in which the service's address stands, to be masked
    addresses: tuple[str, ...] = ()
    #: by kept file, what matches the line in which that address stands
    address_lines: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
