"""Filters of the roles: the lab's own judgement for use in plays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from analysis.host import provisioned
from analysis.host.provisioned import Guard, HostVerdict, Plan
from bundle.documents.host import HostReadings
from host import durable
from host.levels import Profile
from host.settling import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def lab_refused(refusals: object, host: str) -> str:
    """One text with every reason why a host is refused, and what to do."""
    reasons = [f"{reason.what} ({reason.hint})" for reason in _read(refusals, list[_Reason])]
    return f"{host} is refused: {'; '.join(reasons)}"


def lab_verdict(
    outcomes: object, host: str, profile: object, plan: object, readings: object
) -> Any:  # noqa: ANN401 - JSON
    """The verdict on a host; see `analysis.host.provisioned.verdict`."""
    return msgspec.to_builtins(
        provisioned.verdict(
            _read(outcomes, list[Outcome]),
            _read(host, str),
            _read(profile, Profile),
            _read(plan, Plan),
            _read(readings, HostReadings),
        )
    )


def lab_preflight(verdict: object, guard: object) -> Any:  # noqa: ANN401 - JSON
    """The verdict before anything is changed; see `analysis.host.provisioned.preflight`."""
    return msgspec.to_builtins(
        provisioned.preflight(_read(verdict, HostVerdict), _read(guard, Guard))
    )


def lab_durable(memory_mib: object, shared_mib: object, huge_pages: object) -> dict[str, str]:
    """The settings of PostgreSQL's profile ``durable``; see `host.durable.settings`.

    Without MiB of shared buffers (0) they follow the memory.
    """
    shared = _read(shared_mib, int) or durable.shared_mib(_read(memory_mib, int))
    return durable.settings(shared, _read(huge_pages, str))


def lab_role_options(roles: str) -> dict[str, object]:
    """The options of every role below a folder, none of them required."""
    options: dict[str, dict[str, object]] = {}
    for path in sorted(Path(roles).glob("*/meta/argument_specs.yml")):
        options |= yaml.safe_load(path.read_bytes())["argument_specs"]["main"]["options"]
    return {name: {**option, "required": False} for name, option in options.items()}


class _Reason(msgspec.Struct):
    """What every refusal and every problem says."""

    what: str
    hint: str


def _read[T](value: object, kind: type[T]) -> T:
    """What a role hands over, as its type."""
    return msgspec.json.decode(json.dumps(_plain(value)), type=kind)


def _plain(value: object) -> object:
    """Containers of Ansible evaluate their content only when Python itself walks through them."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


class FilterModule:
    """The class that Ansible looks for."""

    @staticmethod
    def filters() -> dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {
            "lab_durable": lab_durable,
            "lab_preflight": lab_preflight,
            "lab_refused": lab_refused,
            "lab_role_options": lab_role_options,
            "lab_verdict": lab_verdict,
        }
