"""The sealed record of a run: its format, writing, sealing, verifying and packing.

    write    BundleWriter                    a run's files, trial by trial, then the seal
    resume   UnsealedRun                     one whose process was ended, taken up again
    read     Bundle                          its record and its trials
    verify   verify, require                 what still holds, and every problem
    derive   write_derived                   what was computed from a sealed bundle
    carry    pack, unpack                    one file, and back
    anchor   index                           the hash-chained list of seals

It imports nothing else of the project, so a bundle can be read and verified with this alone. The
format for a stranger is in docs/bundle-format.md.
"""

from ormlab.bundle import index
from ormlab.bundle.codec import decode, encode
from ormlab.bundle.codes import CODES, LEVELS, Level
from ormlab.bundle.derived import write_derived
from ormlab.bundle.errors import BundleError
from ormlab.bundle.findings import Problem, Verification
from ormlab.bundle.format import (
    BundleRecord,
    Failure,
    IndexLine,
    Interruption,
    Omission,
    Plan,
    Provenance,
    Redaction,
    Tool,
    TrialCounts,
    TrialRecord,
)
from ormlab.bundle.pack import pack
from ormlab.bundle.read import Bundle, Trial
from ormlab.bundle.unpack import Limits, unpack
from ormlab.bundle.unsealed import UnsealedRun
from ormlab.bundle.verify import require, verify
from ormlab.bundle.write import BundleWriter

__all__ = [
    "CODES",
    "LEVELS",
    "Bundle",
    "BundleError",
    "BundleRecord",
    "BundleWriter",
    "Failure",
    "IndexLine",
    "Interruption",
    "Level",
    "Limits",
    "Omission",
    "Plan",
    "Problem",
    "Provenance",
    "Redaction",
    "Tool",
    "Trial",
    "TrialCounts",
    "TrialRecord",
    "UnsealedRun",
    "Verification",
    "decode",
    "encode",
    "index",
    "pack",
    "require",
    "unpack",
    "verify",
    "write_derived",
]
