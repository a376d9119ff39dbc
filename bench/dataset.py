r"""Seeding against ``psql \copy`` of the same rows, and cloning against seeding.

Both sides load a fresh database of the same server, in the transaction that creates the tables,
one after the other in alternating order. The rows of ``\copy`` stand ready in files, in the page
cache; those of the lab are made on the way.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from agent import ports
from agent.databases.postgresql.cluster import Cluster, settings
from host.environment import environment
from ormlab.base import checkout
from ormlab.hosts.inventory import embedded_postgres
from workloads.contract.fields import COLUMNS
from workloads.databases.postgresql import binary
from workloads.databases.postgresql.template import clone, drop, ensure_template, template_name
from workloads.dataset import Dataset
from workloads.dataset.rows import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workloads.databases.interface import Template
    from workloads.databases.postgresql.psql import Psql

_COPIED, _CLONED = "bench_copied", "bench_cloned"


def run(*, users: int = 1_000_000, orders: int = 10_000, rounds: int = 5) -> dict[str, object]:
    r"""Measure on a private server made for it.

    Returns:
        A figure by name. ``seed_over_copy`` compares the loading of the rows alone;
        ``template_over_copy`` is all of a template's making, with constraints, indexes, reading
        back and vacuum, over the same bare ``\copy``; ``clone_over_seed`` is a clone that
        replaces another, with its checkpoint, over all of a template's making. Times are medians
        over the rounds.
    """
    dataset = Dataset(users=users, orders=orders, payload_bytes=1024, seed=1)
    parent = checkout.ROOT / ".lab/bench"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # the server may run as another user
        with _server(folder) as psql:
            return measure(psql, dataset, folder, rounds)


def measure(psql: Psql, dataset: Dataset, folder: Path, rounds: int) -> dict[str, object]:
    """Measure on a server; its template of the dataset is made anew."""
    files = {table: folder / f"{table}.copy" for table in COLUMNS}
    for table, file in files.items():
        with file.open("wb") as out:
            out.writelines(binary.stream(dataset, table))
    copied, templates = [], []

    def copy() -> None:
        copied.append(_copy(psql, files))

    def seed() -> None:
        templates.append(ensure_template(psql, dataset))

    for number in range(rounds):
        for side in (copy, seed) if number % 2 else (seed, copy):
            _clear(psql, dataset)
            side()
    _clear(psql, dataset)
    seed()
    cloned = [_clone(psql, templates[-1]) for _ in range(rounds)]
    loaded = [template.seconds["load"] for template in templates]
    made = [sum(template.seconds.values()) for template in templates]
    return {
        "dataset.users": dataset.users,
        "dataset.rounds": rounds,
        "dataset.copy_s": median(copied),
        "dataset.load_s": median(loaded),
        "dataset.template_s": median(made),
        "dataset.clone_s": median(cloned),
        "dataset.seed_over_copy": median(loaded) / median(copied),
        "dataset.template_over_copy": median(made) / median(copied),
        "dataset.clone_over_seed": median(cloned) / median(made),
    }


def _clear(psql: Psql, dataset: Dataset) -> None:
    """Leave nothing of either side: a disk can be several times slower on blocks never used."""
    drop(psql, template_name(dataset))
    drop(psql, _COPIED)
    psql.run("CHECKPOINT")


def _copy(psql: Psql, files: dict[str, Path]) -> float:
    r"""Return the seconds that psql's own ``\copy`` takes for both tables."""
    psql.run(f"CREATE DATABASE {_COPIED} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
    started = time.perf_counter()
    for table, before in (("users", sql("schema.sql")), ("orders", "TRUNCATE orders")):
        columns = ", ".join(COLUMNS[table])
        copy = rf"\copy {table} ({columns}) from '{files[table]}' with (format binary, freeze)"
        subprocess.run(
            [psql.binary, "-Xq1", "-d", _COPIED, "-c", before, "-c", copy],
            env=environment("psql", psql.variables),
            check=True,
        )
    return time.perf_counter() - started


def _clone(psql: Psql, template: Template) -> float:
    """Return the seconds of a clone that replaces the one before, as between two trials."""
    started = time.perf_counter()
    clone(psql, template.database, _CLONED)
    return time.perf_counter() - started


@contextmanager
def _server(folder: Path) -> Iterator[Psql]:
    cluster = Cluster(folder / "postgres", Path(embedded_postgres()), ports.draw(1, ["127.0.0.1"]))
    with cluster.lock():
        cluster.ensure_initialised()
        memory = psutil.virtual_memory().total
        server = cluster.start(log=folder / "postgres.log", server_settings=settings(memory))
        try:
            yield cluster.psql
        finally:
            cluster.stop(server)
