"""The TCP ports of a run on its hosts: named in the inventory, or drawn when the run begins."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ormlab.base.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ormlab.hosts import Host
    from ormlab.run.measure.deployment import Deployment

SCHEMA: Final = "ports/1"
_LOOPBACK: Final = "127.0.0.1"
_VARIABLES: Final = {"postgres": "lab_postgres_port", "services": "lab_service_port"}


@dataclass(frozen=True)
class Block:
    """Neighbouring ports for one purpose.

    Attributes:
        purpose: postgres or services.
        first: of them.
        count: how many.
        named: whether the inventory names them.
        refused: why one of them cannot be had, in a sentence; None if all can.
    """

    purpose: str
    first: int
    count: int
    named: bool
    refused: str | None


@dataclass(frozen=True)
class Ports:
    """The ports of a run on one host; it has those of its roles only."""

    blocks: tuple[Block, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """Every port that the run listens on there."""
        return tuple(
            port for each in self.blocks for port in range(each.first, each.first + each.count)
        )

    @property
    def postgres(self) -> int:
        """That of PostgreSQL, on the host with the role db."""
        return self._first("postgres")

    @property
    def services(self) -> int:
        """The first of the services, on the host with the role app."""
        return self._first("services")

    def require_free(self, where: str) -> None:
        """Refuse to begin with a port that the inventory names and somebody else has.

        Args:
            where: name of the host.

        Raises:
            LoadError: the first that cannot be had, with who has it if that can be seen.
        """
        for block in self.blocks:
            if block.refused:
                variable = _VARIABLES[block.purpose]
                raise LoadError(
                    "port-taken",
                    f"the run cannot have {block.refused}",
                    where=where,
                    hint=f"end what has it, or take {variable} out of the inventory: the run then "
                    "draws ports that are free",
                )

    def document(self, subjects: Sequence[str]) -> dict[str, Any]:
        """What a bundle keeps of it.

        Args:
            subjects: of the plan, in its order: each has the next port of the services.
        """
        told: dict[str, Any] = {"schema": SCHEMA}
        for block in self.blocks:
            if block.purpose == "postgres":
                told["postgres"] = block.first
            else:
                told["services"] = {name: block.first + i for i, name in enumerate(subjects)}
        return told | {"named": [block.purpose for block in self.blocks if block.named]}

    def _first(self, purpose: str) -> int:
        return next(block.first for block in self.blocks if block.purpose == purpose)


def settle(
    host: Host, deployment: Deployment, *, roles: Sequence[str], subjects: int, apart: bool
) -> Ports:
    """Settle on the ports of a run of so many subjects on a host.

    Args:
        host: connected.
        deployment: of the lab there.
        roles: of the run that it carries.
        subjects: each has a port of its own.
        apart: whether other hosts of the run come to it.
    """
    spec = host.spec
    wanted = [
        *([("postgres", 1, spec.postgres_port)] if "db" in roles else []),
        *([("services", subjects, spec.service_port)] if "app" in roles else []),
    ]
    if not wanted:
        return Ports()
    addresses = [_LOOPBACK, *([spec.reach] if apart else [])]
    argv = [part for address in addresses for part in ("--address", address)]
    argv += [f"{count}:{first or ''}" for _, count, first in wanted]
    path = (f"PYTHONPATH={deployment.code}", "PYTHONSAFEPATH=1")
    answer = json.loads(host.run("env", *path, deployment.python, "-m", "agent.ports", *argv))
    blocks = []
    for (purpose, count, first), told in zip(wanted, answer, strict=True):
        refused = told["refused"]
        why = f"port {refused['port']} for {purpose}: {refused['why']}" if refused else None
        blocks.append(Block(purpose, int(told["first"]), count, first is not None, why))
    return Ports(tuple(blocks))
