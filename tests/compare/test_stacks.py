"""Versions and local sources as locked stacks: this needs the registry or a filled cache."""

from __future__ import annotations

import shutil

import pytest

from agent.stacks import build
from bundle import schemas
from ormlab import plan as plans
from ormlab.base import checkout
from ormlab.base.errors import UsageError
from ormlab.compare import plan, source, stacks
from ormlab.compare.plan import Request
from ormlab.compare.spec import Spec, parse
from ormlab.run import recorded, rerun, resume
from ormlab.run.measure import record
from ormlab.run.measure.deployment import source_archive
from tests.compare.conftest import VERSION
from workloads.services import manifest
from workloads.stacks import load, locks

pytestmark = pytest.mark.usefixtures("uv")
VERSIONS = ("sqlalchemy@2.0.21", "sqlalchemy@2.0.44")


def request(*texts, **changes):
    return Request(specs=tuple(map(parse, texts)), seed=1, design="trials", **changes)


def lock(texts, folder, python=None):
    return stacks.lock(tuple(map(parse, texts)), python, folder)


def test_shipped_stacks_are_used_as_they_are(tmp_path):
    locked = lock(["sqlalchemy", "tortoise{stack=published-py312}"], tmp_path / "stacks")
    assert locked == stacks.Locked(checkout.STACKS, ("current", "published-py312"), ())
    fastapi = lock(["tortoise{framework=fastapi}"], tmp_path / "stacks", python="3.13")
    assert fastapi.names == ("fastapi-current",)
    assert not (tmp_path / "stacks").exists()


def test_two_versions_differ_in_nothing_but_their_package(tmp_path):
    locked = lock(VERSIONS, tmp_path / "stacks", python="3.12")
    known = load(locked.folder)
    old, new = (known[name] for name in locked.names)
    assert (old.python, new.python) == ("3.12", "3.12")
    before, after = old.pins(), new.pins()
    differing = {name for name in before if before[name].version != after[name].version}
    assert differing == {"sqlalchemy"}
    assert (before["sqlalchemy"].version, after["sqlalchemy"].version) == ("2.0.21", "2.0.44")
    shipped = load()["current"].pins()
    assert before.keys() <= shipped.keys()
    assert "tortoise-orm" not in before
    assert "sqlalchemy.cyextension.util" in new.compiled["sqlalchemy"]


def test_a_locked_stack_is_sealed_and_can_be_run_again(tmp_path):
    asked = request(*VERSIONS, python="3.12")
    locked = stacks.lock(asked.specs, asked.python, tmp_path / "stacks")
    resolved = plan.make(asked, locked)
    bundle = sealed_inputs(resolved, tmp_path / "bundle")
    assert recorded.names_its_own(bundle)
    again = recorded.resolve_again(bundle, recorded.lay_out(bundle, tmp_path / "again"))
    assert again.document == resolved.document
    rerun.require_same_run(bundle, again)
    resume.require_same_inputs(bundle, again)
    foreign = {each.name for each in recorded.compare(tmp_path / "again", again.stacks.values())}
    assert {f"{name}.txt" for name in locked.names} <= foreign


def sealed_inputs(resolved, bundle):
    for path, data in record.inputs(resolved).items():
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(data)
    return bundle


@pytest.mark.parametrize(
    ("text", "python", "reason"),
    [
        ("sqlalchemy@2.0.999", None, "there is no version of sqlalchemy"),
        ("tortoise@0.1.0", None, "has no usable wheels"),
        ("asyncpg@0.29.0", "3.13", "has no usable wheels"),
    ],
)
def test_a_stack_that_cannot_be_locked_is_one_error_with_the_reason(tmp_path, text, python, reason):
    with pytest.raises(UsageError) as refused:
        lock([text], tmp_path / "stacks", python)
    assert refused.value.code == "stack-unlockable"
    assert reason in refused.value.what
    assert "only wheels are installed" in refused.value.hint
    if "999" in text:
        assert "2.0.4" in refused.value.hint or "2.0.5" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "python", "code"),
    [
        ("tortoise", "3", "python-invalid"),
        ("tortoise", "3.13+jit", "python-invalid"),
        ("tortoise{stack=nope}", None, "stack-unknown"),
        ("tortoise{stack=published}", "3.13", "python-twice"),
        ("tortoise+/nowhere/at/all", None, "source-missing"),
    ],
)
def test_a_stack_that_cannot_be_meant_is_refused(tmp_path, text, python, code):
    with pytest.raises(UsageError) as refused:
        lock([text], tmp_path / "stacks", python)
    assert refused.value.code == code
    assert refused.value.hint


def test_a_checkout_becomes_a_wheel_that_tells_its_commit(made_checkout, tmp_path):
    def make(name):
        (tmp_path / name).mkdir()
        return source.wheel(made_checkout, "tortoise-orm", "3.13", tmp_path / name)

    clean = make("clean")
    assert clean.version == VERSION
    assert "without changes" in clean.origin
    (made_checkout / "tortoise.py").write_text("changed = True\n")
    dirty = make("dirty")
    assert "with uncommitted changes" in dirty.origin
    assert dirty.sha256 != clean.sha256
    assert str(made_checkout) not in clean.origin + dirty.origin


def test_a_checkout_that_does_not_build_says_why(made_checkout, tmp_path):
    (made_checkout / "backend.py").write_text("raise RuntimeError('no backend today')")
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="no backend today") as refused:
        source.wheel(made_checkout, "tortoise-orm", "3.13", tmp_path / "out")
    assert refused.value.code == "source-unbuildable"


def test_a_wheel_of_something_else_is_refused(made_wheel, tmp_path):
    (tmp_path / "out").mkdir()
    other = made_wheel("peewee-3.1-py3-none-any.whl")
    with pytest.raises(UsageError, match="no wheel of tortoise-orm"):
        source.wheel(other, "tortoise-orm", "3.13", tmp_path / "out")


def test_the_compiled_modules_of_a_wheel_are_found_by_its_files(made_wheel, tmp_path):
    (tmp_path / "out").mkdir()
    path = made_wheel(
        "sqlalchemy-9.0-cp313-cp313-linux_x86_64.whl",
        "sqlalchemy/sql/_util_cy.cpython-313-x86_64-linux-gnu.so",
        "sqlalchemy/plain.py",
        "libs/z.abi3.so",
    )
    made = source.wheel(path, "sqlalchemy", "3.13", tmp_path / "out")
    assert made.extensions == {"sqlalchemy.sql._util_cy", "libs.z"}


def test_a_local_source_is_locked_shipped_sealed_laid_out_and_installed(
    uv, made_checkout, tmp_path
):
    twin = tmp_path / "twin"
    shutil.copytree(made_checkout, twin)
    (twin / "tortoise.py").write_text("twin = True\n")
    tortoise = manifest.shipped()["tortoise"]
    specs = (Spec(tortoise, path=made_checkout), Spec(tortoise, path=twin))
    locked = stacks.lock(specs, None, tmp_path / "stacks")
    asked = Request(specs=specs, seed=1, design="trials")
    resolved = plan.make(asked, locked)
    assert len(set(locked.names)) == 2
    for name in locked.names:
        pins = locks.read(locked.folder / f"{name}.txt")
        (wheel,) = load(locked.folder)[name].wheels
        assert pins["tortoise-orm"].version == VERSION
        assert pins["tortoise-orm"].requirement.count("sha256:") == 1
        assert wheel.read_bytes() in source_archive(checkout.ROOT, locked.folder)
    assert any("with uncommitted changes" in note for note in resolved.plan.assumptions)
    assert not any(str(tmp_path) in note for note in resolved.plan.assumptions)

    bundle = sealed_inputs(resolved, tmp_path / "bundle")
    files = [str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()]
    kept = [path for path in files if schemas.of_path(path) is None]
    assert len([path for path in kept if path.endswith((".in", ".whl"))]) == 4
    assert [path for path in kept if not schemas.is_known(path)] == []
    # What verifies the bundle elsewhere has none of these stacks.
    elsewhere = plans.resolve(resolved.plan, stacks_folder=None)
    assert elsewhere.trials == resolved.trials
    laid_out = recorded.lay_out(bundle, tmp_path / "again")
    again = recorded.resolve_again(bundle, laid_out)
    assert again.document == resolved.document
    compared = {
        each.name: each.compared for each in recorded.compare(laid_out, again.stacks.values())
    }
    assert compared[f"tortoise_orm-{VERSION}-py3-none-any.whl"] == "none"

    stack = again.stacks[locked.names[0]]
    outcome = build(stack, envs=tmp_path / "envs", uv=uv, cache=checkout.UV_CACHE)
    assert outcome.packages["tortoise-orm"] == VERSION
    # The made-up package has no module that the lab imports: it was installed, and that is all.
    assert [(each.package, each.stage) for each in outcome.failures] == [("tortoise-orm", "import")]

    wheel = next((bundle / "inputs/locks/wheels").rglob("*.whl"))
    wheel.write_bytes(wheel.read_bytes() + b"x")
    changed = recorded.resolve_again(bundle, recorded.lay_out(bundle, tmp_path / "changed"))
    outcomes = [
        build(each, envs=tmp_path / "envs2", uv=uv, cache=tmp_path / "cache")
        for each in changed.stacks.values()
        if each.wheels[0].name == wheel.name and each.name == wheel.parent.name
    ]
    assert [each.failures[0].stage for each in outcomes] == ["install"]
