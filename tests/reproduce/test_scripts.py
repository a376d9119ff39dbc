"""Scripts of a ledger: their code from a reader's copy, what is due, and a run on real parts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from analysis.claims.ledger import Printed
from ormlab.base.errors import LedgerError, UsageError
from ormlab.judging.ledger import load
from ormlab.reproduce import Request, propose, scripts
from ormlab.verify import verify
from tests.conftest import CHECKOUT
from tests.reproduce.conftest import dumped
from tests.reproduce.test_reproduce import told, verdicts

CODE = ["import sys", "if True:", "print('hello', sys.argv[1:])"]
PRINTED = Printed(sha256=scripts.digest_of(CODE), indents="001")
COPY = "\n".join(["A page", "", *CODE, "And more words"])


@pytest.mark.parametrize(
    "copy",
    [
        COPY,
        COPY.replace("\n", "\r\n"),
        COPY.replace("print", "\n\n      print"),
        "\n".join(CODE),
        f"import sys\n{COPY}",
    ],
)
def test_printed_code_is_found_however_a_copy_is_spaced(copy):
    assert scripts.printed(PRINTED, copy) == (
        "import sys\nif True:\n    print('hello', sys.argv[1:])\n"
    )


@pytest.mark.parametrize(
    "copy", ["", "import sys", COPY.replace("hello", "bye"), COPY.replace("if True:\n", "")]
)
def test_other_words_are_not_the_printed_code(copy):
    assert scripts.printed(PRINTED, copy) is None


def test_a_copy_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "copy"
    path.write_bytes(b"\xff\xfe\x00")
    for wrong in (path, tmp_path / "none"):
        with pytest.raises(UsageError, match="cannot be read") as refused:
            scripts.read(wrong)
        assert refused.value.code == "copy-unreadable"


def claim(name, **script):
    return {
        "kind": "runs",
        "says": "it does what it should",
        "source": "page",
        "locator": "line 3",
        "subjects": ["asyncpg"],
        "package": "asyncpg",
        "version": "VERSION",
        "through": "script",
        "script": {"name": name} | script,
        "portability": "any",
        "test": {"plan": "stacks-of-mine"},
    }


@pytest.fixture
def ledger(write):
    """The tiny ledger with claims about programs."""
    path = write()
    made = yaml.safe_load(path.read_text())
    version = made["claims"]["runs.asyncpg"]["version"]
    code = PRINTED.model_dump()
    of_tortoise = {"program": "imports_of", "arguments": ["asyncpg", "django"]}
    made["claims"] |= {
        "runs.printed": claim("printed", printed=code, prints="hello"),
        "runs.silent": claim("silent", printed=code, prints="good day"),
        "runs.own": claim("own", **of_tortoise, prints="none of "),
    }
    path.write_text(dumped(made).replace("VERSION", version))
    return path


def test_code_that_the_copy_would_have_is_named_before_anything_runs(ledger, tmp_path):
    for copy, due, lacking in (
        (None, {"own"}, {"printed", "silent"}),
        ("another page", {"own"}, {"printed", "silent"}),
        (COPY, {"own", "printed", "silent"}, set()),
    ):
        request = Request(load(str(ledger)), tmp_path / "bundles", ("runs.*",), copy=copy)
        (step,) = propose(request).steps
        assert {each.script.name for each in step.scripts} == due
        assert set(step.lacking) == lacking
        assert step.stacks_only


@pytest.mark.parametrize(("other", "refused"), [({"arguments": ["django"]}, True), ({}, False)])
def test_two_scripts_of_one_name_are_refused_before_anything_runs(ledger, tmp_path, other, refused):
    made = yaml.safe_load(ledger.read_text())
    own = made["claims"]["runs.own"]
    made["claims"]["runs.other"] = own | {"script": own["script"] | {"prints": "no "} | other}
    ledger.write_text(dumped(made))
    request = Request(load(str(ledger)), tmp_path / "bundles", ("runs.o*",))
    if refused:
        with pytest.raises(LedgerError, match="another script is called 'own'"):
            propose(request)
    else:
        (step,) = propose(request).steps
        assert [each.script.name for each in step.scripts] == ["own"]


def test_a_program_that_the_lab_does_not_have_is_refused_before_anything_runs(ledger, tmp_path):
    ledger.write_text(ledger.read_text().replace("imports_of", "imports_if"))
    request = Request(load(str(ledger)), tmp_path / "bundles", ("runs.*",))
    with pytest.raises(LedgerError, match="no program 'imports_if'"):
        propose(request)


def test_scripts_are_run_on_their_stack_and_judged_by_what_they_wrote(start, ledger, tmp_path):
    chosen = ("--claims", "runs.*", "--json")
    whole, err = told(start(ledger, *chosen))
    assert "no code   printed, silent: give your copy of the source with --copy" in err
    due = {
        "runs.asyncpg": ["upheld"],
        "runs.printed": ["not_run"],
        "runs.silent": ["not_run"],
        "runs.own": ["upheld"],
    }
    assert verdicts(whole) == due

    copy = tmp_path / "page.txt"
    copy.write_text(COPY)
    again, _ = told(start(ledger, *chosen, "--copy", str(copy)))
    (planned,) = again["proposal"]["plans"]
    (aside,) = planned["aside"]
    assert aside["why"] == "it has no services/asyncpg/script-printed.json"
    assert verdicts(again) == due | {"runs.printed": ["upheld"], "runs.silent": ["refuted"]}
    (used,) = again["judgement"]["bundles"]
    bundle = tmp_path / "bundles" / used["id"]
    outcome = json.loads((bundle / "services/asyncpg/script-printed.json").read_bytes())
    assert outcome["said"] == ["hello []"]
    assert outcome["printed"] == PRINTED.sha256
    checked = verify(bundle)
    assert checked.problems == ()
    assert checked.level_reached == "L4"
    held = {path.parent.parent for path in bundle.rglob("*.py")}
    assert held == {bundle / "inputs/services"}  # no program of a script

    third, _ = told(start(ledger, *chosen, "--copy", str(copy)))
    assert third["proposal"]["plans"][0]["existing"]
    assert third["judgement"] == again["judgement"]

    ledger.write_text(ledger.read_text().replace("- django", "- flask"))
    other = propose(Request(load(str(ledger)), tmp_path / "bundles", ("runs.own",)))
    (step,) = other.steps
    assert step.existing == ()
    assert {each.flaw for each in step.aside} == {
        "its services/asyncpg/script-own.json is of other code or arguments"
    }


def test_a_plan_with_a_load_runs_its_scripts_too(start, ledger):
    made = yaml.safe_load(ledger.read_text())
    made["claims"]["first.own"] = made["claims"]["runs.own"] | {"test": {"plan": "first"}}
    ledger.write_text(dumped(made))
    whole, _ = told(start(ledger, "--claims", "first.own,first.two-statements", "--json"))
    (planned,) = whole["proposal"]["plans"]
    assert (planned["stacks_only"], planned["scripts"]) == (False, ["own"])
    assert verdicts(whole) == {"first.two-statements": ["upheld"], "first.own": ["upheld"]}, [
        (each["id"], each["standing"]) for each in whole["judgement"]["claims"]
    ]


@pytest.mark.parametrize(
    ("program", "arguments", "last"),
    [
        ("pool_default", [], "5+10"),
        ("sync_and_async", [], "written by one engine and read by the other: [1, 2]"),
        ("imports_of", ["tortoise-orm", "pypika"], "imports pypika: "),
        ("imports_of", ["asyncpg", "django"], "none of "),
        ("same_project", ["asyncpg", "asyncpg"], "first-party: ['magicstack']"),
        ("same_project", ["asyncpg", "sqlalchemy"], "third-party: ['magicstack']"),
    ],
)
def test_a_program_of_the_labs_finds_what_is_so(program, arguments, last):
    path = CHECKOUT / f"workloads/scripts/{program}.py"
    answer = subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines()[-1].startswith(last)
