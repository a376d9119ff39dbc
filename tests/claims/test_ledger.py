from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from analysis.claims import CODES, ClaimVerdict
from analysis.claims.schema import FILE, text
from ormlab.base import checkout
from ormlab.base.errors import LedgerError
from ormlab.judging.ledger import LEDGERS, examine, find, load
from tests.claims.making import LEDGER
from tests.conftest import CHECKOUT

CLAIM = LEDGER[LEDGER.index("  tput.a:") :]
SECOND = CLAIM.replace("tput.a", "tput.b")
RUNS = """\
  runs.a:
    kind: runs
    says: it runs
    source: page
    locator: line 2
    subjects: [a]
    package: asyncpg
    version: 0.29.0
    through: script
    portability: any
    test: {plan: demo, arms: {a: {subject: asyncpg}}}
"""
CHECK = """\
checks:
  sum: {kind: difference, says: it fits, minuend: tput.a, subtrahend: tput.a, difference: tput.a}
"""


@pytest.fixture
def write(tmp_path):
    def write_ledger(text: str = LEDGER):
        path = tmp_path / "ledger.yaml"
        path.write_text(text)
        return path

    return write_ledger


def changed(old, new, base=LEDGER):
    assert old in base
    return base.replace(old, new, 1)


WRONG = {
    "ledger-invalid": changed("precision: 10", "precison: 10"),
    "key-twice": LEDGER + CLAIM,
    "duplicate-id": LEDGER + CHECK.replace("sum:", "tput.a:"),
    "source-unknown": changed("source: page", "source: leaf"),
    "copy-missing": changed("sha256: " + "5a" * 32, "sha256: null"),
    "subject-unknown": changed("mix: {status: unknown}", "mix: {status: unknown, subject: z}"),
    "conditions-unknown": changed("conditions: [all]", "conditions: [none]"),
    "claim-unknown": changed("portability: same", "entailed_by: [tput.z]\n    portability: same"),
    "metric-unknown": changed("metric: throughput", "metric: thruput"),
    "reading-unknown": changed("reading: python", "reading: pythno"),
    "plan-unknown": changed("plan: demo", "plan: no-such-plan"),
    "plan-part-unknown": changed("load: switched,", "load: ab,"),
    "entailment-cycle": changed(
        "portability: same", "entailed_by: [tput.a]\n    portability: same"
    ),
    "test-missing": changed("    test: {plan", "    untestable: impossible\n    test: {plan"),
    "script-missing": LEDGER + RUNS,
    "tolerance-missing": changed("    tolerance: {relative: 0.05, reason: half a margin}\n", ""),
    "tolerance-without-reason": changed(", reason: half a margin", ""),
    "absolute-anywhere": changed("portability: same-class", "portability: any"),
    "condition-value": changed("mix: {status: unknown}", "mix: {status: stated}"),
    "condition-reason": changed("mix: {status: unknown}", "mix: {value: 1, status: assumed}"),
    "material-unread": changed("material: true, reading: data.users", "material: true"),
    "input-unknown": LEDGER + CHECK.replace("subtrahend: tput.a", "subtrahend: all/nothing"),
    "precision-missing": LEDGER
    + CHECK.replace("difference: tput.a", "difference: {value: 1.5, status: stated, note: n}"),
    "convicts-stranger": LEDGER + SECOND + CHECK.replace("says:", "convicts: [tput.b], says:"),
}


@pytest.mark.parametrize("code", sorted(WRONG))
def test_every_fault_has_its_code_a_line_and_a_remedy(write, code):
    path = write(WRONG[code])
    _, problems = examine(path)
    assert {problem.code for problem in problems} == {code}, problems
    for problem in problems:
        where, line = problem.where.rsplit(":", 1)
        assert where == str(path)
        assert 1 < int(line) <= len(WRONG[code].splitlines())
        assert problem.what
        assert problem.hint
    with pytest.raises(LedgerError) as refused:
        load(str(path))
    assert refused.value.code == code


def test_a_misspelt_plan_is_answered_with_one_of_the_lab_s_or_beside_the_ledger(write):
    def said(name):
        (problem,) = examine(write(changed("plan: demo", f"plan: {name}")))[1]
        return problem.what

    assert said("deemo").endswith("; did you mean 'demo'?")
    beside = write(LEDGER).parent / "plans"
    beside.mkdir()
    (beside / "my-own.yaml").touch()
    assert said("my-onw").endswith("; did you mean 'my-own'?")


def test_every_code_has_a_test_and_a_line_in_the_documentation():
    assert CODES.keys() == WRONG.keys() | {"ledger-missing"}
    page = (CHECKOUT / "docs/claims.md").read_text()
    for code in CODES:
        assert f"| `{code}` |" in page, code
    for verdict in ClaimVerdict:
        assert f"| {verdict} |" in page, verdict


def test_a_ledger_that_is_not_there_names_those_that_are():
    with pytest.raises(LedgerError, match="there is no ledger") as refused:
        find("no-such-ledger")
    assert refused.value.code == "ledger-missing"
    assert "article" in refused.value.hint


def test_all_problems_are_listed_at_once(write):
    text = changed("source: page", "source: leaf").replace("metric: throughput", "metric: speed")
    _, problems = examine(write(text))
    assert [problem.code for problem in problems] == ["source-unknown", "metric-unknown"]


def test_a_long_cycle_is_told_once_and_a_diamond_is_none(write):
    def claims(*edges):
        return "".join(
            CLAIM.replace("tput.a", name).replace(
                "portability: same", f"entailed_by: [{', '.join(of)}]\n    portability: same"
            )
            for name, of in edges
        )

    head = LEDGER[: LEDGER.index("  tput.a:")]
    _, problems = examine(write(head + claims(("a", "b"), ("b", "c"), ("c", "a"))))
    assert [problem.code for problem in problems] == ["entailment-cycle"]
    _, problems = examine(
        write(head + claims(("a", ("b", "c")), ("b", "d"), ("c", "d"), ("d", "")))
    )
    assert problems == []


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


@pytest.mark.parametrize(
    "hostile",
    [
        BOMB,
        "",
        "[]",
        "x",
        "[" * 10_000,
        "{" * 500 + "}" * 500,
        changed("value: 1000\n", "value: .nan\n"),
        changed("value: 1000\n", "value: .inf\n"),
        changed("value: 1000\n", "value: 1e999\n"),
        changed("value: 1000\n", "value: 1.0e+999\n"),
        changed("value: 1000\n", "value: '1000'\n"),
        changed("value: 1000\n", "value: yes\n"),
        changed("says: a serves", "says: !!python/object/apply:os.system [ls] #"),
        changed("says: a serves", "says: !mine x #"),
        changed("retrieved: 2026-11-24", "retrieved: yesterday"),
        changed("schema: claims-ledger/1", "schema: claims-ledger/2"),
        "\x00",
        "\t- x",
        "# " + "x" * (4 * 2**20),
    ],
)
def test_hostile_yaml_is_refused_with_its_place(write, hostile):
    path = write(hostile)
    ledger, problems = examine(path)
    assert ledger is None
    assert all(problem.where.startswith(str(path)) for problem in problems)
    assert problems


def test_a_file_that_is_not_text_is_refused(write):
    path = write()
    path.write_bytes(b"\xff\xfe\x00\xd8")
    assert examine(path)[0] is None


def test_the_schema_is_what_the_types_say_and_takes_the_articles_ledger():
    assert FILE.read_text() == text(), "run `python -m analysis.claims.schema`"
    schema = json.loads(text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = yaml.safe_load((LEDGERS / "article.yaml").read_text())
    jsonschema.validate(json.loads(json.dumps(document, default=str)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": "claims-ledger/1"}, schema)


def test_the_articles_ledger_is_whole():
    made = load("article")
    kinds = {claim.kind for claim in made.ledger.claims.values()}
    assert kinds == {"absolute", "ratio", "ordering", "bound", "runs", "statement"}
    for claim in made.ledger.claims.values():
        assert claim.locator
        if test := getattr(claim, "test", None):
            assert (checkout.PLANS / f"{test.plan}.yaml").exists()


def test_what_the_lab_says_of_a_claim_is_short_and_no_quotation():
    for claim in load("article").ledger.claims.values():
        assert len(claim.says) < 120
