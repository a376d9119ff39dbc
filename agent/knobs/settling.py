"""Tune, verify and restore the same places through the same knobs.

``baseline.json`` holds the value of each place before the lab first changed it. The lab writes no
place that is not in it. ``tuned.json`` holds the places that could not be tuned, with the reason,
so that a later check expects it.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from .kernel import NotTaken, NotTunable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from .kernel import Kernel
    from .knob import Knob

BASELINE_SCHEMA = "host-baseline/1"
TUNED_SCHEMA = "host-tuned/1"

type Verdict = Literal[
    "held", "changed", "absent", "not tunable here", "tolerated", "refused", "drifted", "gone"
]
FAILURES: frozenset[Verdict] = frozenset({"refused", "drifted", "gone"})
_KNOWN: frozenset[Verdict] = frozenset({"not tunable here", "tolerated"})
# Errors of a kernel that lets nobody tune, as in a container.
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one place.

    Attributes:
        knob: the knob's name.
        place: a place of the knob.
        before: its previous value; None if it could not be read.
        wanted: its wanted value.
        verdict: held (it already had that value), changed, absent (there is no such place), not
            tunable here (nobody can change it on this host), tolerated (this one place cannot be
            changed), refused, drifted (it has another value), gone (a place of the baseline that
            no longer exists).
        reason: the reason of the verdict; empty if it needs none.
    """

    knob: str
    place: str
    before: str | None
    wanted: str | None
    verdict: Verdict
    reason: str = ""


class Store:
    """The records of a host: ``baseline.json`` and ``tuned.json`` in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.baseline: dict[str, dict[str, str]] = self._load("baseline")
        self.tuned: dict[str, dict[str, dict[str, str]]] = self._load("tuned")

    def _load(self, name: str) -> dict[str, Any]:
        path = self._folder / f"{name}.json"
        return dict(json.loads(path.read_text())["knobs"]) if path.exists() else {}

    def remember(self, knob: str, place: str, value: str) -> bool:
        """Record the first value of a place; returns whether it was recorded now."""
        places = self.baseline.setdefault(knob, {})
        news = place not in places
        places.setdefault(place, value)
        return news

    def note(self, outcome: Outcome) -> None:
        """Record a place that could not be tuned; otherwise delete its record."""
        places = self.tuned.setdefault(outcome.knob, {})
        places.pop(outcome.place, None)
        if outcome.verdict in _KNOWN:
            kept = {"wanted": outcome.wanted or "", "verdict": outcome.verdict}
            places[outcome.place] = kept | {"reason": outcome.reason}

    def known(self, knob: str, place: str, wanted: str) -> tuple[Verdict, str] | None:
        """Verdict and reason, if setting the same value failed before; None otherwise."""
        kept = self.tuned.get(knob, {}).get(place)
        if kept is None or kept["wanted"] != wanted or kept["verdict"] not in _KNOWN:
            return None
        return "tolerated" if kept["verdict"] == "tolerated" else "not tunable here", kept["reason"]

    def save(self) -> None:
        """Write both files; they are on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._save("baseline", {"schema": BASELINE_SCHEMA, "knobs": self.baseline})
        self._save("tuned", {"schema": TUNED_SCHEMA, "knobs": self.tuned})

    def _save(self, name: str, document: Mapping[str, Any]) -> None:
        path = self._folder / f"{name}.json"
        text = json.dumps(document, indent=1) + "\n"
        if path.exists() and path.read_text() == text:
            return
        fresh = path.with_suffix(".new")
        with fresh.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def record(kernel: Kernel, wanted: Mapping[Knob, Any], store: Store) -> list[Outcome]:
    """Record the value of every place that ``wanted`` touches. The caller saves the store."""
    outcomes = []
    for knob, place, target in _places(kernel, wanted):
        before, failed = _shown(knob, kernel, place)
        if before is None:
            outcomes.append(failed or Outcome(knob.name, place, None, target, "absent"))
        else:
            news = store.remember(knob.name, place, knob.lasting(before))
            verdict: Verdict = "changed" if news else "held"
            outcomes.append(Outcome(knob.name, place, before, target, verdict))
    return outcomes


def tune(kernel: Kernel, wanted: Mapping[Knob, Any], store: Store, *, check: bool) -> list[Outcome]:
    """Set every place that differs. With ``check`` only report what would change."""
    outcomes = _nowhere(kernel, wanted)
    for knob, value in wanted.items():
        if not check:
            record(kernel, {knob: value}, store)
            store.save()
        for place, target in knob.targets(kernel, value).items():
            before, failed = _shown(knob, kernel, place)
            if failed or knob.same(kernel, before or "", target):
                outcome = failed or Outcome(knob.name, place, before, target, "held")
            elif check:
                known = store.known(knob.name, place, target)
                outcome = Outcome(knob.name, place, before, target, *(known or ("changed",)))
            else:
                outcome = _written(knob, kernel, place, before, target)
            outcomes.append(outcome)
            store.note(outcome)
    return outcomes


def verify(kernel: Kernel, wanted: Mapping[Knob, Any], store: Store) -> list[Outcome]:
    """Compare every place with its wanted value; a place that could not be tuned stays so."""
    outcomes = _nowhere(kernel, wanted)
    for knob, place, target in _places(kernel, wanted):
        before, failed = _shown(knob, kernel, place)
        if failed or knob.same(kernel, before or "", target):
            outcomes.append(failed or Outcome(knob.name, place, before, target, "held"))
            continue
        known = store.known(knob.name, place, target)
        drifted: tuple[Verdict, str] = ("drifted", f"it shows {before or 'nothing'}")
        outcomes.append(Outcome(knob.name, place, before, target, *(known or drifted)))
    return outcomes


def restore(kernel: Kernel, knobs: Sequence[Knob], store: Store, *, check: bool) -> list[Outcome]:
    """Restore every place of these knobs to its value in the baseline."""
    outcomes = []
    for knob in knobs:
        baseline = store.baseline.get(knob.name, {})
        for place, target in list(baseline.items()):
            before, failed = _shown(knob, kernel, place)
            if failed and failed.verdict == "absent" and not knob.vanishing:
                failed = Outcome(knob.name, place, None, target, "gone", "there is no such place")
            if failed or knob.same(kernel, before or "", target):
                outcomes.append(failed or Outcome(knob.name, place, before, target, "held"))
            elif check:
                outcomes.append(Outcome(knob.name, place, before, target, "changed"))
            else:
                outcome = _written(knob, kernel, place, before, target)
                outcomes.append(outcome)
                if knob.vanishing and outcome.verdict in _KNOWN:
                    # The recorded place is gone, and the new one of this name cannot be set.
                    del baseline[place]
        if not check:
            store.tuned.pop(knob.name, None)
    return outcomes


def compare(kernel: Kernel, knobs: Sequence[Knob], store: Store) -> list[Outcome]:
    """The places that differ from the baseline: none after a complete restore."""
    return [
        Outcome(each.knob, each.place, each.before, each.wanted, "drifted", "not as recorded")
        if each.verdict == "changed"
        else each
        for each in restore(kernel, knobs, store, check=True)
    ]


def records(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Outcomes as JSON objects."""
    return [asdict(outcome) for outcome in outcomes]


def _places(kernel: Kernel, wanted: Mapping[Knob, Any]) -> Iterator[tuple[Knob, str, str]]:
    """Every place with its wanted value; a knob lists its places only at its turn."""
    for knob, value in wanted.items():
        for place, target in knob.targets(kernel, value).items():
            yield knob, place, target


def _nowhere(kernel: Kernel, wanted: Mapping[Knob, Any]) -> list[Outcome]:
    """The knobs without any place on this host."""
    return [
        Outcome(knob.name, "", None, None, "absent", "this host has none")
        for knob, value in wanted.items()
        if not knob.targets(kernel, value)
    ]


def _shown(knob: Knob, kernel: Kernel, place: str) -> tuple[str | None, Outcome | None]:
    """The value of a place, or the outcome that says why it cannot be read."""
    try:
        return knob.show(kernel, place), None
    except FileNotFoundError:
        return None, Outcome(knob.name, place, None, None, "absent", "this host has none")
    except NotTunable as problem:
        return None, Outcome(knob.name, place, None, None, "not tunable here", str(problem))
    except OSError as problem:
        return None, _failed(knob, place, None, None, problem)


def _written(knob: Knob, kernel: Kernel, place: str, before: str | None, target: str) -> Outcome:
    """Write a place, read it back, and return the outcome of what it then shows."""
    try:
        knob.write(kernel, place, target)
        after = knob.show(kernel, place)
    except NotTunable as problem:
        return Outcome(knob.name, place, before, target, "not tunable here", str(problem))
    except NotTaken as problem:
        return Outcome(knob.name, place, before, target, "refused", str(problem))
    except OSError as problem:
        return _failed(knob, place, before, target, problem)
    if not knob.same(kernel, after, target):
        return Outcome(knob.name, place, before, target, "refused", f"it still shows {after}")
    return Outcome(knob.name, place, before, target, "changed")


def _failed(
    knob: Knob, place: str, before: str | None, target: str | None, problem: OSError
) -> Outcome:
    number = problem.errno or 0
    reason = f"{errno.errorcode.get(number, '?')}: {problem.strerror}"
    verdict: Verdict = "refused"
    if number in knob.tolerated:
        verdict = "tolerated"
    elif number in _FORBIDDEN:
        verdict = "not tunable here"
    return Outcome(knob.name, place, before, target, verdict, reason)
