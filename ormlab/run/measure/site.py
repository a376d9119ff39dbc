"""The hosts of a run, taken for it: claimed, shipped to, read, with a folder on each."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import replace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from agent import owner
from agent.answers import Owner
from bundle.documents.failure import Failure
from bundle.documents.plan import POSTGRESQL
from host.levels import lowest
from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError
from ormlab.run.measure.claim import claimed, remove_leftovers
from ormlab.run.measure.deployment import Deployment, deploy
from ormlab.run.measure.dispatch import Dispatch
from ormlab.run.measure.ports import settle
from ormlab.run.measure.redaction import Redactor
from ormlab.run.measure.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from host.levels import Tier
    from ormlab.hosts import Host
    from ormlab.plan import ResolvedPlan


@dataclass(frozen=True)
class Site:
    """The hosts of a run."""

    resolved: ResolvedPlan  #: the plan
    app: Station  #: the host of the services
    db: Station  #: the host of the database server; may be the same
    load: Station  #: the host of the generators; may be the same
    scratch: Path  #: a local folder for what is shipped and fetched
    redactor: Redactor  #: knows all values that identify these hosts and their users

    @property
    def stations(self) -> tuple[Station, ...]:
        """The hosts, each once; that of the services is the first."""
        return tuple({each.name: each for each in (self.app, self.db, self.load)}.values())

    @property
    def subjects(self) -> list[str]:
        """The subjects of the plan in its order."""
        return list(self.resolved.subjects)


@contextmanager
def opened(
    hosts: Mapping[str, Host],
    resolved: ResolvedPlan,
    *,
    run_id: str,
    scratch: Path,
    check: Callable[[], None],
    tell: Callable[[str], None],
    attempt: int = 0,
) -> Iterator[Site]:
    """Take the hosts for a run; at the end its folders are removed and the hosts given back.

    Args:
        hosts: connected, by role; one of them may carry several.
        resolved: the plan.
        run_id: names the run's folder on each host.
        scratch: an empty local folder for what is shipped and fetched.
        check: raises KeyboardInterrupt when the run is to stop.
        tell: receives a sentence if the run has to wait for what a killed one left.
        attempt: how often the run was begun before.

    Raises:
        LoadError: another run has the lab's folder of a host.
        ProvisioningError: a host cannot be set up.
        InventoryError: a host cannot be reached by the others where the inventory says.
    """
    connections = {host.spec.name: host for host in hosts.values()}
    roles = {
        name: tuple(role for role, host in hosts.items() if host is connection)
        for name, connection in connections.items()
    }
    # A folder of its own, so that a leftover agent of an earlier attempt does not see this run's
    # heartbeat.
    folder = f"runs/{run_id}.{attempt}" if attempt else f"runs/{run_id}"
    folders = {name: f"{host.spec.root}/{folder}" for name, host in connections.items()}
    beats = [(host, f"{folders[name]}/heartbeat") for name, host in connections.items()]
    with ExitStack() as held:
        claims: list[Callable[[], None]] = []
        deployments: dict[str, Deployment] = {}
        for name, host in connections.items():
            claims.append(held.enter_context(claimed(host, run_id)))
            deployments[name] = deploy(host, resolved.stacks_folder, resolved.brought)
        require_database_user(deployments[hosts["db"].spec.name], resolved.plan.databases)
        redactor = _redactor(deployments.values(), resolved)

        def still() -> None:
            check()
            for require in claims:
                require()

        stations = {
            name: _station(
                deployment,
                roles[name],
                subjects=len(resolved.subjects),
                databases=resolved.plan.databases,
                apart=len(connections) > 1,
                folder=folders[name],
                beats=beats,
                check=still,
                tell=tell,
                scratch=scratch,
            )
            for name, deployment in deployments.items()
        }
        for name, host in connections.items():
            host.run("mkdir", "-p", folders[name])
            held.callback(host.run, "rm", "-rf", folders[name])
        weakest = lowest(*(each.facts.placement.tier for each in stations.values()))
        name = hosts["app"].spec.name
        stations[name] = _of_tier(stations[name], weakest)
        app, db, load = (stations[hosts[role].spec.name] for role in ("app", "db", "load"))
        yield Site(resolved, app, db, load, scratch, redactor)


def require_database_user(deployment: Deployment, databases: Iterable[str]) -> None:
    """Make sure that servers can be run from the lab's folder, before anything else is.

    Raises:
        ProvisioningError: it would run as root, or as a user who cannot get there.
    """
    for name in databases:
        if name == POSTGRESQL and deployment.host.spec.postgres_cluster:
            continue  # it belongs to an account of its own
        folders = (deployment.root, deployment.programs(name))
        for obstacle in deployment.ask(list[Failure], "agent", "obstacle", *folders):
            raise ProvisioningError(**asdict(obstacle))


def _station(
    deployment: Deployment,
    roles: tuple[str, ...],
    *,
    subjects: int,
    databases: tuple[str, ...],
    apart: bool,
    folder: str,
    beats: list[tuple[Host, str]],
    check: Callable[[], None],
    tell: Callable[[str], None],
    scratch: Path,
) -> Station:
    """Read the facts of a host, settle on its ports, and take its readings.

    What a killed run has left may hold ports and the database, so it is removed first.
    """
    remove_leftovers(deployment.host, f"{deployment.root}/runs", tell, check)
    facts = deployment.facts()
    ports = settle(deployment, roles, subjects, apart=apart, databases=databases)
    dispatch = Dispatch(
        deployment,
        folder=folder,
        cpus=facts.placement.housekeeping,
        beats=beats,
        check=check,
    )
    readings = deployment.readings(ports.all)
    return Station(deployment, roles, facts, ports, readings, folder, dispatch, scratch)


def _of_tier(station: Station, tier: Tier) -> Station:
    """A station, whose facts stand for all hosts of the run, with the lowest tier among them."""
    placement = replace(station.facts.placement, tier=tier)
    return replace(station, facts=replace(station.facts, placement=placement))


def _redactor(deployments: Iterable[Deployment], resolved: ResolvedPlan) -> Redactor:
    """A redactor that knows all values that identify this machine, its users and the hosts.

    The words that the record uses itself identify nobody.
    """
    redactor = (
        Redactor().knowing({"checkout": [str(checkout.ROOT)]}).knowing(_values(owner.collect()))
    )
    for deployment in deployments:
        spec = deployment.host.spec
        login = spec.variables.ansible_user
        places = {
            "lab folder": [spec.root],
            "name": [spec.name, *([login] if login else [])],
            "address": [spec.address, spec.reach],
        }
        whose = deployment.ask(Owner, "agent", "owner")
        redactor = redactor.knowing(places).knowing(_values(whose))
    return redactor.knowing({}, words=own_words(resolved))


def own_words(resolved: ResolvedPlan) -> set[str]:
    """Names that the plan, its services and their stacks bring into the record of a run."""
    plan = resolved.plan
    words = {plan.name, *resolved.subjects, *plan.workloads, *plan.loads, *resolved.services}
    for name, stack in resolved.stacks.items():
        words |= {name, *stack.imports}
        words |= {module.partition(".")[0] for module in stack.imports.values()}
    return words


def _values(whose: Owner) -> dict[str, list[str]]:
    """What identifies a host and its users, by the kinds of `redaction.KINDS`."""
    return {"name": whose.names, "home folder": whose.homes, "address": whose.addresses}
