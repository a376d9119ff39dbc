"""Filters of the roles: the lab's own judgement for use in plays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from analysis.host.provisioned import preflight, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def lab_refused(refusals: Sequence[dict[str, Any]], host: str) -> str:
    """One text with every reason why a host is refused, and what to do."""
    told = [f"{each['what']} ({each['hint']})" for each in refusals]
    return f"{host} is refused: {'; '.join(told)}"


def lab_role_options(roles: str) -> dict[str, Any]:
    """The options of every role below a folder, none of them required."""
    options: dict[str, Any] = {}
    for path in sorted(Path(roles).glob("*/meta/argument_specs.yml")):
        options |= yaml.safe_load(path.read_bytes())["argument_specs"]["main"]["options"]
    return {name: option | {"required": False} for name, option in options.items()}


class FilterModule:
    """The class that Ansible looks for."""

    @staticmethod
    def filters() -> dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {
            "lab_preflight": preflight,
            "lab_refused": lab_refused,
            "lab_role_options": lab_role_options,
            "lab_verdict": verdict,
        }
