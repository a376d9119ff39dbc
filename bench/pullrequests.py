"""``python -m bench.pullrequests``: the action of docs/pull-requests.md, carried out by act.

Changes that change nothing must pass, and one that costs a tenth more CPU time must fail; and how
long does one pull request take? Both jobs of the documented workflow run on this machine: the first
measures, the second comments on a played GitHub (`tests.action`). Prints a line for each and
writes ``.lab/bench-pullrequests.json``. With the defaults it takes about an hour and a half, so it
is none of ``make bench``; ``--quiet 1`` tries it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import output_of, scratch
from tests.action import hub as hubs
from tests.action import playing
from tests.conftest import CHECKOUT

_SLOWDOWN = 0.10
_OUT = Path(".lab/bench-pullrequests.json")
_HEADING = re.compile(r"^### mylib-head: (\w+)$", re.MULTILINE)
_FOUND = re.compile(r"a difference of ([0-9.]+ %)")
_RATIO = re.compile(r"has (\S+) times .+? \(95 % interval (\S+) to (\S+),")


@dataclass(frozen=True)
class Pass:
    """One pull request."""

    slowdown: float  #: planted, as a fraction of CPU time
    passed: bool  #: whether the check did
    verdict: str  #: in the comment's heading
    ratio: tuple[str, ...]  #: with the ends of its interval, as the comment has it
    finds: str  #: smallest difference that the run finds, as the comment has it
    wall_s: float  #: of both jobs


def main(arguments: list[str]) -> int:
    """Play so many quiet changes and one planted slowdown; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.pullrequests")
    parser.add_argument("--quiet", type=int, default=20, help="changes that change nothing")
    parser.add_argument("--time", default="3m", help="the action's input of that name")
    given = parser.parse_args(arguments)
    if why := playing.require_set_up():
        sys.stderr.write(f"{why}\n")
        return 1
    passes = []
    for slowdown in (_SLOWDOWN, *[0.0] * given.quiet):
        passes.append(_play(slowdown, given.time))
        sys.stdout.write(f"{json.dumps(asdict(passes[-1]))}\n")
        sys.stdout.flush()
        document = {"schema": "bench-pullrequests/1", "time": given.time}
        _OUT.write_text(json.dumps(document | {"passes": [*map(asdict, passes)]}, indent=1) + "\n")
    planted, *quiet = passes
    sys.stdout.write(
        f"planted: {'missed' if planted.passed else 'found'}; quiet: "
        f"{sum(each.passed for each in quiet)} of {len(quiet)} pass\n"
    )
    return 0


def _play(slowdown: float, seconds: str) -> Pass:
    with scratch() as folder, hubs.served() as hub:
        source = playing.repository(folder / "shop", slowdown=slowdown)
        text = playing.action_of_the_tree(
            playing.workflows()["speed.yml"], lab=str(CHECKOUT), time=seconds
        )
        runner = playing.Runner(_act(), folder / "runner", hub)
        began = time.monotonic()
        event = playing.pull_request(source)
        played = runner.play("speed.yml", text, "pull_request", event, source)
        wall_s = time.monotonic() - began
    if len(played.comments) != 1:
        sys.stderr.write(played.log)
        raise RuntimeError(f"a pull request got {len(played.comments)} comments, not one")
    body = played.comments[0]["body"]
    return Pass(
        slowdown=slowdown,
        passed=played.status == 0,
        verdict=_one(_HEADING, body)[0],
        ratio=_one(_RATIO, body),
        finds=_one(_FOUND, body)[0],
        wall_s=round(wall_s, 1),
    )


def _one(pattern: re.Pattern[str], body: str) -> tuple[str, ...]:
    found = pattern.search(body)
    return found.groups() if found else ("",)


def _act() -> Path:
    """The program act, which the tests install."""
    act = CHECKOUT / ".lab/act/bin/act"
    if not act.exists():
        output_of(CHECKOUT / ".venv/bin/pytest", "-q", "tests/action", "-k", "well_formed")
    return act


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
