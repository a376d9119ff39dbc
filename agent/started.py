"""`host.environment.environment`, for modules that Ansible ships under another package's name."""

from __future__ import annotations

try:
    from host.environment import environment
except ModuleNotFoundError:  # there it is no package of its own
    from ansible.module_utils.host.environment import (  # type: ignore[no-redef]
        environment,
    )

__all__ = ["environment"]
