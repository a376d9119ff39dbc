"""A real bundle for the tests of the report: a null arm, two loads, an explanation.

``recorded.tar.zst`` was made on a 2-core machine by

    ormlab run tests/report/recorded.yaml --bundles OUT
    rm -r OUT/<id>/derived
    ormlab archive pack OUT/<id> tests/report/recorded.tar.zst

Larger bundles repeat its blocks: `repeated` gives them new names and seals them again.
"""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from analysis.claims import Ledger
from analysis.report import Material
from bundle.codec import encode
from bundle.format import BundleRecord, TrialCounts, TrialRecord
from bundle.format import Plan as PlanRecord
from bundle.read import Bundle
from bundle.unpack import unpack
from bundle.write import BundleWriter
from ormlab import plan
from ormlab.judging.judge import Derived
from ormlab.judging.ledger import LedgerFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle.read import Trial
    from ormlab.plan.schedule import Planned

ARCHIVE = Path(__file__).parent / "recorded.tar.zst"
LEDGER = Path(__file__).parent / "ledger.yaml"


def make(parent: Path) -> Path:
    """Unpack the recorded bundle."""
    return unpack(ARCHIVE, parent)


def ledger() -> LedgerFile:
    """Claims of every kind of verdict about it; its plan is none that the lab ships."""
    data = LEDGER.read_bytes()
    return LedgerFile(LEDGER, data, Ledger.model_validate(yaml.safe_load(data)))


def repeated(source: Path, parent: Path, *, blocks: int) -> Path:
    """Seal a bundle of so many blocks; each takes the next trials that the source completed."""
    bundle = Bundle.open(source)
    written = yaml.safe_load((source / "inputs/plan.yaml").read_bytes())["plan"]
    ends = {written["explanation"]["from"], written["explanation"]["to"]}
    written["subjects"] = {name: written["subjects"][name] for name in sorted(ends)}
    resolved = plan.resolve(plan.Plan.model_validate(written | {"blocks": blocks}))
    created = bundle.record.created
    with BundleWriter.create(parent, plan_sha256=resolved.sha256, created=created) as writer:
        for file in _surroundings(source):
            writer.add(str(file.relative_to(source)), file)
        writer.add("inputs/plan.yaml", resolved.document)
        completed: dict[tuple[str, str, str], list[Trial]] = {}
        for trial in bundle.trials:
            if trial.record.failure is None:
                completed.setdefault(_place(trial.record), []).append(trial)
        for planned in resolved.trials:
            recorded = completed[_place(planned)]
            with writer.trial(planned.id) as folder:
                _copy(recorded[planned.block % len(recorded)], planned, folder)
        count = len(resolved.trials)
        stated = {name: getattr(bundle.record, name) for name in bundle.record.__struct_fields__}
        stated |= {
            "id": writer.id,
            "plan": PlanRecord(sha256=resolved.sha256, name=resolved.plan.name),
            "trials": TrialCounts(planned=count, completed=count, failed=0, skipped=0),
        }
        return writer.seal(BundleRecord(**stated))


def _surroundings(source: Path) -> Iterator[Path]:
    for folder in ("inputs", "host", "services"):
        for file in sorted((source / folder).rglob("*")):
            if file.is_file() and file.name != "plan.yaml":
                yield file


def _place(trial: TrialRecord | Planned) -> tuple[str, str, str]:
    return trial.subject, trial.workload, trial.load


def _copy(trial: Trial, planned: Planned, folder: Path) -> None:
    shutil.copytree(trial.path, folder, dirs_exist_ok=True)
    stated = {name: getattr(trial.record, name) for name in trial.record.__struct_fields__}
    pause = timedelta(seconds=10)
    started = trial.record.started.replace(hour=0, minute=0) + planned.index * pause
    stated |= {
        "id": planned.id,
        "index": planned.index,
        "block": planned.block,
        "started": started,
        "ended": started + (trial.record.ended - trial.record.started),
    }
    (folder / "trial.json").write_bytes(encode(TrialRecord(**stated)))


def material(bundle: Path) -> Material:
    """What the report of a judged bundle is made of."""
    derived = Derived.read(bundle)
    found = (derived.results, derived.explanation, derived.verdicts)
    return Material.read(Bundle.open(bundle), *found)
