"""The stable codes of a ledger's problems, each with what to do next."""

from __future__ import annotations

CODES: dict[str, str] = {
    "ledger-missing": "name a file, or one of the ledgers that the lab ships",
    "ledger-invalid": "the format is described in docs/claims.md",
    "key-twice": "give each entry a name of its own",
    "duplicate-id": "claims and checks share one set of names: rename one of the two",
    "source-unknown": "add the source, or name one that is there",
    "copy-missing": "give the sha256 of your copy, or say in `note` what stands in for one",
    "subject-unknown": "add the subject, or name one that is there",
    "conditions-unknown": "add the set of conditions, or name one that is there",
    "claim-unknown": "name a claim that is there",
    "metric-unknown": "name a metric of the registry: `ormlab claims metrics` lists them",
    "reading-unknown": "name a reading of the registry: `ormlab claims metrics` lists them",
    "plan-unknown": "name a plan of the lab's or of plans/ beside the ledger, or say not_run",
    "plan-part-unknown": "name a subject, workload and load that the plan has",
    "entailment-cycle": "let one of these claims stand on its own",
    "test-missing": "give exactly one of test, untestable and not_run",
    "tolerance-missing": "say how far off still counts as the same number, and why",
    "tolerance-without-reason": "say why so much: it is fixed before any run",
    "absolute-anywhere": "sizes do not carry over: say same-class or same-fingerprint",
    "condition-value": "an unknown condition has no value, every other has one",
    "condition-reason": "say in `note` why it may be assumed, or accepted in its place",
    "material-unread": "name a reading, or do not call it material",
    "input-unknown": "name a claim with a value, a condition as set/leaf, or give a number",
    "precision-missing": "give the size of the last digit that is printed: 0.1 for 8.2",
    "convicts-stranger": "only a claim that the check computes with can be convicted by it",
}
