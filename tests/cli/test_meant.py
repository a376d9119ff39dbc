"""A word that is not known is answered with the known one that is nearest."""

from __future__ import annotations

import pytest

from bundle.meant import meant
from ormlab.base import checkout
from tests.cli.inside import ormlab

DEMO = (checkout.PLANS / "demo.yaml").read_text()
LEDGER = (checkout.ROOT / "workloads/ledgers/orm-benchmarks.yaml").read_text()


def test_the_nearest_word_is_named_and_a_strange_one_gets_no_advice():
    assert meant("Hedline", ["headline", "demo"]) == "did you mean 'headline'?"
    assert meant("xyz", ["headline", "demo"], "; {}") == ""
    assert meant("", ["demo"]) == ""


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("compar", "sqlalchemy", "tortoise"), "compare"),
        (("archive", "lst"), "list"),
        (("plan", "demo", "--pilt", "x"), "--pilot"),
        (("plan", "hedline"), "headline"),
        (("run", "demmo"), "demo"),
        (("compare", "sqlalchmy", "tortoise"), "sqlalchemy"),
        (("compare", "sqlalchemy", "tortoise{pool.sise=5}"), "pool.size"),
        (("compare", "sqlalchemy", "tortoise{stack=curent}"), "current"),
        (("compare", "sqlalchemy", "tortoise", "--metric", "througput"), "throughput"),
        (("compare", "sqlalchemy", "tortoise", "--operation", "raed-user"), "read-user"),
        (("compare", "sqlalchemy", "tortoise", "--mix", "demo/read-on"), "read-one"),
        (("doctor", "--profile", "bare-metall"), "bare-metal"),
        (("claims", "show", "artcle"), "article"),
        (("claims", "show", "article", "--claim", "rss.ratoi"), "rss.ratio"),
        (("reproduce", "article", "--claims", "rss.ratoi"), "rss.ratio"),
    ],
)
def test_a_misspelt_word_of_a_command_line_is_put_right(arguments, near):
    said = ormlab(*arguments, code=2).stderr.lower()
    assert "did you mean" in said
    assert f"'{near}'" in said.partition("did you mean")[2]


@pytest.mark.parametrize(
    ("right", "wrong", "near"),
    [
        ("blocks: 8", "blcks: 8", "blocks"),
        ("profile: vm", "profile: vmm", "vm"),
        ("asyncpg: {service: asyncpg}", "asyncpg: {servce: asyncpg}", "service"),
        ("asyncpg: {service: asyncpg}", "asyncpg: {service: asyncpq}", "asyncpg"),
        ("{service: asyncpg}", "{service: asyncpg, pool: {sise: 3}}", "size"),
        ("generator: client-switchback", "generator: client-switchbak", "client-switchback"),
        ("duration_s: 3", "durations: 3", "duration_s"),
        ("{operation: read-user}", "{operation: raed-user}", "read-user"),
        ("{operation: read-user}", "{operation: read-user, wieght: 1}", "weight"),
        ("candidate: tortoise", "candidate: tortose", "tortoise"),
        ("null_arm: sqlalchemy", "null_arm: sqlalchmy", "sqlalchemy"),
        ("seed: 20240101", "seed: 1\nmargins: {througput: 0.1}", "throughput"),
        ("seed: 20240101", "seed: 1\ngates: {stael: {high: 2, reason: r}}", "steal"),
    ],
)
def test_a_misspelt_word_of_a_plan_is_put_right(tmp_path, right, wrong, near):
    file = tmp_path / "plan.yaml"
    assert right in DEMO
    file.write_text(DEMO.replace(right, wrong, 1))
    said = ormlab("plan", file, code=2).stderr
    assert f"did you mean '{near}'?" in said, said


@pytest.mark.parametrize(
    ("key", "wrong", "near"),
    [("claims:", "clams:", "claims"), ("kind: ordering", "kind: ordring", "ordering")],
)
def test_a_misspelt_word_of_a_ledger_is_put_right(tmp_path, key, wrong, near):
    file = tmp_path / "ledger.yaml"
    assert key in LEDGER
    file.write_text(LEDGER.replace(key, wrong, 1))
    assert f"did you mean '{near}'?" in ormlab("claims", "lint", file, code=2).stdout
