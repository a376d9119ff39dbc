"""What a bundle tells of the conditions of a ledger, and what becomes of those that none tells."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from msgspec import structs

from analysis.claims import ClaimVerdict, Place, collect, judge_claim
from analysis.claims.conditions import FAMILIES, READINGS, reading_of
from analysis.claims.schema import text
from analysis.work import Work
from bundle import typed
from bundle.documents.host import HostFacts
from bundle.documents.results import Software
from bundle.documents.services import Shown, Sql
from bundle.read import Bundle
from ormlab.judging import judge
from ormlab.judging.verdicts import registries
from tests.claims.making import PLACE_A, claim, document, ledger, run, runs_claim
from tests.conftest import CHECKOUT
from tests.report import recorded

V = ClaimVerdict


def judged(on=None, **conditions):
    """An order under these conditions."""
    made = {name: {"status": "stated"} | each for name, each in conditions.items()}
    book = ledger(claims={"c": claim("ordering")}, conditions={"all": made})
    return judge_claim("c", book, on or run(), [])


def material(reading, value, **more):
    return {"reading": reading, "value": value, "material": True} | more


def subjects(on, **changes):
    """The run with both subjects of its plan changed."""
    plan = on.resolved.plan
    made = {name: each.model_copy(update=changes) for name, each in plan.subjects.items()}
    resolved = on.resolved.model_copy(update={"plan": plan.model_copy(update={"subjects": made})})
    return replace(on, resolved=resolved)


def answering(**lengths):
    """What `a` and `b` answered: bytes of each answer by operation, of which the first is usual."""
    answers = {
        (operation, f"GET /{number}"): Shown(
            request=f"GET /{number}",
            status=200,
            content_type=None,
            content_length=None,
            sha256="",
            bytes=length,
            operation=operation,
            expected_status=200,
            begins="",
        )
        for operation, each in lengths.items()
        for number, length in enumerate(each)
    }
    mix = {operation: 3.0 if not number else 1.0 for number, operation in enumerate(lengths)}
    sql = Sql(schema="sql/1", service="s", digest="", mixes={"read-one": mix}, operations={})
    return Work(dict.fromkeys("ab", answers), dict.fromkeys("ab", sql), {})


def software(driver):
    return Software(interpreter=None, orm=None, driver=driver, framework=None, database=None)


def driven(on, driver):
    made = dict.fromkeys("ab", software(driver))
    return replace(on, results=structs.replace(on.results, software=made))


def opened(on, *counts):
    """The run with so many connections open, one trial after the other."""
    trials = {
        block: replace(each, connections=counts[block % len(counts)])
        for block, each in on.trials[PLACE_A].items()
    }
    return replace(on, trials=dict.fromkeys(on.trials, trials))


WORK = answering(read=[100, 300], rows=[1000])  # three of four answers have 200 bytes
TOLD = {
    "package.sqlalchemy": (run(), "2.0.21", "2.0.44"),
    "option.pool_pre_ping": (subjects(run(), options={"pool_pre_ping": True}), True, False),
    "service.framework": (subjects(run(), framework="fastapi"), "fastapi", "aiohttp"),
    "service.driver": (driven(run(), "psycopg 3.2.1"), "psycopg", "asyncpg"),
    "answer.bytes": (replace(run(), work=WORK), 400, 399),
    "load.opened": (opened(run(), 396), 396, 400),
    "cache.ttl_s": (run(), 0.0, 1.0),
}


@pytest.mark.parametrize("reading", TOLD)
def test_a_reading_holds_a_run_to_what_was_published(reading):
    on, as_it_was, otherwise = TOLD[reading]
    assert judged(on, leaf=material(reading, as_it_was)).verdict != V.INCOMPARABLE
    found = judged(on, leaf=material(reading, otherwise))
    assert (found.verdict, found.why) == (V.INCOMPARABLE, f"leaf is {as_it_was}, not {otherwise}")


@pytest.mark.parametrize(
    ("reading", "on"),
    [
        ("package.no-such-package", run()),
        ("option.pool_pre_ping", run()),
        ("option.isolation_level", subjects(run(), options={"isolation_level": None})),
        ("service.driver", run()),
        ("service.driver", driven(run(), None)),
        ("answer.bytes", run()),
        ("answer.bytes", replace(run(), work=answering(read=[]))),
        ("answer.bytes", replace(run(), work=answering())),
        ("load.opened", opened(run(), 396, 400)),
    ],
)
def test_what_is_not_in_the_bundle_is_never_taken_for_granted(reading, on):
    found = judged(on, leaf=material(reading, "x"))
    assert (found.verdict, found.why) == (
        V.INCOMPARABLE,
        "leaf is not recorded, and x was published",
    )
    weak = judged(on, leaf={"reading": reading, "value": "x"}).weaknesses
    assert "leaf is not recorded, and x was published" in weak


@pytest.mark.parametrize(("published", "fits"), [(450, True), (350, True), (451, False)])
def test_a_number_differs_if_it_is_further_off_than_its_precision(published, fits):
    leaf = material("answer.bytes", published, precision=50)
    found = judged(replace(run(), work=WORK), leaf=leaf)
    assert (found.verdict != V.INCOMPARABLE) == fits


def test_a_condition_without_a_reading_is_a_weakness_of_the_verdict():
    long = "BEGIN and COMMIT around each statement of the one, autocommit for the other"
    found = judged(
        iterations={"value": 3},
        warm={"value": False, "status": "assumed", "note": "n"},
        transactions={"value": long},
        elsewhere={"value": 1, "subject": "c"},
        mix={"status": "unknown"},
    )
    said = "iterations (3), warm (False), transactions (BEGIN and COMMIT around each statement of"
    assert found.weaknesses[-2:] == (
        f"not compared, for want of a reading: {said} the one, ...)",
        "not published: mix",
    )


def test_the_weakness_is_there_for_every_claim_that_is_judged():
    made = runs_claim(conditions=["all"])
    book = ledger(claims={"c": made}, conditions={"all": {"n": {"value": 3, "status": "stated"}}})
    found = judge_claim("c", book, run(), [])
    assert found.verdict == V.UPHELD
    assert "not compared, for want of a reading: n (3)" in found.weaknesses


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("python", True),
        ("package.tortoise-orm", True),
        ("package.4suite-xml", True),
        ("package.Tortoise_ORM", False),
        ("package.", False),
        ("package.a\n", False),
        ("option.read_as", True),
        ("option.read-as", False),
        ("option", False),
        ("pool", False),
    ],
)
def test_the_schema_knows_the_readings_that_the_code_knows(name, known):
    assert (reading_of(name) is not None) == known
    made = json.loads(json.dumps(document(), default=str))
    made["conditions"]["all"]["leaf"] = {"status": "unknown", "reading": name}
    validator = jsonschema.Draft202012Validator(json.loads(text()))
    # `$` of Python's patterns, which jsonschema uses, lets a newline follow.
    assert validator.is_valid(made) == known or name.endswith("\n")


def test_the_command_lists_every_reading_and_every_family():
    listed = [each.name for each in registries().readings]
    assert listed == [*READINGS, *(f"{each.prefix}NAME" for each in FAMILIES)]


def test_the_bundle_of_a_real_run_tells_every_condition(tmp_path):
    bundle = Bundle.open(recorded.make(tmp_path), level="L1")
    place = Place("tortoise", "read-one", "wrk")
    on = collect(
        bundle,
        typed.read_plan(bundle.path),
        typed.read(bundle.path, HostFacts),
        judge.derive(bundle).results,
        [place],
    )
    told = {name: each.of(on, place) for name, each in READINGS.items()}
    assert [name for name, value in told.items() if value is None] == []
    assert (told["load.opened"], told["service.driver"]) == (4, "asyncpg")
    assert told["answer.bytes"] == told["data.payload_bytes"] == 512
    assert reading_of("package.tortoise-orm").of(on, place)
    assert reading_of("option.read_as").of(on, place) is None


@pytest.mark.parametrize("name", ["aiohttp", "asyncpg", "sqlalchemy", "tortoise", "uvloop"])
def test_no_service_and_no_package_is_named_where_conditions_are_read(name):
    """A new one needs no edit there."""
    assert name not in (CHECKOUT / "analysis/claims/conditions.py").read_text()
