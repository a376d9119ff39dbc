"""Putting a ledger on trial: what sealed bundles say about its claims."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from analysis import claims
from bundle import outside
from bundle.codec import serialise

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from analysis.claims import Ledger, Run
    from bundle.read import Bundle
    from ormlab.judging.ledger import LedgerFile


def verdict_files(
    bundle: Bundle, results: Mapping[str, Any], ledger: LedgerFile
) -> dict[str, bytes]:
    """What belongs into derived/ beside the results: the verdicts, and the ledger they are on."""
    document = claims.verdicts(ledger.ledger, ledger.sha256, run_of(bundle, results, ledger.ledger))
    return {"verdicts.json": serialise(document), "ledger.yaml": ledger.data}


def overview(ledger: LedgerFile) -> dict[str, Any]:
    """What a ledger claims, and what arithmetic alone says of it."""
    written = ledger.ledger
    checks = claims.outcomes(written)
    told = []
    for name, claim in written.claims.items():
        tolerance = getattr(claim, "tolerance", None)
        own = [each for each in checks if name in each.concerns]
        convicted = any(name in each.convicts for each in own)
        told.append(
            claims.describe(name, claim)
            | {
                "arithmetic": "incoherent" if convicted else "in doubt" if own else "",
                "portability": getattr(claim, "portability", None),
                "tolerance": tolerance and f"{tolerance.relative:.1%}: {tolerance.reason}",
                "untestable": claim.untestable,
                "not_run": claim.not_run,
                "cost": getattr(claim, "cost", ""),
                "note": claim.note,
                "conditions": {
                    leaf: each.model_dump(mode="json")
                    for leaf, each in written.conditions_of(claim).items()
                },
            }
        )
    count = sum(each["arithmetic"] == "incoherent" for each in told)
    doubtful = sum(each["arithmetic"] == "in doubt" for each in told)
    tested = sum(each["plan"] is not None for each in told)
    return {
        "ledger": {"name": written.name, "title": written.title, "sha256": ledger.sha256},
        "conclusion": (
            f"{len(told)} claims, {tested} with a plan that tests them; on paper {count} "
            f"incoherent, {doubtful} in doubt."
        ),
        "claims": told,
        "checks": [asdict(check) for check in checks],
    }


def registries() -> dict[str, list[dict[str, Any]]]:
    """The metrics and the readings of conditions that a ledger may name."""
    return {
        "metrics": [
            {
                "name": each.name,
                "unit": each.unit,
                "better": each.better,
                "estimator": each.estimator,
            }
            for each in claims.CLAIM_METRICS.values()
        ],
        "readings": [
            {"name": each.name, "scope": each.scope, "what": each.what}
            for each in claims.READINGS.values()
        ],
    }


def store(document: Mapping[str, Any], folder: Path) -> Path:
    """Write a judgement under a name made of what it rests on, so that none is overwritten.

    Returns:
        The file; the same bundles, ledger and verdicts give the same name.
    """
    data = serialise(document)
    name = f"judgement-{document['ledger']['name']}-{hashlib.sha256(data).hexdigest()[:8]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path, partial = folder / name, folder / f".{name}.partial"
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return path


def run_of(bundle: Bundle, results: Mapping[str, Any], ledger: Ledger) -> Run:
    """What a verified bundle brings to the claims of a ledger."""
    resolved = outside.plan_of(bundle.path)
    facts = outside.json_of(bundle.path / "host/facts.before.json")
    name = resolved["plan"]["name"]
    wanted = {
        place
        for claim in ledger.claims.values()
        for tested in (claim, *claims.variants_of(claim).values())
        if not isinstance(tested, claims.Statement) and tested.test and tested.test.plan == name
        for place in claims.places_of(tested).values()
    }
    return claims.collect(bundle, resolved, facts, results, wanted)
