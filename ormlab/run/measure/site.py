"""The hosts of a run, taken for it: claimed, shipped to, looked at, with a folder on each."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import replace
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from agent import owner
from agent.answers import Owner
from bundle.documents.failure import Failure
from bundle.documents.host import HostFacts
from host.levels import lowest
from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError
from ormlab.run.measure import asking, leftovers, ports, readiness
from ormlab.run.measure.claim import claimed
from ormlab.run.measure.deployment import Deployment, deploy
from ormlab.run.measure.dispatch import Dispatch, Pulse
from ormlab.run.measure.redaction import Redactor
from ormlab.run.measure.station import Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bundle.documents.host import HostReadings
    from host.levels import Tier
    from ormlab.hosts import Host
    from ormlab.plan import ResolvedPlan


@dataclass(frozen=True)
class Site:
    """The hosts of a run.

    Attributes:
        resolved: the plan.
        app: the host of the services.
        db: the host of the database server; may be the same.
        load: the host of the generators; may be the same.
        scratch: a local folder for what is shipped and fetched.
        redactor: knows all that tells whose hosts these are.
    """

    resolved: ResolvedPlan
    app: Station
    db: Station
    load: Station
    scratch: Path
    redactor: Redactor

    @property
    def stations(self) -> tuple[Station, ...]:
        """The hosts, each once; that of the services is the first."""
        return tuple({each.name: each for each in (self.app, self.db, self.load)}.values())

    @property
    def subjects(self) -> list[str]:
        """Those of the plan, in its order: each has the next port of the services."""
        return list(self.resolved.subjects)


@dataclass(frozen=True)
class _Shipped:
    """A host that has the lab's code."""

    host: Host
    roles: tuple[str, ...]
    deployment: Deployment

    def ask[T](self, kind: type[T], *question: str) -> T:
        """Ask the agent."""
        return asking.ask(self.host, self.deployment, kind, "agent", *question)


@dataclass(frozen=True)
class _Seen(_Shipped):
    """A host that was looked at."""

    facts: HostFacts
    ports: ports.Ports
    readings: HostReadings


@contextmanager
def opened(
    hosts: Mapping[str, Host],
    resolved: ResolvedPlan,
    *,
    run_id: str,
    scratch: Path,
    check: Callable[[], None],
    attempt: int = 0,
) -> Iterator[Site]:
    """Take the hosts for a run; at the end its folders are removed and the hosts given back.

    Args:
        hosts: connected, by role; one of them may carry several.
        resolved: the plan.
        run_id: names the run's folder on each host.
        scratch: an empty local folder for what is shipped and fetched.
        check: raises KeyboardInterrupt when the run is to stop.
        attempt: how often the run was begun before.

    Raises:
        LoadError: another run has the lab's folder of a host.
        ProvisioningError: a host cannot be set up.
        InventoryError: a host cannot be reached by the others where the inventory says.
    """
    with ExitStack() as held:
        claims = []
        shipped = []
        for host in {host.spec.name: host for host in hosts.values()}.values():
            claims.append(held.enter_context(claimed(host, run_id)))
            roles = tuple(role for role, each in hosts.items() if each is host)
            shipped.append(_Shipped(host, roles, deploy(host, resolved.stacks_folder)))
        for each in shipped:
            if "db" in each.roles:
                require_database_user(each.host, each.deployment)
        redactor = _redactor(shipped, resolved)
        seen = _with_the_lowest_tier(
            [_look(each, run_id, resolved, len(shipped)) for each in shipped]
        )

        def still() -> None:
            check()
            for require in claims:
                require()

        # A folder of its own, so that a leftover agent of an earlier attempt does not see this
        # run's heartbeat.
        name = f"{run_id}.{attempt}" if attempt else run_id
        folders = [f"{each.deployment.root}/runs/{name}" for each in seen]
        beats = [(s.host, f"{folder}/heartbeat") for s, folder in zip(seen, folders, strict=True)]
        of: dict[str, Station] = {}
        for each, folder in zip(seen, folders, strict=True):
            each.host.run("mkdir", "-p", folder)
            held.callback(each.host.run, "rm", "-rf", folder)
            station = _station(each, folder, Pulse(tuple(beats)), scratch, still)
            of |= dict.fromkeys(each.roles, station)
        yield Site(resolved, of["app"], of["db"], of["load"], scratch, redactor)


def _station(
    seen: _Seen, folder: str, pulse: Pulse, scratch: Path, check: Callable[[], None]
) -> Station:
    dispatch = Dispatch(
        seen.host,
        seen.deployment,
        folder=folder,
        cpus=seen.facts.placement.housekeeping,
        pulse=pulse,
        check=check,
    )
    return Station(
        host=seen.host,
        roles=seen.roles,
        deployment=seen.deployment,
        facts=seen.facts,
        ports=seen.ports,
        readings=seen.readings,
        folder=folder,
        dispatch=dispatch,
        scratch=scratch,
    )


def require_database_user(host: Host, deployment: Deployment) -> None:
    """Make sure that PostgreSQL can be run from the lab's folder, before anything else is.

    Raises:
        ProvisioningError: it would run as root, or as a user who cannot get there.
    """
    if host.spec.postgres_cluster:
        return  # it belongs to an account of its own
    folders = (deployment.root, deployment.postgres)
    for found in asking.ask(host, deployment, list[Failure], "agent", "obstacle", *folders):
        raise ProvisioningError(**asdict(found))


def _redactor(shipped: list[_Shipped], resolved: ResolvedPlan) -> Redactor:
    """One that knows whose machine this is and whose the hosts are, but not the record's words."""
    redactor = (
        Redactor().knowing({"checkout": [str(checkout.ROOT)]}).knowing(_values(owner.collect()))
    )
    for each in shipped:
        spec = each.host.spec
        login = spec.variables.ansible_user
        places = {
            "lab folder": [spec.root],
            "name": [spec.name, *([login] if login else [])],
            "address": [spec.address, spec.reach],
        }
        redactor = redactor.knowing(places).knowing(_values(each.ask(Owner, "owner")))
    plan = resolved.plan
    words = [plan.name, *resolved.subjects, *plan.workloads, *plan.loads, *resolved.stacks]
    return redactor.knowing({}, words=words)


def _values(whose: Owner) -> dict[str, list[str]]:
    """What tells whose host it is, by the kinds of `redaction.KINDS`."""
    return {"name": whose.names, "home folder": whose.homes, "address": whose.addresses}


def _look(shipped: _Shipped, run_id: str, resolved: ResolvedPlan, hosts: int) -> _Seen:
    """Read what the host is, settle on ports, and read whether it is fit for the run.

    What an earlier attempt at the run has left may hold ports, so its end comes first.
    """
    host, deployment = shipped.host, shipped.deployment
    leftovers.remove(host, f"{deployment.root}/runs", run_id)
    facts = shipped.ask(HostFacts, "facts")
    settled = ports.settle(
        host,
        deployment,
        roles=shipped.roles,
        subjects=len(resolved.subjects),
        apart=hosts > 1,
    )
    readings = readiness.read(host, deployment, settled.all)
    return _Seen(host, shipped.roles, deployment, facts, settled, readings)


def _with_the_lowest_tier(seen: list[_Seen]) -> list[_Seen]:
    """The hosts; that of the services, which stands for all, has the lowest tier among them."""
    tier = lowest(*(each.facts.placement.tier for each in seen))
    return [_of_tier(each, tier) if "app" in each.roles else each for each in seen]


def _of_tier(seen: _Seen, tier: Tier) -> _Seen:
    placement = replace(seen.facts.placement, tier=tier)
    return replace(seen, facts=replace(seen.facts, placement=placement))
