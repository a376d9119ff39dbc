"""What gates look at: one trial, the trials of a cell, a run; all from the files of a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from analysis import figures, latency, steadiness, wrk
from analysis.wrk_text import WrkOutputError
from bundle import outside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from analysis.figures import Figures
    from analysis.gates.gate import Profile
    from analysis.latency import Bins
    from analysis.steadiness import Steadiness

_VERBS = {"create": "inserted", "update": "updated", "delete": "deleted"}


@dataclass(frozen=True)
class Context:
    """What was decided and known before the first trial.

    Attributes:
        resolved: the plan as resolved.
        facts: the host's.
        pure: by stack, the libraries that it has without their C extensions on purpose.
        bundle: the folder that all of it stands in.
    """

    resolved: Mapping[str, Any]
    facts: Mapping[str, Any]
    pure: Mapping[str, tuple[str, ...]]
    bundle: Path

    @classmethod
    def read(cls, bundle: Path) -> Context:
        """Read it from a bundle's folder, sealed or not.

        Raises:
            FileNotFoundError: the folder lacks plan, facts or stacks.
        """
        stacks = outside.toml_of(bundle / "inputs/locks/stacks.toml")["stacks"]
        return cls(
            outside.plan_of(bundle),
            outside.json_of(bundle / "host/facts.before.json"),
            {name: tuple(stack.get("pure", ())) for name, stack in stacks.items()},
            bundle,
        )

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan with every default filled in."""
        plan: Mapping[str, Any] = self.resolved["plan"]
        return plan

    @property
    def profile(self) -> Profile:
        """The plan's profile."""
        profile: Profile = self.plan["profile"]
        return profile

    @property
    def limits(self) -> Mapping[str, Mapping[str, Any]]:
        """By code, the limits of gates that the plan sets itself."""
        limits: Mapping[str, Mapping[str, Any]] = self.plan.get("gates", {})
        return limits

    @property
    def tier(self) -> str:
        """How well the host keeps CPUs apart."""
        return str(self.facts["placement"]["tier"])

    @cached_property
    def answers(self) -> dict[str, dict[str, dict[str, Any]]]:
        """By subject, what it answered in the diagnostic pass, by method and path."""
        return {
            file.parent.name: {each["request"]: each for each in outside.json_of(file)["answers"]}
            for file in self.bundle.glob("services/*/answers.json")
        }

    @cached_property
    def packages(self) -> dict[str, dict[str, str]]:
        """By subject, the versions that its stack was found to have."""
        return {
            file.parent.name: outside.json_of(file)["packages"]
            for file in self.bundle.glob("services/*/stack.json")
        }

    def declared(self, subject: str) -> Mapping[str, Any]:
        """A subject of the plan, or the one that an arm repeats."""
        name = self.resolved["arms"].get(subject, subject)
        declared: Mapping[str, Any] = self.plan["subjects"][name]
        return declared


@dataclass(frozen=True)
class Histogram:
    """What limits need of a histogram; quantiles by nearest rank, None without samples.

    Attributes:
        total: samples.
        p50_ms: the median.
        p99_ms: the 99th percentile, however few the samples are: not to be published.
    """

    total: int
    p50_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, bins: Bins) -> Self:
        """Sum up a histogram's bins."""
        if not bins:
            return cls(0, None, None)
        half, most = (latency.nearest_rank(bins, quantile) / 1000 for quantile in (0.5, 0.99))
        return cls(latency.total(bins), half, most)


@dataclass(frozen=True)
class TrialEvidence:
    """One trial that was carried out.

    Attributes:
        folder: of the trial in the bundle.
        observed: what the agent recorded.
        subject: its name.
        workload: its name.
        load: its name.
        context: of the run.
    """

    folder: Path
    observed: Mapping[str, Any]
    subject: str
    workload: str
    load: str
    context: Context

    @cached_property
    def figures(self) -> Figures:
        """What it measured."""
        return figures.read(self.folder, self.observed)

    @cached_property
    def client(self) -> Mapping[str, Any] | None:
        """What the asyncio client told; None with another generator."""
        return self._document("client.json")

    @cached_property
    def search(self) -> Mapping[str, Any] | None:
        """What a search for the capacity told; None with another generator."""
        return self._document("capacity.json")

    def _document(self, name: str) -> Mapping[str, Any] | None:
        file = self.folder / name
        told: Mapping[str, Any] | None = outside.json_of(file) if file.exists() else None
        return told

    @property
    def dump(self) -> wrk.Dump | None:
        """What wrk dumped; None with another generator, and where it left nothing readable."""
        file = self.folder / "wrk.json"
        try:
            return wrk.parse_dump(outside.bytes_of(file)) if file.exists() else None
        except WrkOutputError:
            return None

    @cached_property
    def timeouts(self) -> int | None:
        """Answers later than wrk allowed. Kept, because a dump is long to read."""
        dump = self.dump
        return dump.errors["timeout"] if dump else None

    @cached_property
    def histograms(self) -> Mapping[str, Histogram]:
        """The histograms of the asyncio client: response, service and dispatch."""
        names = self.client["histograms"] if self.client else ()
        return {name: Histogram.of(latency.read_hdr(self.folder / f"{name}.hdr")) for name in names}

    @cached_property
    def steadiness(self) -> Steadiness | None:
        """Its course over the window; None where the generator leaves none."""
        return steadiness.read(self.folder)

    @property
    def drive(self) -> Mapping[str, Any]:
        """The plan's load."""
        drive: Mapping[str, Any] = self.context.plan["loads"][self.load]
        return drive

    @property
    def declared(self) -> Mapping[str, Any]:
        """The plan's subject."""
        return self.context.declared(self.subject)

    @property
    def effects(self) -> dict[str, str]:
        """By operation of the workload that writes, the row counter it must move."""
        operations = self.context.plan["workloads"][self.workload]["operations"]
        names = [share["operation"] for share in operations]
        verbs = {name: name.partition("-")[0] for name in names}
        return {name: _VERBS[verb] for name, verb in verbs.items() if verb in _VERBS}

    @property
    def kernel(self) -> Mapping[str, Any]:
        """What the kernel counted around the window; empty where nobody looked."""
        found: Mapping[str, Any] = self.observed.get("host", {}).get("kernel", {})
        return found

    @property
    def database(self) -> Mapping[str, Any]:
        """What the database server told around the window; empty where nobody looked."""
        found: Mapping[str, Any] = self.observed.get("host", {}).get("database", {})
        return found


@dataclass(frozen=True)
class PairEvidence:
    """The trials of one comparison in one cell whose figures may be used.

    Attributes:
        baseline: of that subject.
        candidate: of that subject.
    """

    baseline: Sequence[TrialEvidence]
    candidate: Sequence[TrialEvidence]


@dataclass(frozen=True)
class Floor:
    """A load's generator against an endpoint that does no work.

    Attributes:
        driven: what it left, read as a trial's is; its subject is no subject.
        failure: why there is nothing to read; None if there is.
    """

    driven: TrialEvidence
    failure: str | None

    @classmethod
    def read_all(cls, bundle: Path, context: Context) -> dict[str, Floor]:
        """Those of a bundle, by load; none where nobody looked."""
        found = {}
        for told in sorted(bundle.glob("generators/*/floor.json")):
            load, failure = told.parent.name, outside.json_of(told)["failure"]
            driven = TrialEvidence(told.parent, {}, "", "", load, context)
            found[load] = cls(driven, failure["what"] if failure else None)
        return found

    @property
    def throughput(self) -> float | None:
        """Answers per second; None where the generator does not tell."""
        if self.driven.client is not None:
            return float(self.driven.client["throughput"])
        dump = self.driven.dump
        return 1e6 * dump.requests / dump.duration_us if dump and dump.duration_us else None


@dataclass(frozen=True)
class RunEvidence:
    """A run.

    Attributes:
        completed: trials whose figures may be used.
        failed: trials that failed, repeated or not.
        hosts: the readings of each host before the first trial; none where nobody looked.
        context: of the run.
        fastest: by load, the highest throughput of a trial whose figures may be used.
        floors: by load, what its generator did against an endpoint that does no work.
    """

    completed: int
    failed: int
    hosts: tuple[Mapping[str, Any], ...]
    context: Context
    fastest: Mapping[str, float]
    floors: Mapping[str, Floor]
