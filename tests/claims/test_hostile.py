"""Any text at all is either a ledger that can be judged, or refused with its lines."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, event, given, seed, settings

from analysis.claims import CODES, judgement, outcomes
from bundle.strict_yaml import DEEPEST, LIMIT_BYTES, MOST_VALUES
from ormlab.base.yaml_input import MOST_PROBLEMS
from ormlab.judging.ledger import LedgerFile, examine
from ormlab.judging.verdicts import overview
from tests.claims.making import LEDGER, run
from tests.claims.mutations import WHOLE, texts

# All 5,000: ORMLAB_LEDGERS=5000 pytest tests/claims/test_hostile.py
LEDGERS = int(os.environ.get("ORMLAB_LEDGERS", "250"))
SHA256 = "ab" * 32


def check(path, data):
    """Examine a text; returns whether it was accepted."""
    path.write_bytes(data)
    ledger, problems = examine(path)
    if not problems:
        assert ledger is not None
        # What is accepted can be computed with, by any run and without one.
        overview(LedgerFile(path, data, ledger))
        judgement(ledger, SHA256, [run(), run(blocks=2, plan="demo")])
        return True
    assert len(problems) <= MOST_PROBLEMS + 1
    for problem in problems:
        where, _, line = problem.where.rpartition(":")
        assert where == str(path)
        assert 1 <= int(line) <= len(data.splitlines()) + 1
        assert CODES[problem.code] == problem.hint
        assert 0 < len(problem.what) <= 1000
    return False


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("ledgers") / "ledger.yaml"


def test_the_ledgers_that_are_changed_are_sound(path):
    for text in WHOLE:
        assert check(path, text.encode())


@seed(20261125)
@settings(max_examples=LEDGERS, suppress_health_check=list(HealthCheck), database=None)
@given(data=texts())
def test_a_ledger_that_went_wrong_is_refused_with_its_lines_or_can_be_judged(path, data):
    event("accepted" if check(path, data) else "refused")


def claims(count, each=""):
    head = LEDGER[: LEDGER.index("  tput.a:")]
    claim = LEDGER[LEDGER.index("  tput.a:") :]
    return head + "".join(claim.replace("tput.a", f"c{n}") + each for n in range(count))


def ring(count):
    """Every claim follows from every other."""
    names = ", ".join(f"c{n}" for n in range(count))
    return claims(count, f"    entailed_by: [{names}]\n")


# The most expensive texts of each kind that the limits let through, or just do not.
EXPENSIVE = {
    "as large as may be": "# " + "x" * (LIMIT_BYTES - 3) + "\n",
    "too large": "# " + "x" * LIMIT_BYTES,
    "one long value": LEDGER.replace("a serves", "x" * (LIMIT_BYTES - 2000)),
    "one long key": LEDGER + "x" * (LIMIT_BYTES - 2000) + ": 1\n",
    "as many values as may be": "[" + "a," * (MOST_VALUES - 1) + "]",
    "too many values": "[" + "a," * (LIMIT_BYTES // 2 - 2) + "]",
    "as many unknown keys as may be": "".join(f"k{n}: 1\n" for n in range(MOST_VALUES // 2 - 1)),
    "one key again and again": "k: 1\n" * (MOST_VALUES // 2 - 1),
    "too deep": "[" * (LIMIT_BYTES - 1),
    "as deep as may be": "[" * DEEPEST + "]" * DEEPEST,
    "an expansion": "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
    ),
    "many aliases": "a: &a x\nb: [" + "*a, " * (LIMIT_BYTES // 5) + "]",
    "many claims": claims(1000),
    "many wrong claims": claims(1000).replace("precision", "precison"),
    "a ring": ring(200),
}  # fmt: skip
MIB = 2**20
_MEASURE = """
import resource, sys
from pathlib import Path
from ormlab.judging.ledger import examine
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    ledger, problems = examine(Path(name))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(len(problems), after - before)
"""


def test_the_most_expensive_texts_cost_a_bounded_amount_of_memory(tmp_path):
    files = {}
    for number, (kind, text) in enumerate(sorted(EXPENSIVE.items())):
        files[kind] = tmp_path / f"{number}.yaml"
        files[kind].write_text(text)
    command = [sys.executable, "-c", _MEASURE, *map(str, files.values())]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    for kind, line in zip(files, answer.stdout.splitlines(), strict=True):
        problems, grown_kib = map(int, line.split())
        assert (problems == 0) == (kind == "many claims"), kind
        assert grown_kib * 1024 < 200 * MIB, kind


def test_what_is_beyond_a_limit_says_so(path):
    said = Counter()
    for kind in ("too large", "too many values", "too deep", "an expansion", "many aliases"):
        path.write_text(EXPENSIVE[kind])
        _, problems = examine(path)
        said[kind] = problems[0].what
    assert said["too large"] == f"the file is larger than {LIMIT_BYTES:,} bytes"
    assert said["too many values"] == f"more than {MOST_VALUES:,} keys and values"
    assert said["too deep"] == f"nested more than {DEEPEST} levels deep"
    assert said["an expansion"] == said["many aliases"] == "an alias is used; write the value out"


def sized(value, precision):
    text = LEDGER.replace("value: 1000\n", f"value: {value:.15e}\n")
    text = text.replace("precision: 10", f"precision: {precision:.15e}")
    text += "checks:\n  c: {kind: same_ratio, says: s, ratio: tput.a, numerator: tput.a, "
    return text + "denominator: tput.a}\n"


@pytest.mark.parametrize(
    ("value", "precision"), [(1e15, 1e15), (1e-15, 1e-15), (-1e15, 1e-15), (0.0, 1.0)]
)
def test_arithmetic_and_verdicts_take_any_figures(path, value, precision):
    """Figures at the ends of what a number can be."""
    path.write_text(sized(value, precision))
    ledger, problems = examine(path)
    assert problems == []
    (found,) = outcomes(ledger)
    assert all(math.isfinite(number) for number in found.numbers.values())
    assert judgement(ledger, SHA256, [run(plan="demo")]).conclusion


SIZE = "a number is 0, or between 1e-15 and 1e+15 in size"


@pytest.mark.parametrize(
    ("value", "precision", "where"),
    [
        (1.1e15, 1.0, "claims.tput.a.value"),
        (-1e308, 1.0, "claims.tput.a.value"),
        (5e-324, 1.0, "claims.tput.a.value"),
        (1.0, 1e308, "claims.tput.a.precision"),
    ],
)
def test_a_number_that_arithmetic_would_overflow_with_is_one_problem(path, value, precision, where):
    path.write_text(sized(value, precision))
    (problem,) = examine(path)[1]
    assert (problem.code, problem.what) == ("ledger-invalid", f"{where}: {SIZE}")


@pytest.mark.parametrize("number", ["1.0e+308", "-5.0e-324", "9" * 30])
def test_conditions_and_statements_are_of_such_a_size_too(path, number):
    condition = "value: 1000, status: stated, material: true, reading: data.users"
    text = LEDGER.replace(condition, condition.replace("1000", number))
    text += "  odd: {kind: statement, says: s, source: page, locator: l, untestable: u, "
    path.write_text(f"{text}value: {number}}}\n")
    found = {problem.what for problem in examine(path)[1]}
    assert found == {f"conditions.all.users.value: {SIZE}", f"claims.odd.value: {SIZE}"}
