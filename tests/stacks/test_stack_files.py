"""stacks.toml is read strictly, the locks are what they should be, the digest misses nothing."""

import dataclasses
import re
import shutil

import pytest

from workloads import stacks
from workloads.stacks import lock, locks

STACKS = stacks.load()
LOCKS = sorted({*stacks.FOLDER.glob("*.txt"), *stacks.FOLDER.glob("build/*.txt")})


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(stacks.FOLDER, tmp_path / "stacks")


def ancestry(stack):
    """The stack, its base, the base of that, and so on."""
    return [stack, *(ancestry(stack.base) if stack.base else ())]


def edited(folder, old, new):
    path = folder / "stacks.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return folder


def test_the_stacks_are_those_the_lab_speaks_of():
    assert set(stacks.load(services=())) == {
        "current",
        "current-migrations",
        "fastapi-current",
        "published",
        "published-py312",
        "published-py312-tools",
        "nearest-py313",
        "nearest-py313-purewheel",
        "nearest-py313-jit",
        "nearest-py313-jit-off",
        "sqlalchemy-2.0.0",
        "sqlalchemy-newest",
        "tortoise-0.20.0",
        "tortoise-newest",
        "fastapi-0.109.0",
        "fastapi-0.109.0-tortoise-0.20.0",
    }


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('schema = "stacks/1"', 'schema = "stacks/2"', r"top level: .*'stacks/2' - at"),
        ('schema = "stacks/1"', "", r"top level: .*missing required field `schema`"),
        ('schema = "stacks/1"', 'schema = "stacks/1"\ncolour = 1', r"top level: .*field `colour`"),
        ('python = "3.13"', 'pyhton = "3.13"', r"stacks\.current: .*unknown field `pyhton`"),
        ('python = "3.13"', "", r"stacks\.current: 'python' is missing, and there is no base"),
        ('title = "Newest releases"', "", r"stacks\.current: .*missing required field `title`"),
        ('base = "published"', 'base = "lost"', r"py312: 'base' 'lost' is no stack before"),
        ('base = "published"', "base = 1", r"published-py312: .*got `int` - at `\$\.base`"),
        ('python = "3.13+jit"', 'python = "3.13+gil"', r"jit: .*regex.* - at `\$\.python`"),
        ('build = "cython-0"', 'built = "cython-0"', r"stacks\.published: .*unknown field `built`"),
        ('build = "cython-0"', "build = 0", r"stacks\.published: .*got `int` - at `\$\.build`"),
        ('python = "3.12"', 'python = "3"', r"matching regex.* - at `\$\.python`"),
        ('expect = "fails"', 'expect = "maybe"', r"'maybe' - at `\$\.expect`"),
        ('"2024-10-24T00:00:00Z"', '"2024-10-24"', r"matching regex.* - at `\$\.exclude_newer`"),
        ('extensions = "past"', 'extensions = "lost"', r"'extensions' names no such table: 'lost'"),
        ('pure = ["sqlalchemy"]', 'pure = ["sqlalchmy"]', r"'pure' 'sqlalchmy' has no exten"),
        ('pure = ["sqlalchemy"]', "pure = [1]", r"got `int` - at `\$\.pure\[0\]`"),
        ('uvloop = "uvloop"', "", r"imports: 'uvloop' is missing: current\.in asks for it"),
        ('greenlet = ["greenlet._greenlet"]', "greenlet = 1", r"\w+\.greenlet: .*got `int`"),
        ("[imports]", "[imports", r"stacks\.toml: .*at line"),
    ],
)
def test_a_mistake_is_refused_with_file_and_key(folder, old, new, complaint):
    with pytest.raises(stacks.StackFileError, match=complaint) as refused:
        stacks.load(edited(folder, old, new))
    assert str(refused.value).startswith("stacks.toml: ")


def test_a_missing_file_is_named(folder):
    (folder / "current.txt").unlink()
    current = stacks.load(folder)["current"]
    with pytest.raises(stacks.StackFileError, match=r"current\.txt: No such file"):
        current.pins()


def test_a_package_without_a_pin_is_named(folder):
    (folder / "current.txt").write_text("aiohttp==3.14.5 --hash=sha256:" + "0" * 64 + "\n")
    current = stacks.load(folder)["current"]
    with pytest.raises(stacks.StackFileError, match=r"current\.txt: no pin of asyncpg"):
        current.packages()


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_line_of_a_lock_is_a_pin_or_a_hash(path):
    pin = re.compile(r"[a-z0-9][a-z0-9-]*==[\w.]+ \\")
    digest = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?P<goes_on> \\)?")
    hash_is_due = False
    for line in path.read_text().splitlines():
        found = digest.fullmatch(line)
        assert found if hash_is_due else found is None and pin.fullmatch(line), line
        hash_is_due = found is None or found["goes_on"] is not None
    assert not hash_is_due


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_lock_pins_what_is_asked_for_as_it_is_asked_for(stack):
    asked: dict[str, str] = {}
    for each in reversed(ancestry(stack)):
        text = each.wanted.read_text() if each.wanted.exists() else ""
        for line in re.sub(r"\s*#.*", "", text).split():
            name, _, version = re.sub(r"\[.*\]", "", line).partition("==")
            asked[name] = version
    assert set(stack.packages()) == set(stack.imports) == set(asked)
    for name, version in asked.items():
        assert stack.packages()[name] == version or not version
    assert set(stack.compiled) <= set(stack.pins())
    assert {*stack.no_binary, *stack.pure} <= set(stack.packages())


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_stack_that_builds_from_source_has_its_tools_pinned(stack):
    assert stack.build_lock or not stack.no_binary
    if stack.build_lock:
        assert re.search(r"^setuptools==", stack.build_lock.read_text(), re.MULTILINE)


def test_the_published_pins_are_the_articles():
    for name in ("published", "published-py312"):
        assert STACKS[name].packages() == {
            "aiohttp": "3.9.1",
            "asyncpg": "0.29.0",
            "sqlalchemy": "2.0.21",
            "tortoise-orm": "0.21.0",
        }
    assert STACKS["published"].python == "3.13.0"


@pytest.mark.parametrize(
    "stack", [each for each in STACKS.values() if each.base], ids=lambda each: each.name
)
def test_a_stack_with_a_base_is_the_base_but_for_the_pins_of_its_own_lock(stack):
    own = locks.read(stack.lock) if stack.wanted.exists() else {}
    assert stack.pins() == {**stack.base.pins(), **own}
    assert locks.parse(stack.text(), "whole") == stack.pins()
    again = locks.parse(stack.requirements(), "made")
    assert {name: pin.version for name, pin in again.items()} == {
        name: pin.version for name, pin in stack.pins().items()
    }
    for name, pin in own.items():
        before = stack.base.pins().get(name)
        assert before is None or before.version != pin.version, f"{name} need not stand there"
    assert stack.lock.exists() == stack.wanted.exists()


@pytest.mark.parametrize(
    ("name", "base", "replaced"),
    [
        ("nearest-py313", "published", {"asyncpg": "0.30.0", "sqlalchemy": "2.0.31"}),
        ("sqlalchemy-2.0.0", "published-py312", {"sqlalchemy": "2.0.0"}),
        ("tortoise-0.20.0", "published-py312", {"tortoise-orm": "0.20.0"}),
        ("fastapi-0.109.0-tortoise-0.20.0", "fastapi-0.109.0", {"tortoise-orm": "0.20.0"}),
    ],
)
def test_an_override_replaces_what_it_is_there_for_and_nothing_else(name, base, replaced):
    stack = STACKS[name]
    assert stack.base == STACKS[base]
    own = [stack.lock, *([stack.build_lock] if stack.build_lock else [])]
    assert stack.files == [*stack.base.files, *own]
    old, new = stack.base.pins(), stack.pins()
    assert {key: pin.version for key, pin in new.items() if pin != old.get(key)} == replaced


def test_an_override_without_a_lock_is_named(folder):
    (folder / "tortoise-0.20.0.txt").unlink()
    with pytest.raises(stacks.StackFileError, match=r"tortoise-0\.20\.0\.txt: No such file"):
        stacks.load(folder)["tortoise-0.20.0"].pins()


def test_only_a_stack_that_asks_for_the_jit_says_whether_it_runs():
    said = {name: stack.variables for name, stack in STACKS.items() if stack.variables}
    assert said == {
        "nearest-py313-jit": {"PYTHON_JIT": "1"},
        "nearest-py313-jit-off": {"PYTHON_JIT": "0"},
    }


def test_a_lock_of_build_tools_is_resolved_for_the_first_stack_that_names_it():
    found = lock.build_tools(list(STACKS.values()))
    assert {path.name: how[1] for path, how in found.items()} == {
        "cython-0.in": "3.13.0",
        "cython-3.in": "3.13",
    }


def test_the_digest_does_not_depend_on_words_for_people():
    stack = STACKS["published"]
    told = dataclasses.replace(stack, title="Other", note="other", expect="works")
    assert told.digest() == stack.digest()


@pytest.mark.parametrize(
    "change",
    [
        {"python": "3.13"},
        {"build": None},
        {"build": "cython-3"},
        {"no_binary": ("sqlalchemy",)},
        {"pure": ("sqlalchemy",)},
        {"compiled": {}},
        {"imports": {}},
    ],
    ids=str,
)
def test_the_digest_changes_with_each_option(change):
    stack = STACKS["published"]
    assert dataclasses.replace(stack, **change).digest() != stack.digest()


@pytest.mark.parametrize("name", ["published.txt", "build/cython-0.txt"])
def test_the_digest_changes_with_each_lock(folder, name):
    assert stacks.load(folder)["published"].digest() == STACKS["published"].digest()
    path = folder / name
    path.write_text(path.read_text().replace("sha256:0", "sha256:1", 1))
    assert stacks.load(folder)["published"].digest() != STACKS["published"].digest()


def test_the_digest_changes_with_what_is_asked_for(folder):
    (folder / "published.in").write_text("aiohttp==3.9.1\n")
    assert stacks.load(folder)["published"].digest() != STACKS["published"].digest()
