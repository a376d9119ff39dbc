"""The files of a bundle as types: one type for each document, and ``#:`` for what a field means.

    plan          inputs/plan.yaml
    host          host/*.json, inputs/source.json, inputs/rerun.json, inputs/fleet.json
    services      services/<subject>/*.json
    readings      the readings in trials/<trial>/trial.json
    generators    what a load generator leaves of a trial
    results, explanation, verdicts
                  derived/*.json

``bundle.format`` has the records that hold a bundle together (bundle.json, SEAL.json, trial.json,
...). Every type refuses keys that it does not know. docs/documents.md and the JSON Schemas are made
from these types.

``bundle.typed`` reads the documents. It is not part of this package, because the agent writes them
on hosts that have neither pyarrow nor pydantic; only ``plan`` needs the latter.
"""
