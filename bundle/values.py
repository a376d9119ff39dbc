"""Types of values that several documents share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

SHA256: Final = r"\A[0-9a-f]{64}\Z"
BUNDLE_ID: Final = r"\A[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}(-[0-9]{1,4})?\Z"

Sha256 = Annotated[str, Meta(pattern=SHA256)]
Commit = Annotated[str, Meta(pattern=r"\A[0-9a-f]{40}([0-9a-f]{24})?\Z")]
Count = Annotated[int, Meta(ge=0)]
BundleId = Annotated[str, Meta(pattern=BUNDLE_ID)]
MOST_TOGETHER: Final = 100
"""Subjects of one deployment: a plan has 26 and their arms, and each is held against all others."""
# A part of the name of a trial's folder; see `bundle.names`.
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_][A-Za-z0-9._+=@,-]*\Z", max_length=100)]
Utc = Annotated[datetime, Meta(tz=True)]
