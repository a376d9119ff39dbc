from __future__ import annotations

from bundle.codes import CODES, LIMIT
from tests.verify.mutations import MUTATIONS
from tests.verify.write import PAGE, page

TEXT = PAGE.read_text()


def test_the_tables_are_those_of_the_code():
    assert page(TEXT) == TEXT, "python -m tests.verify.write"


def test_every_change_and_every_code_above_the_files_stands_on_the_page():
    assert all(f"| {each.name} |" in TEXT for each in MUTATIONS)
    assert all(f"`{name}`" in TEXT for name in CODES)
    assert LIMIT in " ".join(TEXT.split())
