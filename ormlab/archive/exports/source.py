"""What every export is made from: a verified bundle, and what its documents say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from analysis import catalog
from bundle import manifest, names, outside
from bundle.read import Bundle

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A bundle that reaches L1; made by `open`.

    Attributes:
        bundle: the bundle.
        seal: digest of its SEAL.json, hex.
        digests: SHA-256 by path of every file that the manifest lists.
    """

    bundle: Bundle
    seal: str
    digests: Mapping[str, str]

    @classmethod
    def open(cls, path: Path) -> Self:
        """Verify a bundle and read its manifest.

        Raises:
            BundleError: it is no bundle, is not sealed, or does not reach L1.
        """
        bundle = Bundle.open(path, level="L1")
        listed = manifest.parse(outside.bytes_of(path / names.MANIFEST))
        return cls(bundle, str(bundle.seal), listed.digests)

    @cached_property
    def rows(self) -> tuple[catalog.Row, ...]:
        """One for each trial and metric, as in the catalog."""
        return tuple(catalog.rows(self.bundle))

    @cached_property
    def tier(self) -> str | None:
        """How well CPUs could be kept apart, if the bundle tells."""
        return next((row["tier"] for row in self.rows), None)
