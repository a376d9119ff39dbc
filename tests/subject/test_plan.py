"""A plan names a service by the path of its folder, and a bundle by its name."""

import hashlib
import shutil
import subprocess

import pytest

from bundle.documents.plan import SealedPlan
from bundle.documents.services import ServiceRecord
from ormlab import plan as plans
from ormlab.base import checkout
from ormlab.base.errors import PlanError
from ormlab.plan import services
from ormlab.run import recorded
from ormlab.run.measure import record
from ormlab.run.measure.deployment import source_archive
from ormlab.run.measure.redaction import Redactor
from ormlab.run.measure.site import own_words
from ormlab.subject import scaffold
from tests.conftest import CHECKOUT
from workloads import stacks
from workloads.services import manifest

PLAN = """\
schema: plan/1
name: mine
title: mine
profile: vm
seed: 1
blocks: 6
dataset: {users: 1000, orders: 1000}
subjects:
  one: {service: asyncpg}
  own: {service: PATH}
workloads:
  read-one: {operations: [{operation: read-user}]}
loads:
  client: {generator: client-closed, connections: 4, duration_s: 1}
comparisons:
  - {baseline: one, candidate: own}
"""


@pytest.fixture
def own(tmp_path):
    return scaffold.create(tmp_path / "own", package=None, like=None).folder


@pytest.fixture
def load(tmp_path):
    """Reads a plan in a folder of its own that names a service by a path."""

    def read(path="../own", **changes):
        file = tmp_path / "plans/mine.yaml"
        file.parent.mkdir(exist_ok=True)
        text = PLAN.replace("PATH", path)
        for old, new in changes.items():
            text = text.replace(old, new)
        file.write_text(text)
        return plans.load(str(file))

    return read


def test_the_path_begins_at_the_plan_and_the_bundle_has_the_name_alone(own, load, tmp_path):
    resolved = plans.resolve(load())
    assert resolved.plan.subjects["own"].service == "own"
    assert str(tmp_path) not in resolved.document.decode()
    assert resolved.sealed.services.keys() == {"asyncpg", "own"}
    assert resolved.brought.keys() == {"own"}
    inputs = record.inputs(resolved)
    kept = {path.relative_to(own).as_posix(): path.read_bytes() for path in own.iterdir()}
    assert {path: inputs[f"inputs/services/own/{path}"] for path in kept} == kept
    told = ServiceRecord.PATH.format(service="own")
    assert hashlib.sha256(kept["repository.py"]).hexdigest().encode() in inputs[told]


def test_the_words_of_its_packages_identify_nobody(own, load):
    """A host or a user may have the name of an ORM that the lab has never heard of."""
    file = own / "service.toml"
    file.write_text(file.read_text() + '\n[packages.gull-orm]\nmodule = "gull"\n')
    (own / "stack.in").write_text("gull-orm\n")
    (own / "stack.txt").write_text(f"gull-orm==1.0 --hash=sha256:{'0' * 64}\n")
    words = own_words(plans.resolve(load()))
    assert {"own", "gull", "gull-orm", "asyncpg", "mine", "read-one", "client"} <= words
    named = Redactor().knowing({"name": ["gull", "sqlalchemy", "alice"]}, words)
    assert named.values["name"] == {"alice"}
    assert Redactor().knowing({"name": ["gull", "asyncpg"]}).values["name"] == {"gull", "asyncpg"}


def test_a_folder_with_a_dash_below_and_a_stack_of_its_own_is_one_like_any_other(load, tmp_path):
    folder = scaffold.create(tmp_path / "my_own", package=None, like="psycopg").folder
    assert (folder / "stack.in").exists()
    assert load("../my_own").subjects["own"].stack == "my_own"


def test_what_is_in_the_folder_decides_the_digest(own, load):
    before = plans.resolve(load()).sealed.services
    (own / ".git").mkdir()
    (own / "__pycache__").mkdir()
    (own / "__pycache__/x.pyc").write_bytes(b"x")
    assert plans.resolve(load()).sealed.services == before
    (own / "more.py").write_text("X = 1\n")
    after = plans.resolve(load()).sealed.services
    assert after["own"] != before["own"]
    assert after["asyncpg"] == before["asyncpg"]


def test_a_digest_can_be_made_with_coreutils(own, load):
    listed = subprocess.run(
        "LC_ALL=C find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True,
        cwd=own,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert plans.resolve(load()).sealed.services["own"] == listed.split()[0]


def test_it_is_shipped_whole_beside_the_lab_s_own(own, load):
    (own / "data.bin").write_bytes(b"\0")
    resolved = plans.resolve(load())
    archive = source_archive(checkout.ROOT, resolved.stacks_folder, resolved.brought)
    assert b"workloads/services/own/data.bin" in archive
    assert b"workloads/services/asyncpg/repository.py" in archive
    assert b"workloads/services/own/" not in source_archive(checkout.ROOT, checkout.STACKS)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("asyncgp", "there is no service 'asyncgp'; did you mean 'asyncpg'?"),
        ("../nowhere", "the folder holds no service"),
        ("My Service", "String should match pattern"),
    ],
)
def test_a_plan_that_names_no_service_is_refused(load, path, what):
    with pytest.raises(PlanError) as refused:
        load(path)
    assert what in str(refused.value)


def test_an_outsider_takes_no_name_of_the_lab_s(tmp_path, load):
    outside = tmp_path / "sqlalchemy"
    outside.mkdir()
    told = (manifest.FOLDER / "sqlalchemy/service.toml").read_bytes()
    (outside / "service.toml").write_bytes(told)
    with pytest.raises(PlanError, match="has a service 'sqlalchemy' of its own"):
        load("../sqlalchemy")


@pytest.mark.usefixtures("own")
def test_two_folders_of_one_name_are_refused(load, tmp_path):
    scaffold.create(tmp_path / "other/own", package=None, like=None)
    with pytest.raises(PlanError, match="two folders have the name 'own'"):
        plans.resolve(load(**{"{service: asyncpg}": "{service: ../other/own}"}))


def test_a_plan_that_asks_for_what_a_service_cannot_do_is_refused(own, load):
    text = (own / "service.toml").read_text()
    (own / "service.toml").write_text(f'{text}\n[cannot]\nread-user = "it knows no users"\n')
    with pytest.raises(PlanError, match=r"own cannot do 'read-user', .*: it knows no users"):
        plans.resolve(load())


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda own: (own / "x.py").symlink_to("/etc/passwd"), "is a symbolic link"),
        (lambda own: (own / "a b.py").touch(), "has a name that a bundle cannot have"),
        (
            lambda own: (own / "x.py").write_text("A = 1\nURL = 'postgres://u:hunter2@db/x'\n"),
            "holds in line 2 what looks like a secret",
        ),
    ],
)
def test_what_no_bundle_can_keep_is_refused_before_anything_runs(own, load, make, what):
    make(own)
    with pytest.raises(PlanError, match=what):
        record.inputs(plans.resolve(load()))


def test_a_folder_that_is_too_large_is_refused(own, load):
    for number in range(501):
        (own / f"f{number}.py").touch()
    with pytest.raises(PlanError, match="more than 500 files"):
        plans.resolve(load()).sealed  # noqa: B018 - a property that reads the folder


def test_a_recorded_service_is_used_again_from_the_bundle(own, load, tmp_path):
    resolved = plans.resolve(load())
    for path, data in record.inputs(resolved).items():
        place = tmp_path / "bundle" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    for path in own.iterdir():
        path.unlink()
    own.rmdir()
    known = recorded.lay_out_services(tmp_path / "bundle", tmp_path / "laid")
    assert known["asyncpg"].is_shipped
    assert known["own"].folder == tmp_path / "laid/own"
    folder = recorded.lay_out(tmp_path / "bundle", tmp_path / "stacks", known)
    again = recorded.resolve_again(tmp_path / "bundle", folder, known)
    assert again.document == resolved.document
    assert again.brought == resolved.brought
    compared = {each.name: each.compared for each in recorded.compare_services(known.values())}
    assert compared == {"services/asyncpg": "same", "services/own": "none"}


@pytest.fixture
def with_a_stack(tmp_path):
    """A service outside of the repository that brings a stack, as one of the lab's does."""
    origin = manifest.shipped()["psycopg"]
    service = scaffold.create(tmp_path / "own", package=None, like="psycopg")
    (service.folder / "stack.txt").write_bytes((origin.folder / "stack.txt").read_bytes())
    return service


def laid_out(tmp_path, service, *, text=lambda text: text):
    """The stack of a service, with the checkout's stacks below it; ``text`` changes those."""
    folder = tmp_path / "laid"
    shutil.copytree(checkout.STACKS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    defined = folder / "stacks.toml"
    defined.write_text(text(defined.read_text()))
    return folder, stacks.load(folder, [service])[service.name]


def test_the_stack_of_an_outsider_is_compared_with_its_folder_and_not_with_the_lab_s(
    with_a_stack, tmp_path
):
    folder, stack = laid_out(tmp_path, with_a_stack)
    found = {each.name: each.compared for each in recorded.compare(folder, [stack])}
    assert found == {"stacks.toml": "same", "current.txt": "same"}


def test_a_stack_below_an_outsider_s_that_is_not_the_lab_s_is_another_one(with_a_stack, tmp_path):
    folder, stack = laid_out(
        tmp_path, with_a_stack, text=lambda text: text.replace('"3.13"', '"3.13.0"', 1)
    )
    assert stack.base.python == "3.13.0"
    first, _ = recorded.compare(folder, [stack])
    assert (first.name, first.compared) == ("stacks.toml", "other")


def test_a_bundle_names_no_path():
    sealed = plans.resolve(plans.load("demo")).sealed.model_dump(by_alias=True, mode="json")
    first = next(iter(sealed["plan"]["subjects"].values()))
    first["service"] = "/somewhere/else"
    with pytest.raises(ValueError, match="is a path, and not a name"):
        SealedPlan.model_validate(sealed)


def test_git_need_not_know_the_files_of_a_service_of_the_lab():
    own = manifest.shipped()["asyncpg"]
    assert services.files(own).keys() == {
        path.relative_to(own.folder).as_posix()
        for path in own.folder.iterdir()
        if path.name != "__pycache__"
    }
    assert own.folder.is_relative_to(CHECKOUT)


@pytest.mark.usefixtures("own")
def test_a_plan_asks_only_for_migrations_that_the_service_has(load):
    asking = "{service: sqlalchemy, stack: current-migrations, migrations: alembic}"
    plan = load(**{"{service: asyncpg}": asking})
    assert plans.resolve(plan).plan.subjects["one"].migrations == "alembic"
    plan = load(**{"{service: asyncpg}": asking.replace("alembic", "aerich")})
    with pytest.raises(PlanError, match="sqlalchemy has no migrations by 'aerich'") as refused:
        plans.resolve(plan)
    assert refused.value.where == "mine: subjects.one.migrations"
    assert "alembic" in refused.value.hint


@pytest.mark.usefixtures("own")
def test_a_plan_without_migrations_is_resolved_as_before_there_were_any(load):
    assert b"migrations" not in plans.resolve(load()).document
