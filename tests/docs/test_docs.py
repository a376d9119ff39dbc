from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import yaml

from docs import roles, sample
from docs.generate import DOCS, pages
from ormlab.base import errors
from ormlab.cli import group
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


def test_the_readme_explains_words_that_its_sample_has():
    readme = (CHECKOUT / "README.md").read_text()
    sample = " ".join(readme.partition("<!-- demo -->")[2].partition("<!-- /demo -->")[0].split())
    explained = re.findall(r"^\| \*(.+?)\* \|", readme, re.MULTILINE)
    assert explained
    for words in explained:
        assert words in sample


def test_the_pictures_of_the_readme_are_small_and_described():
    readme = (CHECKOUT / "README.md").read_text()
    pictures = re.findall(r"!\[([^]]+)\]\(([^)]+)\)", readme)
    assert {path for _, path in pictures} == {"docs/report.png", "docs/finding.svg"}
    for description, path in pictures:
        assert len(description) > 50
        assert (CHECKOUT / path).stat().st_size < 150_000


def test_a_sample_is_rendered_the_same_whatever_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    readme = (CHECKOUT / "README.md").read_text()
    assert sample.filled(readme) == readme
    assert os.environ["COLUMNS"] == "40"


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
