"""``ormlab releases`` as it is typed, on a planted index, with real runs of a toy service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from bundle.documents.plan import Plan
from bundle.read import Bundle
from ormlab.archive import history
from ormlab.archive.catalog import build as build_catalog
from ormlab.archive.runs import read_runs
from ormlab.archive.site import releases as page
from ormlab.base import checkout
from ormlab.compare import spec
from ormlab.releases import plan as releasing
from ormlab.releases.choice import choose
from ormlab.releases.index import asked_first
from ormlab.releases.index import releases as listed
from ormlab.subject import locking, scaffold
from ormlab.verify import verify
from tests.cli.inside import ormlab
from tests.releases.planted import PACKAGE, Planted
from tests.run import small
from tests.run.shared import ORMLAB, verdict_of_two_blocks
from workloads.services import manifest

WHEELS = (
    Planted("1.0", "2026-01-01"),
    Planted("1.1", "2026-01-02", reads=2),
    Planted("1.2", "2026-01-03", yanked="it loses rows"),
    Planted("2.0rc1", "2026-01-04"),
)
READ = "row = await self._pool.fetchrow(self._sql.read, row_id)"


@pytest.fixture
def toy(index, tmp_path):
    """The folder of a service about the planted package, which decides how often a row is read."""
    if not checkout.UV.exists():
        pytest.skip("bootstrap.py has not installed uv")
    index.wheels = list(WHEELS)
    folder = scaffold.create(tmp_path / "toyorm", package=PACKAGE, like="asyncpg").folder
    code = folder / "repository.py"
    text = code.read_text()
    assert text.count(READ) == 1
    text = text.replace(READ, f"for _ in range(ormlab_toy.READS):\n            {READ}")
    code.write_text(text.replace("import asyncpg\n", "import asyncpg\nimport ormlab_toy\n", 1))
    with asked_first(index.address):
        locking.lock(manifest.read(folder))
    return folder


@pytest.fixture
def written(toy, tmp_path):
    """A small plan of the toy service alone."""

    def change(document):
        subjects = {"toy": {"service": str(toy)}}
        document |= {"name": "toyplan", "comparisons": [], "subjects": subjects}

    return small.write_plan(tmp_path / "toyplan.yaml", change)


@pytest.fixture
def start(index, inventory, tmp_path):
    """Start ``ormlab releases``; what is left of it is killed afterwards."""
    running = []

    def begin(*arguments):
        places = {"archive": "archive", "bundles": "bundles"}
        options = [f"--{key}={tmp_path / name}" for key, name in places.items()]
        options += [f"--index={index.address}", f"--inventory={inventory}", "--json"]
        process = subprocess.Popen(
            [ORMLAB, "releases", *map(str, arguments), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # What a refusal adds about versions comes from pip.
            env=os.environ | {"PIP_INDEX_URL": index.address},
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def ended(process):
    """The one package of the document, and what was said meanwhile."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["schema"] == "ormlab-releases/1"
    (package,) = told["packages"]
    return package, err


def test_a_release_is_measured_once_archived_and_told_whatever_is_killed(
    start, index, written, tmp_path
):
    wanted = ("--plan", written)
    package, _ = ended(start(*wanted, "--dry-run"))
    assert (package["package"], package["newest"]) == (PACKAGE, None)
    assert [(each["version"], each["over"]) for each in package["due"]] == [("1.1", "1.0")]
    assert not (tmp_path / "archive").exists()

    package, _ = ended(start(*wanted))
    (measured,) = package["due"]
    assert measured["outcome"] == "measured"
    (cell,) = measured["cells"]
    figures = {each["metric"]: each for each in cell["comparisons"]}
    assert {"throughput", "p50", "cpu_service", "rss_service"} <= figures.keys()
    assert figures["throughput"]["candidate"] == "toy-1.1"
    assert figures["throughput"]["verdict"] == verdict_of_two_blocks(figures["throughput"])
    (sql,) = cell["sql"]
    before, now = sql["statements"]
    assert (sql["operation"], now) == ("read-user", 2 * before)
    bundle = tmp_path / "archive" / measured["bundle"]
    assert verify(bundle).ok
    assert Bundle.open(bundle).record.plan.name == "toyplan"
    has_page(tmp_path / "archive")

    package, _ = ended(start(*wanted))
    assert (package["newest"], package["due"]) == ("1.1", [])
    assert {each["version"]: each["why"] for each in package["left_out"]} == {
        "1.2": "it was yanked: it loses rows",
        "2.0rc1": "it is a pre-release",
    }

    # As if it had been killed after the seal: what was sealed is archived, and not measured again.
    shutil.rmtree(tmp_path / "archive")
    package, said = ended(start(*wanted))
    assert package["due"][0]["bundle"] == measured["bundle"]
    assert "[1/" not in said
    assert f"{measured['bundle']} has it already" in said

    # Killed in the middle, a run goes on from its last closed trial.
    # A release that does not work is a result.
    broken = "raise RuntimeError('it cannot be imported')"
    index.wheels.append(Planted("1.3", "2026-02-01", code=broken))
    killed = start(*wanted)
    for line in killed.stderr:
        if line.startswith("[2/"):
            break
    killed.kill()
    killed.communicate()
    assert len([*(tmp_path / "bundles").glob("*.partial")]) == 1
    package, said = ended(start(*wanted))
    (measured,) = package["due"]
    assert (measured["version"], measured["over"], measured["outcome"]) == (
        "1.3",
        "1.1",
        "measured",
    )
    (why,) = measured["not_measured"]
    assert "it cannot be imported" in why
    assert "[1/" not in said
    assert [*(tmp_path / "bundles").glob("*.partial")] == []
    assert ended(start(*wanted, "--dry-run"))[0]["newest"] == "1.3"


def has_page(archive):
    """The site has a chart of both releases, and the ratio of one to the other."""
    build_catalog(archive)
    runs = read_runs(archive)
    (found,) = page.of(history.read(archive, runs))
    assert (found.group.orm, found.group.name) == (PACKAGE, "toy")
    throughput = next(each for each in found.metrics if each.metric == "throughput")
    assert throughput.releases == ("1.0", "1.1")
    assert [line.before for line in throughput.lines] == ["-", "1.0"]


def test_without_a_plan_a_release_is_compared_by_one_operation_and_its_memory(index, toy):
    with asked_first(index.address):
        watched = releasing.Watched(spec.parse(str(toy)), None, 180.0)
        (due,) = choose(listed(PACKAGE, "3.13", [index.address]), ()).due
        with releasing.decided(watched, due) as resolved:
            again = resolved.sha256
            pins = {name: each.packages()[PACKAGE] for name, each in resolved.stacks.items()}
        with releasing.decided(watched, due) as resolved:
            assert resolved.sha256 == again
    plan = resolved.plan
    assert sorted(pins.values()) == ["1.0", "1.1"]
    assert [(each.baseline, each.candidate) for each in plan.comparisons] == [
        ("toyorm-1.0", "toyorm-1.1")
    ]
    assert (plan.name, plan.null_arm) == ("compare", "toyorm-1.0")
    assert plan.margins["rss_service"] == 0.05
    assert plan.needs_all_subjects is False
    for subject in plan.subjects.values():
        assert subject.model_copy(update={"stack": ""}) == watched.subject


def test_a_release_that_cannot_be_locked_is_told_and_archives_nothing(start, index, toy, tmp_path):
    index.wheels.append(Planted("1.4", "2026-02-01", needs=f"{PACKAGE}==1.0"))
    out, err = (process := start(toy)).communicate()
    assert process.returncode == 2, err
    told = json.loads(out)
    assert [each["code"] for each in told["problems"]] == ["stack-unlockable"]
    (due,) = told["packages"][0]["due"]
    assert (due["version"], due["outcome"], due["bundle"]) == ("1.4", "failed", None)
    assert due["why"] == told["problems"][0]["what"]
    assert f"{PACKAGE} 1.4 over 1.1 could not be measured" in err
    assert not (tmp_path / "archive").exists()


def test_of_a_plan_the_first_subject_of_each_service_is_watched():
    document = small.plan()
    document["subjects"]["another"] = {"service": "asyncpg", "pool": {"size": 5}}
    plan = Plan.model_validate({"margins": {}, **document})
    watched = releasing.of_plan(plan, None, 1.0)
    assert [each.subject for each in watched] == [
        each.model_copy(update={"stack": ""})
        for name, each in plan.subjects.items()
        if name != "another"
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sqlalchemy+../sqlalchemy",), "name no path"),
        (("nothing",), "there is no service 'nothing'"),
        (("--plan", "headline", "asyncpg{pool.size=5}"), "give none"),
        (("--plan", "headline", "piccolo"), "has no subject of piccolo"),
        (("--plan", "headline", "--time", "1m"), "leave out --time"),
        (("--since", "yesterday"), "does not match the format"),
        (("--limit", "0"), "is not in the range"),
        (("sqlalchemy", "--python", "3", "--dry-run"), "is no version of CPython"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_clear_error(arguments, said):
    assert said in ormlab("releases", *arguments, code=2).stderr
