"""Locks the stack that one service brings, and touches no other lock."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from ormlab.base import checkout, unlockable
from ormlab.base.errors import UsageError
from workloads import stacks
from workloads.stacks import StackFileError, locks
from workloads.stacks import lock as locking

if TYPE_CHECKING:
    from workloads.services.manifest import Service


def lock(service: Service) -> dict[str, str]:
    """Lock what a service's ``stack.in`` asks for beside its base stack.

    Returns:
        By package, the version of each pin that differs from the base's.

    Raises:
        UsageError: it brings no stack, or what it asks for cannot be had together.
        ProvisioningError: the network or the disk failed.
    """
    where = str(service.folder / "stack.in")
    if not service.has_own_stack:
        raise UsageError(
            "stack-none",
            f"{service.name} brings no stack: it runs on {service.manifest.stack}",
            where=where,
            hint="write the packages that it needs beside that stack into stack.in, one a line",
        )
    try:
        stack = stacks.load(services=[service])[service.name]
        locking.lock(locking.Resolver(checkout.UV, checkout.UV_CACHE), stack)
        pins = locks.read(stack.lock)
    except StackFileError as wrong:
        raise UsageError(
            "stack-invalid",
            f"the stack of {service.name} cannot be read: {wrong}",
            where=where,
            hint="docs/stacks.md describes its files",
        ) from None
    except subprocess.CalledProcessError as failed:
        hint = (
            f"it stands on {service.manifest.stack}, and may know releases up to "
            f"{stack.exclude_newer}: service.toml sets both"
        )
        raise unlockable.refusal(
            f"the stack of {service.name}", failed, where=where, hint=lambda: hint
        ) from None
    return {name: pin.version for name, pin in pins.items()}
