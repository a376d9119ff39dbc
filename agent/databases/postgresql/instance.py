"""The cluster that an order names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agent.databases.postgresql.cluster import Cluster
from agent.databases.postgresql.provisioned import ProvisionedCluster

if TYPE_CHECKING:
    from agent.orders import KeepDatabase


def made(work: KeepDatabase) -> Cluster:
    """A cluster of the run's own, or the one that a role has made."""
    where = (Path(work.cluster), Path(work.binaries), work.port)
    if work.configuration is None:
        return Cluster(*where, listen=work.listen, allow=work.allow)
    return ProvisionedCluster(
        *where, listen=work.listen, allow=work.allow, configuration=Path(work.configuration)
    )
