"""Writes one line of JSON for each task that changed something or failed."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: notification
short_description: changed and failed tasks as lines of JSON
description: For the tests, which must not read what is printed for people.
"""


class CallbackModule(CallbackBase):
    """The lines go to the file that the environment names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self._file = Path(os.environ["ORMLAB_TEST_EVENTS"])

    def v2_runner_on_ok(self, result):
        if result.result.get("changed"):
            self._write(result, "changed")

    def v2_runner_item_on_failed(self, result):
        self._write(result, "failed")

    def v2_runner_on_failed(self, result, **_):
        self._write(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._write(result, "failed")

    def _write(self, result, outcome):
        line = {"task": result.task_name, "is": outcome, "message": result.result.get("msg", "")}
        with self._file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
