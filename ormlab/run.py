"""``ormlab run``: resolve, deploy, check, measure, seal, judge."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from analysis import gates
from ormlab import checkout, judge
from ormlab.bundle import index
from ormlab.bundle.codec import encode
from ormlab.bundle.format import (
    BundleRecord,
    Failure,
    Omission,
    Tool,
    TrialCounts,
    TrialRecord,
)
from ormlab.bundle.format import Plan as PlanReference
from ormlab.bundle.write import BundleWriter
from ormlab.errors import Interrupted, LabError, LoadError, UsageError
from ormlab.hosts import Host, connected
from ormlab.interruption import Interruption
from ormlab.measure import keep, readiness, record
from ormlab.measure.session import Fetched, Session
from ormlab.plan import Plan, Planned, ResolvedPlan, resolve
from ormlab.plan.schema import WrkLoad
from ormlab.progress import Progress, TrialNews

if TYPE_CHECKING:
    from analysis.figures import Figures
    from ormlab.inventory import HostSpec, Inventory

_MOST_REPEATED = 0.1  # of the planned trials


@dataclass(frozen=True)
class Request:
    """What a run is asked for.

    Attributes:
        plan: what to do.
        inventory: where.
        bundles: folder that takes the bundle.
        omit_missing_generators: leave out loads whose generator the host lacks, instead of
            refusing to start.
    """

    plan: Plan
    inventory: Inventory
    bundles: Path
    omit_missing_generators: bool = False


def run(request: Request, progress: Progress) -> Path:
    """Carry out a plan and return the folder of the sealed and judged bundle.

    Raises:
        UsageError: plan and inventory do not fit.
        ProvisioningError: a host could not be reached or set up.
        LoadError: the run could not be set up.
        Interrupted: Ctrl-C or SIGTERM; what was measured is sealed as aborted.
    """
    spec = _only_host(request.inventory)
    checkout.STATE.mkdir(exist_ok=True)
    with (
        connected([spec]) as hosts,
        tempfile.TemporaryDirectory(dir=checkout.STATE, prefix="run-") as scratch,
        Interruption() as interruption,
    ):
        host = hosts[spec.name]
        resolved = resolve(request.plan, omitted_loads=_omitted_loads(host, request, progress))
        created = datetime.now(UTC).replace(microsecond=0)
        writer = BundleWriter.create(request.bundles, plan_sha256=resolved.sha256, created=created)
        session = Session(
            host, resolved, run_id=writer.id, scratch=Path(scratch), check=interruption.check
        )
        with writer:
            return _Run(session, resolved, writer, progress, local=spec.local).carry_out()


class _Run:
    def __init__(
        self,
        session: Session,
        resolved: ResolvedPlan,
        writer: BundleWriter,
        progress: Progress,
        *,
        local: bool,
    ) -> None:
        self._resolved = resolved
        self._writer = writer
        self._progress = progress
        self._local = local
        self._session = session
        self._statuses: list[str] = []
        self._carried_out: set[int] = set()
        self._unusable: dict[str, str] = {}
        self._fingerprint: str | None = None

    def carry_out(self) -> Path:
        """Measure, and seal whichever way it ends; a run without a trial leaves nothing."""
        try:
            with self._session:
                self._prepare()
                self._check()
                self._diagnose()
                self._find_floors()
                self._measure()
                self._add(record.host_after(self._session))
        except KeyboardInterrupt:
            raise Interrupted(
                "interrupted",
                f"the run was interrupted after {len(self._statuses)} trials",
                where=str(self._abort() or ""),
                hint="what was measured is sealed as aborted; `ormlab judge` shows what it holds",
            ) from None
        except LabError as problem:
            sealed = self._abort()
            problem.hint += f"; what was measured is in {sealed}" if sealed else ""
            raise
        return self._seal("partial" if self._skipped else "complete")

    def _abort(self) -> Path | None:
        if self._statuses:
            return self._seal("aborted")
        self._writer.close()
        shutil.rmtree(self._writer.folder)
        return None

    @property
    def _planned(self) -> int:
        return len(self._resolved.trials)

    @property
    def _skipped(self) -> int:
        return self._planned - len(self._carried_out)

    def _prepare(self) -> None:
        session, tell = self._session, self._progress.stage
        tell("deploying the code and the agent")
        session.prepare()
        profile = self._resolved.plan.profile
        if weak := readiness.require(session.readings, profile, where=session.host_name):
            self._progress.warn(weak)
        if self._local:
            # The orchestrator keeps off the measured CPUs, like everything else that is not.
            os.sched_setaffinity(0, session.facts["placement"]["housekeeping"])
        self._fingerprint = record.fingerprint(session.facts)
        tell("making the stacks' environments")
        session.build_stacks()
        tell("starting PostgreSQL 16")
        session.start_database()
        size = self._resolved.plan.dataset
        tell(f"dataset: {size.users:,} users, {size.orders:,} orders, {size.payload_bytes} bytes")
        session.seed()
        self._add(record.inputs(self._resolved))
        self._add(record.host_before(session))
        self._context = gates.Context.read(self._writer.folder)

    def _check(self) -> None:
        """Find the subjects that cannot run; they are declared omitted.

        One that breaks the contract can: it is measured, and its comparisons are invalid.
        """
        for name, subject in self._resolved.subjects.items():
            outcome = self._session.stacks[subject.stack]
            self._add(record.stack(name, outcome))
            if not outcome["ok"]:
                self._omit(name, f"stack {subject.stack} failed: {_reason(outcome)}")
                continue
            self._progress.stage(f"contract: {name}")
            checked = self._session.check(name)
            self._add(record.contract(name, checked))
            broken = record.broken_contract(checked)
            if broken and not record.contract_ran(checked):
                self._omit(name, broken)
            elif broken:
                self._progress.warn(f"{name}: {broken}; comparisons with it are invalid")
        self._require_subjects()

    def _diagnose(self) -> None:
        """Collect what every subject answers and what that costs the database."""
        with self._session.statement_log():
            for name in [n for n in self._resolved.subjects if n not in self._unusable]:
                self._progress.stage(f"SQL and answers: {name}")
                diagnosed = self._session.diagnose(name)
                self._add(record.work(name, diagnosed))
                if reason := record.unanswered(diagnosed):
                    self._omit(name, reason)
        self._add(record.silence(self._session))
        self._require_subjects()

    def _find_floors(self) -> None:
        """Find out what each load's generator reaches when nothing holds it back."""
        for load in self._resolved.plan.loads:
            if load not in self._resolved.omitted_loads:
                self._progress.stage(f"generator by itself: {load}")
                if driven := self._session.floor(load):
                    self._add(record.floor(load, driven))

    def _require_subjects(self) -> None:
        if len(self._unusable) == len(self._resolved.subjects):
            raise LoadError(
                "no-subject",
                "no subject of the plan can run: " + "; ".join(self._unusable.values()),
                where=self._resolved.plan.name,
                hint="see docs/stacks.md, and `ormlab run --json` for every outcome",
            )

    def _omit(self, subject: str, reason: str) -> None:
        self._unusable[subject] = reason
        self._progress.warn(f"{subject} is left out: {reason}")

    def _measure(self) -> None:
        """Carry out block after block; what failed is repeated at the end of its block, once."""
        trials = [t for t in self._resolved.trials if t.subject not in self._unusable]
        self._started = time.monotonic()
        self._left = len(trials)
        for _, block in groupby(trials, key=lambda trial: trial.block):
            failed = [trial for trial in block if not self._measure_one(trial)]
            for trial in failed:
                # With more than these the run is invalid; they would only take time.
                repeats = len(self._statuses) - len(self._carried_out)
                if repeats < _MOST_REPEATED * self._planned:
                    self._left += 1
                    self._measure_one(trial.again())

    def _measure_one(self, trial: Planned) -> bool:
        figures, status = self._trial(trial)
        self._left -= 1
        each_s = (time.monotonic() - self._started) / len(self._statuses)
        eta_s = each_s * self._left
        self._progress.trial(TrialNews(trial, self._planned, figures, status, eta_s))
        if self._session.revive_database():
            self._progress.warn("PostgreSQL had ended and was started again")
        return status == "ok"

    def _trial(self, trial: Planned) -> tuple[Figures | None, str]:
        fetched = self._session.carry_out(trial)
        with self._writer.trial(trial.id) as folder:
            figures, failure = self._keep_and_judge(trial, fetched, folder)
            status: Literal["completed", "failed"] = "failed" if failure else "completed"
            envelope = TrialRecord(
                id=trial.id,
                index=trial.index,
                block=trial.block,
                subject=trial.subject,
                workload=trial.workload,
                load=trial.load,
                status=status,
                failure=failure,
                started=datetime.fromisoformat(fetched.done.started),
                ended=datetime.fromisoformat(fetched.done.ended),
                readings=fetched.done.observed,
            )
            (folder / "trial.json").write_bytes(encode(envelope))
        self._statuses.append(status)
        self._carried_out.add(trial.index)
        return figures, failure.code if failure else "ok"

    def _keep_and_judge(
        self, trial: Planned, fetched: Fetched, folder: Path
    ) -> tuple[Figures | None, Failure | None]:
        """The trial's figures, and why it failed if it did: the agent's word first."""
        told = fetched.done.failure
        evidence = gates.TrialEvidence(
            folder=folder,
            observed=fetched.done.observed,
            subject=trial.subject,
            workload=trial.workload,
            load=trial.load,
            context=self._context,
        )
        try:
            keep.keep(fetched.folder, folder)
            failed = None if told else gates.first_failure(evidence)
        except (FileNotFoundError, ValueError, KeyError) as problem:
            what = f"what the generator left cannot be read: {problem!r}"
            hint = "what could be kept of it is in the bundle"
            failure = Failure(code="unreadable", what=what, where=folder.name, hint=hint)
            return None, Failure(**told) if told else failure
        if told:
            return None, Failure(**told)
        if failed is None:
            return evidence.figures, None
        hint = "its files and the service's log stay in the bundle; docs/gates.md says why it fails"
        code, what = failed.gate.code, failed.sentence
        return evidence.figures, Failure(code=code, what=what, where=folder.name, hint=hint)

    def _add(self, files: dict[str, bytes]) -> None:
        for path, data in files.items():
            self._writer.add(path, data)

    def _seal(self, status: Literal["complete", "partial", "aborted"]) -> Path:
        self._progress.stage("sealing and judging")
        commit, dirty = checkout.commit()
        plan = self._resolved.plan
        omitted = [
            Omission(path=f"trials/*-{subject}-{workload}-*", reason=reason)
            for subject, reason in self._unusable.items()
            for workload in plan.workloads
        ]
        omitted += [
            Omission(path=f"trials/*-{load}-*", reason=reason)
            for load, reason in self._resolved.omitted_loads.items()
        ]
        lines = index.read(self._writer.folder.parent)
        bundle = self._writer.seal(
            BundleRecord(
                id=self._writer.id,
                status=status,
                tool=Tool(version=record.VERSION, commit=commit, dirty=dirty),
                plan=PlanReference(name=plan.name, sha256=self._resolved.sha256),
                ledger=None,
                host=self._fingerprint,
                trials=TrialCounts(
                    planned=self._planned,
                    completed=self._statuses.count("completed"),
                    failed=self._statuses.count("failed"),
                    skipped=self._skipped,
                ),
                omitted=tuple(omitted),
                redactions=record.REDACTIONS,
                previous=lines[-1].seal if lines else None,
                created=self._writer.created,
                sealed=datetime.now(UTC),
            )
        )
        judge.judge(bundle)
        return bundle


def _reason(outcome: dict[str, Any]) -> str:
    return "; ".join(
        f"{failure['package']} {failure['version']}: {failure['reason']}"
        for failure in outcome["failures"]
    )


def _only_host(inventory: Inventory) -> HostSpec:
    if len(inventory.hosts) > 1:
        names = ", ".join(host.name for host in inventory.hosts)
        raise UsageError(
            "hosts-apart",
            f"this release measures with app, db and load on one host, not on {names}",
            where="inventory",
            hint="put one host into all three groups",
        )
    return inventory.app


def _omitted_loads(host: Host, request: Request, progress: Progress) -> dict[str, str]:
    """Loads that need wrk where there is none: omitted if the user said so, else refused."""
    needing = [name for name, load in request.plan.loads.items() if isinstance(load, WrkLoad)]
    if not needing or host.try_run("sh", "-c", "command -v wrk"):
        return {}
    if not request.omit_missing_generators:
        raise LoadError(
            "generator-missing",
            f"wrk is not installed on {host.spec.name}, and the loads {needing} need it",
            where=host.spec.name,
            hint="`make wrk` installs it; --omit-missing-generators runs without those loads",
        )
    progress.warn("wrk is not installed: the run uses the asyncio client alone")
    return dict.fromkeys(needing, "wrk is not installed on the host")
