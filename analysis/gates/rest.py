"""Gates of load that switches between services: what others did while one subject was measured.

All subjects of a block are alive together. So the others must rest, and the readings of kernel and
database server that other gates judge are those of the whole block: what fails there fails for
every subject, and the block is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.gates.gate import Gate, Reading
from host.expectation import ALWAYS, HOST

if TYPE_CHECKING:
    from analysis.gates.evidence import TrialEvidence

FOREIGN_LOAD = "foreign-load"
_JUDGED = "judgement of this project"


def _restless(trial: TrialEvidence) -> Reading | None:
    share = trial.output.resting
    return Reading(*share) if share else None


def _foreign(trial: TrialEvidence) -> Reading | None:
    share = trial.output.foreign
    return Reading(*share) if share else None


GATES: tuple[Gate[TrialEvidence], ...] = (
    Gate(
        code="restless",
        what="CPU time of the service while nobody asked it, between its slices",
        unit="% of a core",
        rule=ALWAYS,
        read=_restless,
        high=2,
        why="work that is put off until nobody measures flatters the subject, and takes CPU time "
        "from the one that is measured meanwhile",
        source="CPU clocks of the service's processes at both ends of each rest. Services of this "
        "project used 0.01 %; a full garbage collection of 10 ms in each rest of 0.5 s would use "
        f"2 %. The limit is a {_JUDGED}",
    ),
    Gate(
        code=FOREIGN_LOAD,
        what="CPU time of all programs but services, database server and generator, in the slices; "
        "of several hosts, on the one with most",
        unit="% of a core",
        rule=HOST,
        read=_foreign,
        high=20,
        why="slices that follow each other meet the same foreign load, but crowded caches cost one "
        "subject more than another: a ratio that is precise and wrong",
        source="/proc/stat less the CPU clocks of those three. A load average of 13 on two cores "
        "moved a ratio from 1.75 to 2.0; the limit is the one that `ormlab doctor` has for VMs",
    ),
)
