from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml

from analysis.tables import results as tables
from bundle.documents.results import Cell
from docs import roles
from docs.generate import DOCS, pages
from ormlab.base import errors
from ormlab.cli import group
from ormlab.cli.page import Page
from tests.conftest import CHECKOUT

MADE = pages()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_generated_page_is_what_the_code_would_write(name):
    assert (DOCS / name).read_text() == MADE[name], "run `make docs`"


@pytest.mark.parametrize("role", roles.specifications())
def test_the_defaults_of_a_role_are_those_that_its_specification_names(role):
    options = roles.specifications()[role]["main"].options
    if role in options:
        text = (roles.ROLES / role / "defaults/main.yml").read_text()
        assert yaml.safe_load(text)[f"__{role}_defaults"] == named(options[role].options)


def named(options):
    """The default of each option, and of a dict those of its keys."""
    return {
        name: named(option.options) if option.type == "dict" and option.options else option.value()
        for name, option in options.items()
    }


def test_every_error_of_the_tree_is_drawn_in_it():
    kinds = [errors.LabError]
    for kind in kinds:
        kinds += [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    for kind in kinds:
        assert kind.__name__ in (errors.__doc__ or "")


PAGES = {*CHECKOUT.glob("*.md"), *CHECKOUT.glob("[a-z]*/README.md"), *DOCS.rglob("*.md")}


@pytest.mark.parametrize("page", sorted(PAGES), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_to_a_file_of_the_checkout_leads_somewhere(page):
    assert "]()" not in page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_and_command_of_the_readme_exists():
    readme = (CHECKOUT / "README.md").read_text()
    makefile = (CHECKOUT / "Makefile").read_text()
    targets = set(re.findall(r"`make ([a-z-]+)`", readme)) | set(
        re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE)
    )
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for command in set(re.findall(r"ormlab ([a-z]+)", readme)):
        assert command in group.commands, command


def test_the_sample_of_the_readme_has_the_columns_that_are_printed(monkeypatch):
    """The header lines of the tables, from a cell without figures."""
    monkeypatch.setenv("COLUMNS", "200")
    sample = (CHECKOUT / "README.md").read_text().partition("<!-- demo -->")[2]
    page = Page()
    bare = Cell(workload="w", load="l", drive={}, latency_kind="k", subjects={}, comparisons=[])
    for made in (tables.subjects, tables.comparisons):
        page.table(made(bare).without(tables.DOUBTS))
    heads = [
        _columns(line) for line in sample.splitlines() if line[:9] in {" Subject ", " Ratio   "}
    ]
    printed = [_columns(line) for line in page.text().splitlines() if line.startswith(" ")]
    assert len(heads) == 2
    assert heads == [columns for columns in printed if len(columns) > 1]


def _columns(line):
    return re.split(r" {2,}", line.strip())


def test_the_readme_quotes_the_sentence_of_its_sample():
    readme = (CHECKOUT / "README.md").read_text()
    quoted = " ".join(re.findall(r"^> (.+)$", readme, re.MULTILINE))
    sample = readme.partition("<!-- demo -->")[2].partition("```")[2].lstrip()
    assert quoted == " ".join(sample.partition("\n\n")[0].split())


def test_help_comes_without_the_heavy_imports():
    code = "import sys; from ormlab.cli import group; print([m for m in HEAVY if m in sys.modules])"
    heavy = ("pyinfra", "pyarrow", "scipy", "numpy")
    answer = subprocess.run(
        [sys.executable, "-c", code.replace("HEAVY", repr(heavy))],
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout.strip() == "[]"
