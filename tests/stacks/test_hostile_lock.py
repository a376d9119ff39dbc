"""A lock holds pinned packages and hashes; what an installer would obey beyond that is refused."""

from __future__ import annotations

import shutil

import pytest

from ormlab.base import checkout
from tests.hostile.making import LOCK
from tests.hostile.run import TABLE
from workloads import stacks
from workloads.stacks import locks

HASH = f"--hash=sha256:{'a' * 64}"
_HOSTILE = [each for each in TABLE if each.kind == "locks"]


@pytest.mark.parametrize("each", _HOSTILE, ids=lambda each: each.name)
def test_what_an_installer_would_obey_is_refused_with_file_and_line(tmp_path, each):
    bundle = tmp_path / "bundle"
    (bundle / LOCK).parent.mkdir(parents=True)
    shutil.copyfile(checkout.STACKS / "current.txt", bundle / LOCK)
    (bundle / "inputs/plan.yaml").write_text(f"stacks:\n  current: {'0' * 64}\n")
    each.apply(bundle, tmp_path)
    with pytest.raises(stacks.StackFileError, match=r"^current\.txt:[1-3]: "):
        locks.read(bundle / LOCK)


def test_a_lock_is_written_anew_for_an_installer():
    text = (
        "# a comment \\\n"
        "    # another\n"
        f"Some_Thing==1.0.post1 ; python_version >= '3.9' and sys_platform == \"linux\" \\\n"
        f"    {HASH} \\\n"
        f"    {HASH[:-1]}b\n"
        f"other==2!1.0+local {HASH}\n"
    )
    pins = locks.parse(text, "made.txt")
    assert list(pins) == ["some-thing", "other"]
    assert pins["some-thing"].requirement == (
        "Some_Thing==1.0.post1 ; python_version >= '3.9' and sys_platform == \"linux\" "
        f"{HASH} {HASH[:-1]}b\n"
    )
    again = locks.parse("".join(pin.requirement for pin in pins.values()), "again.txt")
    assert [pin.requirement for pin in again.values()] == [pin.requirement for pin in pins.values()]


@pytest.mark.parametrize(
    "path",
    [*checkout.STACKS.rglob("*.txt"), *(checkout.ROOT / "requirements").glob("*.txt")],
    ids=lambda path: path.name,
)
def test_every_lock_of_the_checkout_is_one(path):
    assert locks.read(path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[stacks.current]", '[stacks."../x"]', r"stacks: '\.\./x': .*matching regex"),
        ("[stacks.current]", '[stacks."/tmp/x"]', r"stacks: '/tmp/x': .*matching regex"),
        ("[stacks.current]", '[stacks."current\\n"]', r"stacks: 'current\\n': .*matching regex"),
        ("[stacks.current]\n", '[stacks.current]\nbuild = "../x"\n', r"regex.*at `\$\.build`"),
        (
            "[stacks.current]\n",
            '[stacks.current]\nno_binary = ["--find-links=/tmp"]\n',
            r"matching regex.* - at `\$\.no_binary\[0\]`",
        ),
        ('uvloop = "uvloop"', 'uvloop = "uvloop; x"', r"imports\.uvloop: .*matching regex"),
        ('"uvloop.loop"', '"uvloop loop"', r"extensions\.\w+\.uvloop: .*matching regex"),
    ],
)
def test_names_that_become_paths_or_options_are_refused(tmp_path, old, new, why):
    folder = tmp_path / "stacks"
    shutil.copytree(checkout.STACKS, folder, ignore=shutil.ignore_patterns("*.py"))
    text = (folder / "stacks.toml").read_text()
    assert old in text
    (folder / "stacks.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(stacks.StackFileError, match=why):
        stacks.load(folder)
