"""Why something could not be carried out."""

from __future__ import annotations

from bundle.codec import Part


class Failure(Part, frozen=True, kw_only=True):
    """Why a trial, or another order, failed, in the terms of the error that ended it."""

    code: str
    what: str
    where: str
    hint: str
