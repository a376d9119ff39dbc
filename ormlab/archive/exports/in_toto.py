"""An in-toto attestation: a Statement v1 over the seal, with the predicate test-result/v0.1.

The tests are the levels of verification up to L2, each by its name, and the trials:

    passed   a level that holds; a trial that was completed
    warned   a trial that was completed and has doubts
    failed   a level that does not hold; a trial that failed

The result is the worst of them, and FAILED for a run that is not complete. It says that the run
can be relied on, and nothing of which subject was faster: that a claim is refuted is no failure.
The statement is not signed: wrap it into an envelope with the tools of in-toto or sigstore.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Literal

from analysis import catalog
from bundle import manifest, names, outside
from bundle.codes import LEVELS
from ormlab.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.codec import Json
    from bundle.codes import Level
    from bundle.read import Bundle

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"

_HIGHEST: Final[Level] = "L2"  # the levels above need more than the bundle
_CONFIGURATION: Final = "inputs/"

type Outcome = Literal["passed", "warned", "failed"]


def write(bundle: Bundle, path: Path) -> None:
    """Write the statement on a bundle."""
    path.write_text(json.dumps(statement(bundle), indent=2) + "\n")


def statement(bundle: Bundle) -> dict[str, Json]:
    """Return the statement on a bundle."""
    record = bundle.record
    outcomes = {**_levels(bundle), **_trials(bundle)}
    listed = manifest.parse(outside.bytes_of(bundle.path / names.MANIFEST))
    ends = set(outcomes.values())
    if "failed" in ends or record.status != "complete":
        result = "FAILED"
    else:
        result = "WARNED" if "warned" in ends else "PASSED"

    def those(outcome: Outcome) -> list[Json]:
        return [name for name, each in outcomes.items() if each == outcome]

    return {
        "_type": STATEMENT,
        "subject": [{"name": f"{record.id}/{names.SEAL}", "digest": {"sha256": bundle.seal}}],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": [
                {"name": path, "digest": {"sha256": digest}}
                for path, digest in listed.digests.items()
                if path.startswith(_CONFIGURATION)
            ],
            "passedTests": those("passed"),
            "warnedTests": those("warned"),
            "failedTests": those("failed"),
        },
    }


def _levels(bundle: Bundle) -> dict[str, Outcome]:
    found = verify(bundle.path, level=_HIGHEST)
    broken = {problem.level for problem in found.problems}
    doubted = {doubt.level for doubt in found.doubts}
    return {
        f"verify/{level}": "failed"
        if level in broken
        else "warned"
        if level in doubted
        else "passed"
        for level in LEVELS
        if level <= _HIGHEST
    }


def _trials(bundle: Bundle) -> dict[str, Outcome]:
    """Every trial in the order of execution; unreadable figures are a doubt as well."""
    doubts = {row["trial"]: bool(row["doubts"] or row["failure"]) for row in catalog.rows(bundle)}
    outcomes: dict[str, Outcome] = {}
    for trial in bundle.trials:
        record = trial.record
        completed: Outcome = "warned" if doubts[record.id] else "passed"
        outcomes[f"{names.TRIALS}/{record.id}"] = "failed" if record.failure else completed
    return outcomes
