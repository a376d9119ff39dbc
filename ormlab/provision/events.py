"""Reads ansible-runner's events strictly, and only the fields that the lab needs.

An event contains everything a module returned: paths, addresses, at worst a secret. Only the fields
read here leave this module; it drops the rest at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.host import Task
from host.settling import Outcome
from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bundle.documents.host import Ending

_LONGEST = 2000  # characters of a reason


@dataclass(frozen=True)
class Began:
    """A task begins, on every host of its play."""

    name: str  #: role and task
    role: str  #: empty if it has none


@dataclass(frozen=True)
class Ended:
    """A task has ended on one host."""

    host: str  #: as the inventory names it
    task: Task  #: what a bundle records of it; its place is relative to the checkout
    reason: str  #: why it failed, in the module's words; empty if it did not fail
    #: the settings of the host that it looked at or changed, from the module lab_knobs
    settings: tuple[Outcome, ...] = ()

    @property
    def name(self) -> str:
        """Role and task."""
        return _name(self.task.role, self.task.task)


@dataclass(frozen=True)
class Recap:
    """Ansible's own count at the end of a playbook, by host."""

    processed: frozenset[str]  #: hosts that had at least one task
    failed: frozenset[str]  #: hosts with a failed task that nothing rescued, and unreachable hosts


class _Returned(msgspec.Struct):
    """What a module returned."""

    changed: bool = False
    msg: object = ""
    stderr: str = ""
    censored: str = ""
    outcomes: tuple[Outcome, ...] = ()


class _Event(msgspec.Struct):
    task: str
    task_uuid: str
    task_path: str
    host: str = ""
    role: str = ""
    res: _Returned = msgspec.field(default_factory=_Returned)
    duration: float = 0.0


class _Stats(msgspec.Struct):
    processed: dict[str, int]
    failures: dict[str, int]
    dark: dict[str, int]


_ENDS: dict[object, Ending] = {
    "runner_on_ok": "ok",
    "runner_on_skipped": "skipped",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
}
_BEGINS = ("playbook_on_task_start", "playbook_on_handler_task_start")


class Reader:
    """Reads the events of one playbook, in their order."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], str] = {}

    def read(self, event: Mapping[str, object]) -> Began | Ended | Recap | None:
        """Read one event; None for an event that the lab does not need.

        Raises:
            ProvisioningError: the event does not fit this version of ansible-runner.
        """
        kind = event.get("event")
        try:
            if kind in _BEGINS:
                task = msgspec.convert(event["event_data"], _Event)
                return Began(_name(task.role, task.task), task.role)
            if kind == "runner_item_on_failed":
                task = msgspec.convert(event["event_data"], _Event)
                self._items.setdefault((task.host, task.task_uuid), _reason(task.res))
            elif kind in _ENDS:
                return self._ended(_ENDS[kind], msgspec.convert(event["event_data"], _Event))
            elif kind == "playbook_on_stats":
                stats = msgspec.convert(event["event_data"], _Stats)
                return Recap(frozenset(stats.processed), frozenset(stats.failures | stats.dark))
        except (KeyError, msgspec.ValidationError) as unlike:
            raise ProvisioningError(
                "ansible-event",
                f"Ansible sent an unreadable {kind} event: {unlike}",
                where="ansible-runner",
                hint="ansible-runner and ansible-core do not match: make the environment again",
            ) from None
        return None

    def _ended(self, outcome: Ending, event: _Event) -> Ended:
        # For a loop, use the reason of its first failed item: the loop only says that one failed.
        first = self._items.pop((event.host, event.task_uuid), None)
        failed = outcome in {"failed", "unreachable"}
        task = Task(
            role=event.role,
            task=event.task,
            place=event.task_path.removeprefix(f"{checkout.ROOT}/"),
            outcome="changed" if outcome == "ok" and event.res.changed else outcome,
            seconds=round(event.duration, 2),
        )
        reason = (first or _reason(event.res))[:_LONGEST] if failed else ""
        return Ended(event.host, task, reason, event.res.outcomes)


def _name(role: str, task: str) -> str:
    return f"{role}: {task}" if role else task


def _reason(returned: _Returned) -> str:
    if returned.censored:
        return "Ansible hides the reason, because the task handles a secret (no_log)"
    reason = (
        returned.msg
        if isinstance(returned.msg, str)
        else msgspec.json.encode(returned.msg).decode()
    )
    reason = reason.strip() or "it gave no reason"
    # A failed command's message is only its exit status; its reason is on standard error.
    last = returned.stderr.strip().splitlines()[-1:]
    return ": ".join([reason.rstrip("."), *last]) if last else reason
