"""A service is what its folder says, and says nothing that it cannot be."""

import re

import pytest

from workloads import stacks
from workloads.services import manifest
from workloads.services.manifest import ManifestError
from workloads.stacks import StackFileError

LEAST = """\
schema = "service/1"
title = "mine"
kind = "orm"
package = "mylib"
databases = {postgresql = ["mydriver"]}

[packages.mylib]
[packages.mydriver]
compiled = ["mydriver.fast", "mydriver.util:is_compiled"]
"""
WRONG = {
    "unknown key 'colour'": LEAST.replace("kind", 'colour = "red"\nkind'),
    "lacks the key 'package'": LEAST.replace('package = "mylib"\n', ""),
    "kind must be one of driver, orm": LEAST.replace('"orm"', '"odm"'),
    "schema must be one of service/1": LEAST.replace("service/1", "service/9"),
    "packages lacks 'mydriver'": LEAST.replace("[packages.mydriver]", "[packages.other]"),
    "'My_Lib' is no normalised name": LEAST.replace('"mylib"', '"My_Lib"'),
    "'mydriver.fast; import os' is no module": LEAST.replace(".fast", ".fast; import os"),
    "databases must name a database": LEAST.replace('{postgresql = ["mydriver"]}', "{}"),
    "databases.postgresql must be str": LEAST.replace('["mydriver"]', "[1]"),
    "packages.mylib must be an object": LEAST.replace("[packages.mylib]", "[packages]\nmylib = 1"),
    "cannot: there is no 'read-users'": f'{LEAST}[cannot]\nread-users = "it has none"\n',
    "commands must name a program": f'{LEAST}[migrations.t]\nstack = "s"\ncommands = [" "]\n',
    "Expected '=' after a key": "what is this\n",
}


@pytest.fixture
def folder(tmp_path):
    """Makes the folder of a service from the text of its manifest, and files beside it."""

    def make(text=LEAST, *, name="mine", **files):
        made = tmp_path / name
        made.mkdir(exist_ok=True)
        (made / "service.toml").write_text(text)
        for file, content in files.items():
            (made / file.replace("_", ".")).write_text(content)
        return made

    return make


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_manifest_is_refused_with_the_key(folder, what):
    made = folder(WRONG[what])
    with pytest.raises(ManifestError, match=f"service.toml: .*{re.escape(what)}"):
        manifest.read(made)


@pytest.mark.parametrize("name", ["My", "9x", "my-lib", "x" * 31, "é"])
def test_the_name_of_the_folder_is_that_of_a_package(folder, name):
    with pytest.raises(ManifestError, match="is no name for a service"):
        manifest.read(folder(name=name))


def test_a_folder_without_a_manifest_is_no_service(tmp_path):
    with pytest.raises(ManifestError, match=r"service\.toml: No such file"):
        manifest.read(tmp_path.joinpath("nothing"))


def test_a_service_runs_on_its_own_stack_if_it_brings_one(folder):
    assert manifest.read(folder()).stack == "current"
    assert manifest.read(folder(stack_in="mylib\n")).stack == "mine"


def test_its_stack_is_its_base_with_what_it_asks_for(folder):
    made = manifest.read(folder(stack_in="mylib\n", stack_txt=""))
    own, base = stacks.load(services=[made])["mine"], stacks.load()["current"]
    assert (own.base, own.python, own.wanted) == (base, base.python, made.folder / "stack.in")
    assert own.imports == {**base.imports, "mylib": "mylib"}
    assert own.compiled == base.compiled
    assert own.pins() == base.pins()
    asked = manifest.read(folder(stack_in="mylib\nmydriver[fast]>=1\n"))
    own = stacks.load(services=[asked])["mine"]
    assert own.compiled["mydriver"] == ("mydriver.fast",)


@pytest.mark.parametrize(
    ("change", "asked", "what"),
    [
        (("kind", 'stack = "currant"\nkind'), "mylib\n", "there is no stack 'currant'"),
        (("", ""), "elsewhere\n", "packages lacks 'elsewhere', which stack.in asks for"),
        (("[packages.mylib]", '[own_stack]\npython = "4"\n[packages.mylib]'), "mylib\n", "'4'"),
    ],
)
def test_a_wrong_stack_is_refused_with_the_place(folder, change, asked, what):
    made = manifest.read(folder(LEAST.replace(*change, 1), stack_in=asked))
    with pytest.raises(StackFileError, match=f"mine/service.toml: .*{re.escape(what)}"):
        stacks.load(services=[made])


def test_no_stack_of_the_lab_is_replaced(folder):
    made = manifest.read(folder(name="current", stack_in="mylib\n"))
    with pytest.raises(StackFileError, match="a stack has the name 'current'"):
        stacks.load(services=[made])


def test_the_services_of_the_lab_are_folders():
    assert all(service.is_shipped for service in manifest.shipped().values())
    assert {each.manifest.kind for each in manifest.shipped().values()} == {"driver", "orm"}
