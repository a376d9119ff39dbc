"""``ormlab subject``: a folder that works, its lock, and what trying it shows."""

import json

import pytest

from tests.cli.inside import ormlab
from workloads.services import manifest
from workloads.stacks import locks


def test_the_list_has_every_service_with_its_stack():
    told = json.loads(ormlab("subject", "list", "--json").stdout)
    assert {each["name"]: each["stack"] for each in told["services"]} == {
        name: service.stack for name, service in manifest.shipped().items()
    }
    text = ormlab("subject", "list").stdout
    assert all(each["title"] in text for each in told["services"])


@pytest.mark.parametrize("like", manifest.shipped())
def test_a_new_folder_is_a_service_like_the_one_it_copies(tmp_path, like):
    ormlab("subject", "new", str(tmp_path / "mine"), "--like", like)
    made, origin = manifest.read(tmp_path / "mine"), manifest.shipped()[like]
    assert made.manifest.packages == origin.manifest.packages
    assert (made.manifest.kind, made.manifest.package) == (
        origin.manifest.kind,
        origin.manifest.package,
    )
    code = "".join(path.read_text() for path in made.folder.glob("*.py"))
    assert f"workloads.services.{like}" not in code
    assert "workloads.services.mine" in code


def test_a_new_folder_about_a_package_asks_for_it(tmp_path):
    told = json.loads(
        ormlab("subject", "new", str(tmp_path / "mine"), "--package", "my-lib", "--json").stdout
    )
    assert "stack.in" in told["files"]
    made = manifest.read(tmp_path / "mine")
    assert (made.manifest.package, made.manifest.kind) == ("my-lib", "orm")
    assert made.manifest.packages["my-lib"].module == "my_lib"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("9x",), "'9x' cannot be the name of a service"),
        (("sqlalchemy",), "the lab has a service 'sqlalchemy' of its own"),
        (("mine", "--like", "sqlalchmy"), "did you mean 'sqlalchemy'?"),
        (("mine", "--package", "My_Lib==1"), "'My_Lib==1' is no name of a package"),
        (("there",), "the folder is there already"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(tmp_path, monkeypatch, arguments, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    answer = ormlab("subject", "new", *arguments, code=2)
    assert what in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_lock_pins_what_the_folder_asks_for_and_no_more(tmp_path):
    ormlab("subject", "new", str(tmp_path / "mine"), "--package", "iniconfig")
    told = json.loads(ormlab("subject", "lock", str(tmp_path / "mine"), "--json").stdout)
    assert told["packages"].keys() == {"iniconfig"}
    assert locks.read(tmp_path / "mine/stack.txt").keys() == {"iniconfig"}


def test_a_lock_that_cannot_be_made_says_why(tmp_path):
    ormlab("subject", "new", str(tmp_path / "mine"), "--package", "iniconfig")
    (tmp_path / "mine/stack.in").write_text("iniconfig==0.0.0.1\n")
    answer = ormlab("subject", "lock", str(tmp_path / "mine"), code=2)
    assert "the stack of mine cannot be locked" in answer.stderr
    ormlab("subject", "new", str(tmp_path / "plain"))
    answer = ormlab("subject", "lock", str(tmp_path / "plain"), code=2)
    assert "plain brings no stack: it runs on current" in answer.stderr
