"""The models of documents that people write, as pydantic reads them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
"""Immutable, no unknown keys, no coercion of text into numbers."""


class Strict(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers."""

    model_config = STRICT
