"""What the files of a bundle say: one type a document.

    plan      inputs/plan.yaml
    host      host/*.json, inputs/source.json, inputs/rerun.json
    services  services/<subject>/*.json
    readings  the readings of trials/<trial>/trial.json

The envelopes that hold a bundle together (bundle.json, SEAL.json, trial.json, ...) are in
``bundle.format``. Every type refuses keys that it does not know; JSON Schemas are made from it.

``bundle.typed`` reads them. It is no part of this package because the agent writes these documents
on hosts that have neither pyarrow nor pydantic, and only ``plan`` needs the latter.
"""
