"""Reads ansible-runner's events strictly, and only the fields that the lab needs.

An event contains everything a module returned: paths, addresses, at worst a secret. Only the fields
read here leave this module; it drops the rest at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from ormlab.base import checkout
from ormlab.base.errors import ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 2000  # characters of a reason


class Outcome(StrEnum):
    """How a task ended on one host."""

    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Began:
    """A task begins, on every host of its play.

    Attributes:
        task: its name.
        role: its role; empty outside roles.
    """

    task: str
    role: str

    def __str__(self) -> str:
        return f"{self.role}: {self.task}" if self.role else self.task


@dataclass(frozen=True)
class Ended:
    """A task has ended on one host.

    Attributes:
        host: as the inventory names it.
        task: its name.
        role: its role; empty outside roles.
        place: file and line of the task, relative to the checkout.
        outcome: how it ended.
        reason: why it failed, in the module's words; empty if it did not fail.
        seconds: how long it took.
    """

    host: str
    task: str
    role: str
    place: str
    outcome: Outcome
    reason: str
    seconds: float

    @property
    def name(self) -> str:
        """Role and task."""
        return str(Began(self.task, self.role))


@dataclass(frozen=True)
class Recap:
    """Ansible's own count at the end of a playbook, by host.

    Attributes:
        processed: hosts that had at least one task.
        failed: hosts with a failed task that nothing rescued, and unreachable hosts.
    """

    processed: frozenset[str]
    failed: frozenset[str]


class _Answer(msgspec.Struct):
    """What a module returned."""

    changed: bool = False
    msg: object = ""
    stderr: str = ""
    censored: str = ""


class _Task(msgspec.Struct):
    task: str
    task_uuid: str
    task_path: str
    host: str = ""
    role: str = ""
    res: _Answer = msgspec.field(default_factory=_Answer)
    duration: float = 0.0


class _Stats(msgspec.Struct):
    processed: dict[str, int]
    failures: dict[str, int]
    dark: dict[str, int]


_ENDS = {
    "runner_on_ok": Outcome.OK,
    "runner_on_skipped": Outcome.SKIPPED,
    "runner_on_failed": Outcome.FAILED,
    "runner_on_unreachable": Outcome.UNREACHABLE,
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
                task = msgspec.convert(event["event_data"], _Task)
                return Began(task.task, task.role)
            if kind == "runner_item_on_failed":
                task = msgspec.convert(event["event_data"], _Task)
                self._items.setdefault((task.host, task.task_uuid), _reason(task.res))
            elif kind in _ENDS:
                return self._ended(_ENDS[kind], msgspec.convert(event["event_data"], _Task))
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

    def _ended(self, outcome: Outcome, task: _Task) -> Ended:
        if outcome is Outcome.OK and task.res.changed:
            outcome = Outcome.CHANGED
        # For a loop, use the reason of its first failed item: the loop only says that one failed.
        first = self._items.pop((task.host, task.task_uuid), None)
        failed = outcome in (Outcome.FAILED, Outcome.UNREACHABLE)
        return Ended(
            host=task.host,
            task=task.task,
            role=task.role,
            place=task.task_path.removeprefix(f"{checkout.ROOT}/"),
            outcome=outcome,
            reason=(first or _reason(task.res))[:_LONGEST] if failed else "",
            seconds=task.duration,
        )


def _reason(answer: _Answer) -> str:
    if answer.censored:
        return "Ansible hides the reason, because the task handles a secret (no_log)"
    said = answer.msg if isinstance(answer.msg, str) else msgspec.json.encode(answer.msg).decode()
    said = said.strip() or "it gave no reason"
    # A failed command's message is only its exit status; its reason is on standard error.
    last = answer.stderr.strip().splitlines()[-1:]
    return ": ".join([said.rstrip("."), *last]) if last else said
