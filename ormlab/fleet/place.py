"""Which run a process carries out, and where: as Slurm or an inventory has placed it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bundle.documents.host import SlurmTask


@dataclass(frozen=True)
class Here:
    """The place of this process in a fleet."""

    run: int  #: number of its run
    node: str  #: name of the node, or of the host in the inventory
    digest: str  #: of that name, for the bundle
    task: SlurmTask | None  #: which task of an array it is; None on the hosts of an inventory

    @property
    def restarts(self) -> int:
        """How often the run was begun before."""
        return self.task.restarts if self.task else 0


def node_digest(cluster: str, node: str) -> str:
    """SHA-256 (hex) that tells the nodes of clusters apart; the hosts of inventories have none."""
    return hashlib.sha256(f"{cluster}\n{node}".encode()).hexdigest()
