"""What the types of a ledger are made of: names, numbers, and what all parts share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SMALLEST, LARGEST = 1e-15, 1e15  # of numbers: arithmetic with a few of these stays finite


def _bounded[T](given: T) -> T:
    """Refuse numbers that arithmetic would overflow with."""
    if isinstance(given, int | float) and given != 0 and not SMALLEST <= abs(given) <= LARGEST:
        raise ValueError(f"a number is 0, or between {SMALLEST:g} and {LARGEST:g} in size")
    return given


BOUNDED = AfterValidator(_bounded)

type Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]
type Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,59}$")]
type Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
type Text = Annotated[str, Field(min_length=1, max_length=2000)]
type Status = Literal["stated", "inferred", "assumed", "unknown"]
type Size = Annotated[float, BOUNDED]
type Positive = Annotated[float, Field(gt=0), BOUNDED]
type Precision = Annotated[float, Field(ge=0), BOUNDED]


class Part(BaseModel):
    """Immutable, no unknown keys, no coercion of text into numbers, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Tolerance(Part):
    """How far off still counts as the same number, as a fraction; fixed before any run."""

    relative: Annotated[float, Field(gt=0, le=1)]
    reason: str = ""
