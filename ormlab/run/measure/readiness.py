"""Whether a host is fit to be measured on: its readings, held against a plan's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.host import judge
from bundle.documents.host import HostReadings
from bundle.documents.results import GateVerdict
from ormlab.base.errors import HostGateError
from ormlab.run.measure import asking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from host.levels import Profile
    from ormlab.hosts import Host
    from ormlab.run.measure.deployment import Deployment


def read(host: Host, deployment: Deployment, wanted: Sequence[int] = ()) -> HostReadings:
    """Take the readings of a host, which takes a second.

    Args:
        host: connected.
        deployment: of the lab there.
        wanted: ports that should be free; none where the lab itself holds them.

    Raises:
        LoadError: the host answers something else.
    """
    asked = ["--folder", deployment.root, "--uv", deployment.uv]
    asked += [part for port in wanted for part in ("--port", str(port))]
    return asking.ask(host, deployment, HostReadings, "host.items", *asked)


def require(document: HostReadings, profile: Profile, *, where: str) -> str | None:
    """Refuse a host that bare-metal must not be measured on; say in one line what weakens others.

    Args:
        document: the readings before the run.
        profile: of the plan.
        where: name of the host.

    Raises:
        HostGateError: the profile is bare-metal and a reading is fatal.
    """
    findings = judge(document, profile)
    fatal = [finding.said for finding in findings if finding.verdict is GateVerdict.FAILED]
    if fatal and profile == "bare-metal":
        raise HostGateError(
            "host-gate",
            f"{len(fatal)} readings forbid a run as bare-metal: {'; '.join(fatal)}",
            where=where,
            hint="`ormlab doctor` says why each matters and what to do; other profiles only warn",
        )
    weak = [each.said for each in findings if each.verdict is GateVerdict.WARNING]
    unknown = [each.key for each in findings if each.verdict is GateVerdict.UNKNOWN]
    if unknown:
        weak.append(f"not readable: {', '.join(unknown)}")
    if not fatal and not weak:
        return None
    return f"{where}: {'; '.join([*fatal, *weak])}; `ormlab doctor` says what to do"
