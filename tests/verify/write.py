"""Writes the tables of docs/verification.md: ``python -m tests.verify.write``."""

from __future__ import annotations

import re

from bundle.codes import CODES, LEVELS, MEANINGS
from tests.bundle import code_tables
from tests.bundle.breaking import CASES
from tests.conftest import CHECKOUT
from tests.verify.mutations import MUTATIONS

PAGE = CHECKOUT / "docs/verification.md"


def page(text):
    """Return the page with its tables made anew."""
    levels = "".join(f"| {level} | {MEANINGS[level]} |\n" for level in LEVELS)
    made = {
        "levels": "| level | what it means |\n|---|---|\n" + levels,
        "codes": code_tables.of_bundles(LEVELS[2:]),
        "files": table(
            (each.apply.__name__, min(CODES[code].level for code in each.codes), each.codes)
            for each in CASES
        ),
        "changes": table((each.name, each.level, each.codes) for each in MUTATIONS),
    }
    for name, content in made.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, c=content: m[1] + c + m[2], text, flags=re.DOTALL)
    return text


def table(changes):
    """Return a table of changes: name, level and codes of each."""
    rows = ["| change | caught at | codes |", "|---|---|---|"]
    for name, level, codes in changes:
        told = ", ".join(f"`{code}`" for code in sorted(codes))
        rows.append(f"| {name.replace('_', ' ')} | {level} | {told} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
