"""The registry of load generators. Adding one is adding its name here, and its modules.

``bundle/generators/<name>.py`` has the keys of its loads and what it leaves in a trial,
``agent/generators/<name>.py`` how it is started, ``analysis/generators/<name>.py`` what its files
mean. All others ask these; docs/generators.md has an example.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Union

from bundle.generators.base import Generator, GeneratorReport, Keys, Kill, Load

__all__ = [
    "GENERATORS",
    "KINDS",
    "NAMES",
    "AnyLoad",
    "Generator",
    "GeneratorReport",
    "Keys",
    "Kill",
    "Load",
]

NAMES: Final = (
    "wrk",
    "client",
    "capacity",
    "article",
    "switchback",
    "wrk_switchback",
    "open_switchback",
)

GENERATORS: Final[dict[str, Generator]] = {
    name: import_module(f"{__name__}.{name}").GENERATOR for name in NAMES
}
KINDS: Final[tuple[type[Load], ...]] = tuple(
    kind for generator in GENERATORS.values() for kind in generator.loads
)

if TYPE_CHECKING:
    type AnyLoad = Load
else:
    AnyLoad = Union[KINDS]  # noqa: UP007 - of a tuple; what decodes a load chooses by its tag
