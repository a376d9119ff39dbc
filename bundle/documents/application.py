"""What an application tells of itself: ``application.toml``, and its part of the plan.

An application is a program of anybody's that serves HTTP and keeps its rows in the database. The
lab starts it by its own command, and knows of it what stands here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from bundle import credentials, places
from bundle.documents.base import Strict

type Parameter = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
type OperationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
# A header is a line of the request, and a column of the table of requests.
type HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
type HeaderValue = Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,1000}$")]
type Setting = str | int | float | bool


class Draw(Strict):
    """The values of a parameter, drawn anew for each request: a range, a choice, or unique ones."""

    #: the least of the whole numbers that are drawn, all with one probability
    from_: Annotated[int | None, Field(alias="from")] = None
    to: int | None = None  #: the greatest of them
    once: bool = False  #: whether each number is drawn once at most, as for deletes
    #: values, drawn with one probability
    choice: Annotated[list[str | int], Field(min_length=1)] | None = None
    #: a text that no other request has: this prefix and a number
    unique: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,40}$")] | None = None

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = (
            self.from_ is not None or self.to is not None,
            self.choice,
            self.unique is not None,
        )
        if sum(map(bool, kinds)) != 1:
            raise ValueError("give one of: from with to, choice, unique")
        if kinds[0] and (self.from_ is None or self.to is None or self.from_ > self.to):
            raise ValueError("from and to are whole numbers, from not above to")
        if self.once and not kinds[0]:
            raise ValueError("once belongs to from and to")
        return self


class ApplicationOperation(Strict):
    """One request to an application, with drawn parameters, and what must follow from it."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"  #: of HTTP
    #: path and query; ``{NAME}`` stands for a drawn value, here as in headers and body
    path: Annotated[str, Field(pattern=r"^/[\x21-\x7e]{0,1000}$")]
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)  #: of the request
    #: JSON; a text that is ``{NAME}`` alone becomes the drawn value, a number included
    body: Any = None
    draw: dict[Parameter, Draw] = Field(default_factory=dict)  #: the parameters, by name
    #: the one status of success
    status: Annotated[int, Field(ge=200, le=299)] = 200
    #: tables of which each success inserts, updates or deletes a row; none for a request that reads
    writes: list[str] = Field(default_factory=list)
    #: keys of the answer, wherever in it, whose values may differ between subjects and requests
    varies: list[str] = Field(default_factory=list)

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent twice."""
        return not any(each.once or each.unique is not None for each in self.draw.values())

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        told = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        if found := credentials.found(told.encode()):
            raise ValueError(
                f"headers hold what looks like a secret ({found[0][1]}), and a bundle keeps them: "
                "let the seed of the database make a token for the measurement, of 11 characters "
                "at most"
            )
        return self

    @model_validator(mode="after")
    def _knows_its_parameters(self) -> Self:
        used = set(places.names([self.path, self.headers, self.body]))
        if unknown := sorted(used - self.draw.keys()):
            raise ValueError(f"{{{unknown[0]}}} stands there, and draw has no such parameter")
        if unused := sorted(self.draw.keys() - used):
            raise ValueError(f"draw has {unused[0]!r}, which stands nowhere")
        return self


class Application(Strict):
    """What the applications of a plan have in common."""

    #: the operations that the plan's workloads ask for, the same of every subject
    operations: Annotated[dict[OperationName, ApplicationOperation], Field(min_length=1)]
    #: columns, as ``TABLE.COLUMN``, whose values may differ between subjects
    columns_vary: list[str] = Field(default_factory=list)
