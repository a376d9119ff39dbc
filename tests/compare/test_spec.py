"""Subjects as they are written on a command line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ormlab.base.errors import UsageError
from ormlab.compare import spec
from ormlab.compare.spec import Spec, parse
from ormlab.subject import scaffold
from tests.compare.conftest import attempt
from workloads.services import manifest

# Those that can use PostgreSQL: a comparison names no other database.
SERVICES = tuple(each for each in manifest.shipped().values() if each.drivers())

VERSIONS = st.builds(
    lambda numbers, end: ".".join(map(str, numbers)) + end,
    st.lists(st.integers(0, 99), min_size=1, max_size=3),
    st.sampled_from(["", "a1", "b2", "rc3", ".post1", ".dev4"]),
)
PATHS = st.text(
    st.characters(codec="ascii", categories=["L", "N"], include_characters="./_- "), min_size=1
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "pool.size": st.integers(1, 150),
        "pool.overflow": st.integers(0, 150),
        "workers": st.integers(1, 64),
        "loop": st.sampled_from(["asyncio", "uvloop"]),
        "framework": st.sampled_from(["aiohttp", "fastapi"]),
        "cache.ttl_s": st.floats(0, 3600),
        "options.echo": st.booleans() | st.none() | st.sampled_from(["AUTOCOMMIT", "a b"]),
    },
)
SPECS = st.builds(
    lambda service, source, settings: Spec(service, **source, settings=settings),
    st.sampled_from(SERVICES),
    st.just({})
    | st.builds(lambda version: {"version": version}, VERSIONS)
    | st.builds(lambda path: {"path": Path(path)}, PATHS),
    SETTINGS,
)


@given(SPECS)
def test_what_a_subject_says_of_itself_is_read_as_that_subject(written):
    assert parse(str(written)) == written


@given(st.text(max_size=60) | st.text("sqlachemy@+{}=.,:1 ", max_size=30))
def test_any_text_is_a_subject_or_one_clear_error(text):
    read, refused = attempt(parse, text)
    if refused:
        assert refused.code == "subject-invalid"
        assert refused.hint
        assert "\n" not in refused.hint
    else:
        assert read.service in SERVICES


@pytest.mark.parametrize(
    ("text", "part", "allowed"),
    [
        ("sqlalchem", "no service 'sqlalchem'", "sqlalchemy"),
        ("", "no service ''", "sqlalchemy"),
        ("tortoise@latest", "'latest' is no version", "2.0.44"),
        ("tortoise@", "'' is no version", "2.0.44"),
        ("tortoise@1+../x", "'1+../x' is no version", "2.0.44"),
        ("tortoise+", "no path after the +", "checkout or a wheel"),
        ("tortoise{", "not the form", "NAME@VERSION"),
        ("tortoise{}", "'' is no setting", "KEY=VALUE"),
        ("tortoise{pool.size}", "'pool.size' is no setting", "KEY=VALUE"),
        ("tortoise{pool=5}", "no setting 'pool'", "pool.size"),
        ("tortoise{burden=0.1}", "no setting 'burden'", "pool.size"),
        ("tortoise{service=asyncpg}", "no setting 'service'", "pool.size"),
        ("tortoise{options.=1}", "no setting 'options.'", "options.NAME"),
        ("tortoise{workers=1,workers=2}", "'workers' stands there twice", "leave one out"),
        ("tortoise{pool.size=0}", "pool.size is 0: ", "docs/plans.md"),
        ("tortoise{pool.size=many}", "pool.size is 'many': ", "docs/plans.md"),
        ("tortoise{loop=trio}", "loop is 'trio': input should be 'asyncio' or 'uvloop'", "loop"),
        ("tortoise@1.1.9{stack=current}", "its stack decides its version", "not both"),
    ],
)
def test_a_mistake_names_its_part_and_what_is_allowed(text, part, allowed):
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert part in refused.value.what
    assert allowed in refused.value.hint


def test_a_folder_is_a_service_by_its_path(tmp_path, monkeypatch):
    scaffold.create(tmp_path / "mine", package=None, like=None)
    monkeypatch.chdir(tmp_path)
    for written in ("./mine", "./mine@1.0", f"{tmp_path}/mine{{pool.size=5}}"):
        read = parse(written)
        assert read.service.name == "mine"
        assert parse(str(read)) == read
        assert read.subject("current").service == str(tmp_path / "mine")
    with pytest.raises(UsageError, match="the folder holds no service"):
        parse("./yours")


def test_settings_are_those_of_the_plans_subject():
    subject = parse("tortoise{pool.size=5, cache.ttl_s=0.5,options.echo=false}").subject("current")
    assert subject.pool.size == 5
    assert subject.cache.ttl_s == 0.5
    assert subject.options == {"echo": False}
    assert {"stack", "workers", "pool.overflow", "loop", "options.NAME"} <= set(spec.allowed())


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_text(text):
    assert parse(f"sqlalchemy{{options.echo={text}}}").settings == {"options.echo": text}
