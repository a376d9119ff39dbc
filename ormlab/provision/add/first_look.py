"""The first look at a new host: what is needed there, and what its firmware decides."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from analysis.host import Finding, best_profile, judge
from bundle.documents.host import HostReadings
from bundle.documents.results import GateVerdict
from host.arrival import AREAS
from host.identity import SUPPORTED, Identity, Refusal
from host.items import ITEMS
from ormlab.base import checkout
from ormlab.base.errors import HostGateError, ProvisioningError
from ormlab.hosts import connected

if TYPE_CHECKING:
    from host.levels import Profile
    from ormlab.hosts import Host
    from ormlab.hosts.inventory import HostSpec

# The shipped package uses the syntax of the oldest Python of a supported distribution.
_OLDEST = (3, 12)
_RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); "
    "runpy.run_module('host.arrival', run_name='__main__')"
)
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
_SET = {item.key for item in ITEMS if item.knob}


class _Arrival(msgspec.Struct):
    identity: Identity
    refusals: list[Refusal]
    readings: HostReadings


@dataclass(frozen=True)
class FirstLook:
    """What a new host is."""

    login: str  #: who logs in
    python: str  #: version of its python3
    identity: Identity
    refusals: tuple[Refusal, ...]  #: why the lab would not provision it
    profile: Profile  #: the strictest that it could be measured under
    #: readings of processor, memory and firmware, judged under that profile
    findings: tuple[Finding, ...]

    @property
    def by_hand(self) -> list[Finding]:
        """What is not as it should be, and no role sets: mostly switches of the firmware."""
        bad = (GateVerdict.WARNING, GateVerdict.FAILED)
        return [each for each in self.findings if each.verdict in bad and each.key not in _SET]

    @property
    def firmware(self) -> list[Finding]:
        """What the firmware says of itself."""
        return [each for each in self.findings if each.area == "firmware"]


def look(spec: HostSpec) -> FirstLook:
    """Log in to a host with strict host keys, and read what it is. Changes nothing there.

    Raises:
        ProvisioningError: the login or sudo is refused.
        HostGateError: the host lacks python3, or has another distribution.
    """
    with connected([spec]) as hosts:
        host = hosts[spec.name].of(None)
        login = host.run("id", "-un").strip()
        _require_release(host)
        python = _python(host)
        found = _arrival(host if login == "root" else host.of("root"))
    profile = best_profile(found.readings)
    judged = [each for each in judge(found.readings, profile) if each.area in AREAS]
    return FirstLook(login, python, found.identity, tuple(found.refusals), profile, tuple(judged))


def _require_release(host: Host) -> None:
    """Refuse another distribution, whose python3 may not run the shipped code."""
    text = host.run("sh", "-c", "cat /etc/os-release 2>/dev/null || true")
    told = dict(line.partition("=")[::2] for line in text.splitlines())
    name, version = (told.get(key, "?").strip("\"'") for key in ("ID", "VERSION_ID"))
    if version not in SUPPORTED.get(name, ()):
        known = ", ".join(f"{each} {last}" for each, (last,) in SUPPORTED.items())
        raise HostGateError(
            "wrong-distribution",
            f"{host.spec.name} runs {name} {version}",
            where=f"{host.spec.name}: /etc/os-release",
            hint=f"install one that the roles support: {known}",
        )


def _python(host: Host) -> str:
    if not host.try_run("sh", "-c", "command -v python3"):
        raise HostGateError(
            "python-missing",
            f"{host.spec.name} has no python3, which Ansible needs there",
            where=host.spec.name,
            hint="`apt install python3` there, then repeat this command",
        )
    version = host.run("python3", "-I", "-c", _VERSION).strip()
    found = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})\.[0-9]{1,3}", version)
    if not found or (int(found[1]), int(found[2])) < _OLDEST:
        raise HostGateError(
            "python-old",
            f"python3 of {host.spec.name} is {version!r}, and the lab needs 3.12 or newer there",
            where=host.spec.name,
            hint="let python3 be the distribution's own again",
        )
    return version


def _arrival(root: Host) -> _Arrival:
    """Ship the package `host`, run it there as root, and remove it."""
    place = root.run("mktemp").strip()
    try:
        root.put(_packed(), place)
        said = root.run("python3", "-I", "-c", _RUN, place)
        return msgspec.json.decode(said, type=_Arrival)
    except msgspec.DecodeError as unlike:
        raise ProvisioningError(
            "host-answer",
            f"{root.spec.name} does not say what it is as the lab's program does: {unlike}",
            where=f"{root.spec.name} ({root.spec.address})",
            hint="look what a login prints there: the shell's own files must print nothing",
        ) from None
    finally:
        root.run("rm", place)


def _packed() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((checkout.ROOT / "host").rglob("*.py")):
            archive.write(path, str(path.relative_to(checkout.ROOT)))
    return packed.getvalue()
