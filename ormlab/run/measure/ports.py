"""The TCP ports of a run on its hosts: named in the inventory, or drawn when the run begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from msgspec import UNSET, UnsetType

from agent import answers
from bundle.documents import host as documents
from bundle.documents.plan import POSTGRESQL
from ormlab.base.errors import InventoryError, LoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.run.measure.deployment import Deployment

type Purpose = str
"""``postgres``, ``services``, or the name of another database."""

_LOOPBACK: Final = "127.0.0.1"
_VARIABLES: Final = {
    "postgres": "lab_postgres_port",
    "services": "lab_service_port",
}


@dataclass(frozen=True)
class Ports:
    """The ports of a run on one host, by purpose: those of the host's roles only."""

    #: the first of the neighbouring ports of a purpose
    first: dict[Purpose, int] = field(default_factory=dict)
    counts: dict[Purpose, int] = field(default_factory=dict)  #: how many there are
    #: purposes whose ports the inventory names
    named: list[Literal["postgres", "services"]] = field(default_factory=list)
    #: why a named port cannot be had, in a sentence
    refused: dict[Purpose, str] = field(default_factory=dict)

    @property
    def all(self) -> tuple[int, ...]:
        """Every port that the run listens on there."""
        return tuple(
            first + index
            for purpose, first in self.first.items()
            for index in range(self.counts[purpose])
        )

    def of_database(self, name: str) -> int:
        """The port of a database, on the host with the role db."""
        return self.first[_purpose(name)]

    @property
    def services(self) -> int:
        """The first port of the services, on the host with the role app."""
        return self.first["services"]

    def require_free(self, where: str) -> None:
        """Refuse to begin with a port that the inventory names and another program has.

        Raises:
            LoadError: the first that cannot be had, with who has it if that can be seen.
        """
        if self.refused:
            purpose, refused = next(iter(self.refused.items()))
            raise LoadError(
                "port-taken",
                f"the run cannot have {refused}",
                where=where,
                hint=f"end what has it, or take {_VARIABLES[purpose]} out of the inventory: the "
                "run then draws ports that are free",
            )

    def document(self, subjects: Sequence[str]) -> documents.Ports:
        """The ports as a bundle records them: each subject in turn has the next of the services.

        That holds until the first trial (`ormlab.run.measure.orders.seats`).
        """
        services: dict[str, int] | UnsetType = UNSET
        if "services" in self.first:
            services = {name: self.services + index for index, name in enumerate(subjects)}
        return documents.Ports(
            schema="ports/1",
            named=self.named,
            postgres=self.first.get("postgres", UNSET),
            databases={
                purpose: first
                for purpose, first in self.first.items()
                if purpose not in ("postgres", "services")
            }
            or UNSET,
            services=services,
        )


def _purpose(database: str) -> Purpose:
    return "postgres" if database == POSTGRESQL else database


def settle(
    deployment: Deployment,
    roles: Sequence[str],
    subjects: int,
    *,
    apart: bool,
    databases: Sequence[str] = (POSTGRESQL,),
) -> Ports:
    """Settle on the ports of the roles that a host carries in a run, one for each subject.

    ``apart`` tells whether other hosts of the run connect to this one.

    Raises:
        InventoryError: it cannot listen where the others are to reach it.
    """
    spec = deployment.host.spec
    wanted: list[tuple[Purpose, int, int | None]] = []
    if "db" in roles:
        named = {POSTGRESQL: spec.variables.lab_postgres_port}
        wanted += [(_purpose(name), 1, named.get(name)) for name in databases]
    if "app" in roles:
        wanted.append(("services", subjects, spec.variables.lab_service_port))
    if not wanted:
        return Ports()
    addresses = [_LOOPBACK, *([spec.reach] if apart else [])]
    arguments = [part for address in addresses for part in ("--address", address)]
    arguments += [f"{count}:{first or ''}" for _, count, first in wanted]
    answer = deployment.ask(answers.Ports, "agent.ports", *arguments)
    if answer.not_own:
        raise InventoryError(
            "address-not-own",
            f"{spec.name} cannot listen on {answer.not_own.address}, where the other hosts are to "
            f"reach it: {answer.not_own.why}",
            where=spec.name,
            hint="set lab_address in the inventory to an address of that host",
        )
    ports = Ports()
    for (purpose, count, first), block in zip(wanted, answer.blocks, strict=True):
        ports.first[purpose], ports.counts[purpose] = block.first, count
        if first is not None:
            ports.named.append("services" if purpose == "services" else "postgres")
        if unfit := block.refused:
            ports.refused[purpose] = f"port {unfit.port} for {purpose}: {unfit.why}"
    return ports
