"""Tune, verify and restore the same places through the same knobs.

``baseline.json`` holds the value of each place before the lab first changed it. The lab writes no
place that is not in it. ``tuned.json`` holds the places that could not be tuned, with the reason,
so that a later check expects it.

The roles use this through the module lab_knobs.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .items import KNOBS
from .kernel import NotReadable, NotTaken, NotTunable

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
    """The outcome of one place of a knob."""

    knob: str
    place: str
    before: str | None  #: its previous value; None if it could not be read
    wanted: str | None
    #: held (it already had that value), changed, absent (there is no such place), not tunable here
    #: (nobody can change it on this host), tolerated (this one place cannot be changed), refused,
    #: drifted (it has another value), gone (a place of the baseline that no longer exists)
    verdict: Verdict
    reason: str = ""  #: of the verdict; empty if it needs none


class Store:
    """The records of a host: ``baseline.json`` and ``tuned.json`` in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.baseline: dict[str, dict[str, str]] = self._load("baseline", {})
        self.tuned: dict[str, dict[str, dict[str, str]]] = self._load("tuned", {})

    def _load[T](self, name: str, nothing: T) -> T:
        path = self._folder / f"{name}.json"
        knobs: T = json.loads(path.read_text())["knobs"] if path.exists() else nothing
        return knobs

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

    def known(self, drifted: Outcome) -> Outcome | None:
        """The outcome, if setting the same value failed before; None otherwise."""
        kept = self.tuned.get(drifted.knob, {}).get(drifted.place)
        if kept is None or kept["wanted"] != drifted.wanted:
            return None
        for verdict in _KNOWN:
            if verdict == kept["verdict"]:
                return replace(drifted, verdict=verdict, reason=kept["reason"])
        return None

    def save(self) -> None:
        """Write both files; they are on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._save("baseline", {"schema": BASELINE_SCHEMA, "knobs": self.baseline})
        self._save("tuned", {"schema": TUNED_SCHEMA, "knobs": self.tuned})

    def _save(self, name: str, document: Mapping[str, object]) -> None:
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


def chosen(wanted: Mapping[str, object]) -> dict[Knob, object]:
    """The knobs by name, in order, without those whose wanted value is None.

    Raises:
        KeyError: there is no knob of that name.
    """
    for name in wanted:
        if name not in KNOBS:
            raise KeyError(f"there is no knob {name}; there are {', '.join(KNOBS)}")
    return {knob: wanted[name] for name, knob in KNOBS.items() if wanted.get(name) is not None}


def tmpfiles(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines of tmpfiles.d(5) that set the same values at every boot."""
    return [
        f"w /{outcome.place} - - - - {outcome.wanted}"
        for outcome in outcomes
        if outcome.verdict in {"held", "changed"} and KNOBS[outcome.knob].kept
    ]


def record(kernel: Kernel, wanted: Mapping[Knob, object], store: Store) -> list[Outcome]:
    """Record the value of every place that ``wanted`` touches. The caller saves the store."""
    outcomes = []
    before = {knob: dict(places) for knob, places in store.baseline.items()}
    for knob, place, target in _places(kernel, wanted):
        outcome = _compared(knob, kernel, place, target)
        if outcome.before is not None:
            news = store.remember(
                knob.name, place, knob.first(kernel, place, outcome.before, before)
            )
            outcome = replace(outcome, verdict="changed" if news else "held", reason="")
        outcomes.append(outcome)
    return outcomes


def tune(
    kernel: Kernel, wanted: Mapping[Knob, object], store: Store, *, check: bool
) -> list[Outcome]:
    """Set every place that differs. With ``check`` only report what would change."""
    if not check:
        # All of them before the first change: the governor sets the energy preference as well.
        record(kernel, wanted, store)
    outcomes = _nowhere(kernel, wanted)
    for knob, value in wanted.items():
        if not check:
            record(kernel, {knob: value}, store)
            store.save()
        for place, target in knob.targets(kernel, value).items():
            outcome = _compared(knob, kernel, place, target)
            if outcome.verdict == "drifted":
                would = store.known(outcome) or replace(outcome, verdict="changed", reason="")
                outcome = would if check else _written(knob, kernel, outcome)
            outcomes.append(outcome)
            store.note(outcome)
    return outcomes


def verify(kernel: Kernel, wanted: Mapping[Knob, object], store: Store) -> list[Outcome]:
    """Compare every place with its wanted value; a place that could not be tuned stays so."""
    outcomes = _nowhere(kernel, wanted)
    for knob, place, target in _places(kernel, wanted):
        outcome = _compared(knob, kernel, place, target)
        known = store.known(outcome) if outcome.verdict == "drifted" else None
        outcomes.append(known or outcome)
    return outcomes


def restore(kernel: Kernel, knobs: Sequence[Knob], store: Store, *, check: bool) -> list[Outcome]:
    """Restore every place of these knobs to its value in the baseline.

    What came later than the last look enters the baseline first, unless with ``check``.
    """
    outcomes = []
    for knob in knobs:
        baseline = store.baseline.get(knob.name, {})
        if baseline and not check:
            baseline |= knob.late(kernel, store.baseline)
        for place, target in list(baseline.items()):
            outcome = _compared(knob, kernel, place, target)
            if outcome.verdict == "absent" and not knob.vanishing:
                gone = "there is no such place"
                outcome = replace(outcome, wanted=target, verdict="gone", reason=gone)
            elif outcome.verdict == "drifted" and check:
                outcome = replace(outcome, verdict="changed", reason="")
            elif outcome.verdict == "drifted":
                outcome = _written(knob, kernel, outcome)
                if knob.vanishing and outcome.verdict == "tolerated":
                    # The recorded place is gone, and the new one of this name cannot be set.
                    del baseline[place]
            outcomes.append(outcome)
        if not check:
            store.tuned.pop(knob.name, None)
    return outcomes


def compare(kernel: Kernel, knobs: Sequence[Knob], store: Store) -> list[Outcome]:
    """The places that differ from the baseline: none after a complete restore."""
    return [
        replace(outcome, verdict="drifted", reason="not as recorded")
        if outcome.verdict == "changed"
        else outcome
        for outcome in restore(kernel, knobs, store, check=True)
    ]


def _places(kernel: Kernel, wanted: Mapping[Knob, object]) -> Iterator[tuple[Knob, str, str]]:
    """Every place with its wanted value; a knob lists its places only at its turn."""
    for knob, value in wanted.items():
        for place, target in knob.targets(kernel, value).items():
            yield knob, place, target


def _nowhere(kernel: Kernel, wanted: Mapping[Knob, object]) -> list[Outcome]:
    """The knobs without any place on this host."""
    return [
        Outcome(knob.name, "", None, None, "absent", "this host has none")
        for knob, value in wanted.items()
        if not knob.targets(kernel, value)
    ]


def _compared(knob: Knob, kernel: Kernel, place: str, target: str) -> Outcome:
    """The outcome held or drifted of a place, or the one that says why it cannot be read."""
    try:
        before = knob.show(kernel, place)
    except FileNotFoundError:
        return Outcome(knob.name, place, None, None, "absent", "this host has none")
    except (NotReadable, NotTunable) as problem:
        return Outcome(knob.name, place, None, None, "not tunable here", str(problem))
    except NotTaken as problem:  # systemd does not answer
        return Outcome(knob.name, place, None, target, "refused", str(problem))
    except OSError as problem:
        return Outcome(knob.name, place, None, None, *_why(knob, problem))
    if knob.same(kernel, before, target):
        return Outcome(knob.name, place, before, target, "held")
    return Outcome(knob.name, place, before, target, "drifted", f"it shows {before or 'nothing'}")


def _written(knob: Knob, kernel: Kernel, drifted: Outcome) -> Outcome:
    """Write a place, read it back, and return the outcome of what it then shows."""
    target = drifted.wanted or ""
    verdict: Verdict = "changed"
    reason = ""
    try:
        knob.write(kernel, drifted.place, target)
        after = knob.show(kernel, drifted.place)
        if not knob.same(kernel, after, target):
            verdict, reason = "refused", f"it still shows {after}"
    except (NotReadable, NotTunable) as problem:
        verdict, reason = "not tunable here", str(problem)
    except NotTaken as problem:
        verdict, reason = "refused", str(problem)
    except OSError as problem:
        verdict, reason = _why(knob, problem)
        if knob.vanishing and isinstance(problem, FileNotFoundError):
            verdict, reason = "absent", "this host has none any more"
    return replace(drifted, verdict=verdict, reason=reason)


def _why(knob: Knob, problem: OSError) -> tuple[Verdict, str]:
    """What an error of the kernel means for a place."""
    number = problem.errno or 0
    reason = f"{errno.errorcode.get(number, '?')}: {problem.strerror}"
    if number in knob.tolerated:
        return "tolerated", reason
    return "not tunable here" if number in _FORBIDDEN else "refused", reason
