"""What Ansible ships with each module of the lab is all that the module needs.

Ansible itself packs each module, as it does for a host; then an interpreter that has nothing but
its standard library and that package imports it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

import pytest

from agent import interpreters
from tests.conftest import CHECKOUT

MODULES = sorted(
    [*CHECKOUT.glob("plugins/modules/*.py"), *CHECKOUT.glob("roles/*/library/*.py")],
    key=lambda path: path.stem,
)
FILTERS = sorted(
    [*CHECKOUT.glob("plugins/filter/*.py"), *CHECKOUT.glob("roles/*/filter_plugins/*.py")]
)
PACK = """
import datetime, pathlib, sys, zipfile
from ansible._internal._ansiballz import _builder
from ansible.executor import module_common
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader()
out, *paths = map(pathlib.Path, sys.argv[1:])
for path in paths:
    with zipfile.ZipFile(out / f"{path.stem}.zip", "w") as package:
        module_common.recursive_finder(
            path.stem,
            f"ansible.legacy.{path.stem}",
            path.read_bytes(),
            package,
            datetime.datetime.now(datetime.UTC),
            _builder.ExtensionManager(),
        )
        package.write(path, path.name)
"""
IMPORT = "import sys; sys.path.append(sys.argv[1]); __import__(sys.argv[2])"
LOAD = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("plugin", sys.argv[1])
plugin = module_from_spec(spec)
sys.modules["plugin"] = plugin
spec.loader.exec_module(plugin)
assert plugin.FilterModule().filters()
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    variables = {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(folder)}
    packed = subprocess.run(
        [sys.executable, "-c", PACK, folder, *MODULES],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env=os.environ | variables,
    )
    assert packed.returncode == 0, packed.stderr
    return folder


@pytest.fixture(scope="module", params=["3.12", "3.13"])
def interpreter(request):
    found = interpreters.find(request.param)
    if found is None:
        pytest.skip(f"there is no CPython {request.param} here")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_finds_all_that_it_imports(module, packages, interpreter):
    package = packages / f"{module.stem}.zip"
    imported = subprocess.run(
        [interpreter, "-I", "-S", "-W", "error", "-c", IMPORT, package, module.stem],
        capture_output=True,
        text=True,
        check=False,
    )
    assert imported.returncode == 0, imported.stderr


def test_of_the_labs_packages_only_host_is_shipped(packages):
    own = {path.parent.name for path in CHECKOUT.glob("*/__init__.py")}
    for module in MODULES:
        with zipfile.ZipFile(packages / f"{module.stem}.zip") as package:
            shipped = {name.split("/")[2] for name in package.namelist() if name.count("/") > 2}
        assert shipped & own <= {"host"}, module.stem


@pytest.mark.parametrize("plugin", FILTERS, ids=lambda path: path.stem)
def test_a_filter_finds_all_that_it_imports(plugin):
    loaded = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", LOAD, plugin],
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
