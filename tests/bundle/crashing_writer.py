"""A writer that asks for leave before each step that changes the disk; run by test_crash.

    python crashing_writer.py PARENT

It prints one line a step and waits for one byte on its standard input; the test answers, or kills
it there. A line ``closed NAME`` says that the writer was told the trial is safe.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.bundle import making

# What Python tells an audit hook before it does it (the audit events table of its manual).
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "fcntl.flock"}
TRIALS = 3
TOGETHER = (1, 2)  # of them, the last two


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def ask(event: str, arguments: tuple[object, ...]) -> None:
    if event in STEPS:
        say(f"step {event} {arguments[0]!a}")
        os.read(0, 1)


def main(parent: Path) -> None:
    sys.addaudithook(ask)
    writer = making.new_writer(parent)
    writer.add("inputs/plan.yaml", b"name: demo\n")
    say(f"closed {making.write_trial(writer, 0)}")
    for name in making.write_together(writer, TOGETHER):
        say(f"closed {name}")
    writer.seal(making.record_for(writer, completed=TRIALS))
    say("sealed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
