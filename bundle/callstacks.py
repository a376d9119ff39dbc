"""Call stacks in the format of https://www.speedscope.app, as profilers leave them."""

from __future__ import annotations

from typing import Final

import msgspec

IMPORT: Final = "import"
"""The name of everything that importing a module does, where `without_imports` has been."""

_IMPORTING: Final = "<frozen importlib._bootstrap"


class CallSite(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in the code."""

    name: str  #: of the function
    file: str | None = None
    line: int | None = None

    @property
    def function(self) -> CallSite:
        """The function as a whole."""
        return CallSite(self.name, self.file)

    @property
    def imports(self) -> bool:
        """Whether it belongs to what Python does for an import statement."""
        return (self.file or "").startswith(_IMPORTING)


class Stacks(msgspec.Struct, frozen=True, kw_only=True):
    """Stacks as indices of call sites, the outermost call first, each with its weight."""

    type: str = "sampled"
    name: str
    unit: str
    startValue: float = 0  # noqa: N815 - as the format has it
    endValue: float  # noqa: N815 - as the format has it
    samples: list[list[int]]
    weights: list[float]


class Sites(msgspec.Struct, frozen=True):
    """The call sites that all stacks of a file share."""

    frames: list[CallSite]


class CallFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the format; keys that nothing here needs are left out."""

    schema: str = msgspec.field(
        name="$schema", default="https://www.speedscope.app/file-format-schema.json"
    )
    shared: Sites
    profiles: list[Stacks]  #: one for each thread, or for each thing that is counted

    def without_imports(self) -> CallFile:
        """The first of its profiles, lines of a function put together, imports as one call.

        A service imports thousands of modules and functions before it serves: the rest would be
        lost among them.
        """
        frames: dict[CallSite, int] = {}
        weights: dict[tuple[int, ...], float] = {}
        stacks = self.profiles[0]
        for sample, weight in zip(stacks.samples, stacks.weights, strict=True):
            short = []
            for site in (self.shared.frames[index] for index in sample):
                called = CallSite(IMPORT) if site.imports else site.function
                short.append(frames.setdefault(called, len(frames)))
                if site.imports:
                    break
            weights[tuple(short)] = weights.get(tuple(short), 0) + weight
        kept = Stacks(
            name=stacks.name,
            unit=stacks.unit,
            endValue=sum(weights.values()),
            samples=[list(sample) for sample in weights],
            weights=list(weights.values()),
        )
        return CallFile(shared=Sites(list(frames)), profiles=[kept])
