"""Nothing in the tree starts a process whose environment the one function has not made."""

from __future__ import annotations

import ast
import subprocess

import pytest

from tests.conftest import CHECKOUT

_STARTS = {
    "subprocess": {"Popen", "call", "check_call", "check_output", "getoutput", "run"},
    "os": {
        *("execl", "execle", "execlp", "execlpe", "execv", "execve", "execvp", "execvpe"),
        *("popen", "posix_spawn", "posix_spawnp", "spawnl", "spawnle", "spawnlp", "spawnlpe"),
        *("spawnv", "spawnve", "spawnvp", "spawnvpe", "system"),
    },
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "pexpect": {"run", "spawn"},
    "pty": {"spawn"},
}
_STARTERS = {name for names in _STARTS.values() for name in names} - {"run", "call", "spawn"}
_EXEMPT = {
    # It is run by `agent.stacks.environment`, in an environment that the function has made, and
    # finds nothing of the lab there.
    "agent/stacks/probe.py",
    # The function itself is what it hands on.
    "host/__main__.py",
}
_OUTSIDE = ("tests/", "evidence/", "docs/", "pytest-ormlab/tests/")


def _takes_it_from_the_function(call: ast.Call) -> bool:
    given = [each.value for each in call.keywords if each.arg == "env"]
    made = given[0] if given else None
    if not isinstance(made, ast.Call):
        return False
    name = made.func.attr if isinstance(made.func, ast.Attribute) else getattr(made.func, "id", "")
    return name == "environment"


def _starts_a_process(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute):
        module = function.value.id if isinstance(function.value, ast.Name) else ""
        return function.attr in _STARTS.get(module, ()) or function.attr in _STARTERS
    return isinstance(function, ast.Name) and function.id in _STARTERS


def unmade(source: str) -> list[int]:
    """Lines of a module that start a process in an environment of somebody else."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if _starts_a_process(call) and not _takes_it_from_the_function(call)
    ]


def test_every_process_that_is_started_gets_its_environment_from_the_function():
    listed = subprocess.run(
        ["git", "-C", str(CHECKOUT), "ls-files", "-co", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    paths = [path for path in listed.stdout.split() if not path.startswith(_OUTSIDE)]
    assert {"agent/processes.py", "bootstrap.py", *_EXEMPT} <= set(paths)
    found = {
        f"{path}:{line}"
        for path in set(paths) - _EXEMPT
        if (CHECKOUT / path).exists()
        for line in unmade((CHECKOUT / path).read_text())
    }
    assert found == set()


def test_libraries_that_start_processes_are_used_in_one_place_each():
    # pyinfra and paramiko are kept to ormlab/hosts by the import rules.
    users = {
        path.relative_to(CHECKOUT).as_posix()
        for folder in ("agent", "analysis", "bench", "host", "ormlab", "workloads")
        for path in (CHECKOUT / folder).rglob("*.py")
        if "ansible_runner" in path.read_text()
    }
    assert users == {"ormlab/provision/playbook.py"}


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("subprocess.run(['x'])", True),
        ("subprocess.run(['x'], env=os.environ)", True),
        ("subprocess.Popen(['x'], env={**os.environ})", True),
        ("os.execvp('x', ['x'])", True),
        ("Popen(['x'])", True),
        ("asyncio.create_subprocess_exec('x')", True),
        ("subprocess.run(['x'], env=environment('tool'))", False),
        ("subprocess.run(['x'], env=environment.environment('tool', extra))", False),
        ("runner.run(serve())", False),
    ],
)
def test_a_start_in_another_environment_is_found(line, is_found):
    assert bool(unmade(line)) == is_found
