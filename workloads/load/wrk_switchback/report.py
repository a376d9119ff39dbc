"""``wrk_switchback.json`` of each subject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from bundle.documents.failure import Failure
from bundle.generators.wrk_switchback import Slice, Spec, WrkSwitchback
from bundle.storage import write_file
from workloads.load.client.report import span
from workloads.load.switchback.course import described

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.generators.client import Window
    from workloads.load.switchback.course import Visit
    from workloads.load.wrk_switchback.block import WrkRun, WrkSettings, WrkSwitched


def write(settings: WrkSettings, block: WrkSwitched, folder: Path) -> None:
    """Write the report of every subject.

    Raises:
        OSError: a file cannot be written.
    """
    window = _window(block)
    for driven in block.driven:
        unread: dict[str, str] = {}
        report = WrkSwitchback(
            schema="wrk-switchback/1",
            spec=settings.told(driven.target, Spec),
            measured=block.failure is None,
            failure=Failure(**block.failure.as_dict()) if block.failure else None,
            window=window,
            slice_s=block.slice_s,
            set_s=max(each.set_s for each in block.driven),
            slices=[_slice(each, unread) for each in driven.visits],
            unread=unread,
            read_on=settings.read_on,
        )
        data = msgspec.json.encode(report) + b"\n"
        write_file(folder / driven.target.folder / WrkSwitchback.PATH, data)


def _window(block: WrkSwitched) -> Window:
    runs = [each.turn for driven in block.driven for each in driven.visits]
    now = time.monotonic_ns()
    return span(
        min((each.start for each in runs), default=now),
        max((each.stop for each in runs), default=now),
    )


def _slice(visit: Visit[WrkRun], unread: dict[str, str]) -> Slice:
    run = visit.turn
    return described(
        Slice,
        visit,
        unread,
        start_ns=run.start,
        stop_ns=run.stop,
        answers=run.answers,
        drained_ns=run.drained,
        asked_ns=run.asked,
        ended_ns=run.ended,
        read_from_ns=run.first.at,
        read_until_ns=run.last.at,
        wrk=run.wrk,
    )
