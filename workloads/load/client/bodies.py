"""Digests of sampled bodies: did every request of one path get the same bytes?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httptools

if TYPE_CHECKING:
    from collections.abc import Iterable

PATHS = 1_000
DIGESTS_PER_PATH = 16


class Bodies:
    """SHA-256 of bodies by request, capped so that a long trial stays small.

    Attributes:
        hashed: bodies hashed.
        unlisted: of those, how many the caps kept out of ``digests``.
        digests: by ``METHOD path``, the distinct digests in hex.
    """

    def __init__(self) -> None:
        self.hashed = 0
        self.unlisted = 0
        self.digests: dict[str, set[str]] = {}

    def add(self, name: str, answer: Iterable[bytes]) -> None:
        """Hash the body of one complete answer, given as the bytes that came from the wire."""
        parts: list[bytes] = []
        parser = httptools.HttpResponseParser(_Body(parts))
        for chunk in answer:
            parser.feed_data(chunk)
        self._keep(name, hashlib.sha256(b"".join(parts)).hexdigest())
        self.hashed += 1

    def merge(self, other: dict[str, Any]) -> None:
        """Add what another process found, as it told in ``as_dict``."""
        for name, digests in other["digests"].items():
            for digest in digests:
                self._keep(name, digest)
        self.hashed += other["hashed"]
        self.unlisted += other["unlisted"]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        digests = {name: sorted(found) for name, found in sorted(self.digests.items())}
        return {"hashed": self.hashed, "unlisted": self.unlisted, "digests": digests}

    def _keep(self, name: str, digest: str) -> None:
        known = self.digests.get(name)
        if known is None:
            if len(self.digests) >= PATHS:
                self.unlisted += 1
                return
            known = self.digests[name] = set()
        if digest not in known and len(known) >= DIGESTS_PER_PATH:
            self.unlisted += 1
            return
        known.add(digest)


class _Body:
    def __init__(self, parts: list[bytes]) -> None:
        self.on_body = parts.append  # what httptools calls with each part of a body
