"""Every finding of a verification by its stable code; no other place defines a code.

`bundle.verify` checks the levels L0 and L1, `ormlab.verify` L2 to L4, because those may use the
analysis.

Tests compare the tables in docs/bundle-format.md and docs/verification.md with them, and break a
bundle for every code. A code never changes its meaning, and a code that is no longer used is not
used again.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

type Level = Literal["L0", "L1", "L2", "L3", "L4"]

LEVELS: Final[tuple[Level, ...]] = ("L0", "L1", "L2", "L3", "L4")
FILE_LEVELS: Final[tuple[Level, ...]] = LEVELS[:2]
"""The levels that need nothing but the files and their digests."""

MEANINGS: Final[dict[Level, str]] = {
    "L0": "it is sealed: record and list of files are those of the seal",
    "L1": "its files are exactly those that were sealed, byte for byte",
    "L2": "its files agree with each other: schemas, plan, counts, times, samples and tables",
    "L3": "its results follow from its files: the analysis was run again",
    "L4": "its seal stands in a chained index, or is signed by someone you named",
}
LIMIT: Final = "a maker who invents samples is stopped only by running it again"


class Code(NamedTuple):
    """One kind of finding: at which level, what it says, and what to do.

    A doubt does not stand against its level, unless the caller is strict.
    """

    level: Level
    message: str
    hint: str
    is_doubt: bool = False


_RUN = "it is the record of a run that has not ended: resume the run, or look without a seal"
_AGAIN = "fetch the bundle again from where it came; if it is the same there, do not rely on it"
_ODD = "a bundle holds regular files only: remove it if it was put there, else fetch again"
_JUDGE = "judge the bundle again: derived/ is made from the rest and may always be replaced"
_MAKER = "ask the maker: whole files that contradict each other were made so before the seal"
_PLAN = "compare inputs/plan.yaml with the plan that was published"
_OLD = "verify it with the version that made it; bundle.json and DERIVED.sha256 name it"
_INDEX = "compare the index with a copy kept elsewhere: from this line on nothing is anchored"
_SIGNER = "check the file of allowed signers; docs/verification.md shows its form"

CODES: Final[dict[str, Code]] = {
    "not-a-bundle": Code("L0", "this is not a folder", "name the folder that holds SEAL.json"),
    "seal-missing": Code(
        "L0",
        "there is no SEAL.json",
        "name the folder of a bundle; if it is one, its run has not ended: resume the run, or look "
        "without a seal",
    ),
    "seal-unfinished": Code("L0", "the folder still has the name of an unsealed run", _RUN),
    "seal-malformed": Code("L0", "SEAL.json cannot be read as a seal", _AGAIN),
    "seal-disagrees": Code("L0", "SEAL.json and bundle.json differ in time or tool", _AGAIN),
    "record-missing": Code("L0", "there is no bundle.json", _AGAIN),
    "record-malformed": Code("L0", "bundle.json cannot be read as a record", _AGAIN),
    "record-changed": Code("L0", "bundle.json is not the one that was sealed", _AGAIN),
    "manifest-missing": Code("L0", "there is no MANIFEST.sha256", _AGAIN),
    "manifest-unreadable": Code("L0", "MANIFEST.sha256 cannot be read", _AGAIN),
    "manifest-changed": Code("L0", "MANIFEST.sha256 is not the one that was sealed", _AGAIN),
    "manifest-malformed": Code("L1", "a line of MANIFEST.sha256 is malformed", _AGAIN),
    "manifest-escapes": Code("L1", "MANIFEST.sha256 names a path outside the bundle", _AGAIN),
    "manifest-reserved": Code("L1", "MANIFEST.sha256 lists what it cannot list", _AGAIN),
    "manifest-unsorted": Code("L1", "MANIFEST.sha256 is not sorted", _AGAIN),
    "manifest-duplicate": Code("L1", "MANIFEST.sha256 lists a file twice", _AGAIN),
    "file-missing": Code("L1", "the manifest lists a file that is not there", _AGAIN),
    "file-extra": Code("L1", "there is a file that the manifest does not list", _ODD),
    "file-changed": Code("L1", "the file's digest differs from the manifest", _AGAIN),
    "file-unreadable": Code("L1", "this cannot be read", "check the disk, permissions and length"),
    "file-symlink": Code("L1", "this is a symbolic link", _ODD),
    "file-special": Code("L1", "this is a device, fifo or socket", _ODD),
    "folder-empty": Code("L1", "this folder is empty, which no manifest can say", _ODD),
    "case-collision": Code("L1", "two names differ only in case", _ODD),
    "derived-unlisted": Code("L1", "derived/ has no DERIVED.sha256", _JUDGE),
    "derived-malformed": Code("L1", "DERIVED.sha256 is malformed", _JUDGE),
    "derived-foreign": Code("L1", "derived/ was made from another seal", _JUDGE),
    "derived-missing": Code("L1", "DERIVED.sha256 lists a file that is not there", _JUDGE),
    "derived-extra": Code("L1", "there is a file that DERIVED.sha256 does not list", _JUDGE),
    "derived-changed": Code("L1", "the file's digest differs from DERIVED.sha256", _JUDGE),
    "document-missing": Code("L2", "a bundle of this kind has this file", _MAKER),
    "document-malformed": Code("L2", "this cannot be read", _MAKER),
    "document-invalid": Code("L2", "this does not fit its schema", _MAKER),
    "document-undescribed": Code(
        "L2", "no schema describes this", "read it with care", is_doubt=True
    ),
    "file-undescribed": Code(
        "L2", "the format has no place for this file", "do not rely on it", is_doubt=True
    ),
    "lock-malformed": Code(
        "L2", "the lock holds more than pinned packages and their hashes", _MAKER
    ),
    "plan-digest": Code("L2", "the plan is not the one that bundle.json names", _PLAN),
    "host-fingerprint": Code("L2", "the host's facts do not give this fingerprint", _MAKER),
    "host-changed": Code("L2", "the host is another one after the run", _MAKER),
    "ledger-digest": Code("L2", "the ledger is not the one that bundle.json names", _MAKER),
    "ledger-newer": Code("L2", "the ledger is newer than the run that tests it", _MAKER),
    "trial-name": Code("L2", "the trial's envelope names another trial", _MAKER),
    "trial-unplanned": Code("L2", "the plan has no such trial", _PLAN),
    "trial-missing": Code("L2", "a planned trial is neither here nor declared missing", _MAKER),
    "trial-counts": Code("L2", "bundle.json counts other trials than there are", _MAKER),
    "trials-together": Code(
        "L2", "trials whose services were alive together do not fit together", _MAKER
    ),
    "trials-overlap": Code("L2", "the trial begins before the one before it ended", _MAKER),
    "trials-order": Code("L2", "the trials were not carried out in the planned order", _PLAN),
    "interruption-counts": Code(
        "L2", "the trials contradict what is said of interruptions", _MAKER
    ),
    "trial-outside-run": Code("L2", "the trial lies outside the time of the run", _MAKER),
    "table-damaged": Code("L2", "the table cannot be read, or a page's checksum is wrong", _MAKER),
    "table-rows": Code("L2", "the table has another number of rows than was declared", _MAKER),
    "log-damaged": Code("L2", "the compressed file cannot be read", _MAKER),
    "secret-found": Code("L2", "this looks like a secret", "treat it as known; warn the maker"),
    "generator-unreadable": Code("L2", "what the generator left cannot be read", _MAKER),
    "generator-mismatch": Code("L2", "two files of one trial's generator disagree", _MAKER),
    "samples-mismatch": Code("L2", "the samples do not give what the generator said", _MAKER),
    "trial-status": Code("L2", "the trial counts as completed, but its requests failed", _MAKER),
    "littles-law": Code("L2", "more waiting than the connections could do", _MAKER),
    "littles-law-low": Code(
        "L2", "connections were idle", "a busy generator does that; see the doubts", is_doubt=True
    ),
    "results-missing": Code("L3", "there are no results to compare with", "`ormlab judge` it"),
    "results-underivable": Code("L3", "this version cannot derive results from it", _OLD),
    "results-older": Code(
        "L3", "its verdicts come from an older rule", "`ormlab judge` computes them anew"
    ),
    "results-differ": Code("L3", "the files give another result", _JUDGE),
    "results-rounded": Code(
        "L3", "the same to 6 digits, by another analysis lock", "judge it again", is_doubt=True
    ),
    "plan-underivable": Code("L3", "this version cannot resolve its plan", _OLD),
    "plan-differs": Code("L3", "the plan's seed gives another order of trials", _PLAN),
    "index-unreadable": Code("L4", "the index cannot be read", "name the file index.jsonl"),
    "index-broken": Code("L4", "the line does not continue the index's chain", _INDEX),
    "anchor-missing": Code(
        "L4", "neither an index nor a signature anchors the seal", "name --index or a signer's key"
    ),
    "anchor-differs": Code("L4", "the index has another seal for this bundle", _AGAIN),
    "signature-refused": Code("L4", "no allowed signer made this signature", _SIGNER),
    "signature-unchecked": Code("L4", "ssh-keygen is not here", "install OpenSSH's client"),
}
