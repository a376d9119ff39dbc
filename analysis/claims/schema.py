"""The JSON Schema of ledgers, for editors: ``python -m analysis.claims.schema`` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path

from analysis.claims.ledger import SCHEMA, Ledger

FILE = Path(__file__).with_name("claims-ledger-1.schema.json")


def text() -> str:
    """The schema as one JSON document."""
    schema = Ledger.model_json_schema()
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect, "$id": SCHEMA, **schema}, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
