"""One line out of an installer's output: the reason, the culprit, or the host."""

import pytest

from agent.stacks import reasons

# As uv 0.13 and GCC 12 print it, shortened.
NOT_COMPILED = """\
Resolved 20 packages in 155ms
   Building asyncpg==0.29.0
error: Failed to build `asyncpg==0.29.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

         [stderr]
         a/pgproto.c:1667:39: warning: implicit declaration of function '_PyGone'; did you \
mean 'PyHere'? [-Wimplicit-function-declaration]
         /usr/include/python3.13/a.h:60:20: warning: conversion may change value
         a/pgproto.c:1667:105: error: invalid type argument of '->' (have 'int')
         a/pgproto.c:41809:27: error: too few arguments to function '_PyLong_AsByteArray'
         error: command '/usr/bin/gcc' failed with exit code 1
"""
NO_COMPILER = """\
error: Failed to download and build `asyncpg==0.29.0`
  cause: The build backend returned an error
         running build_ext
         error: command 'gcc' failed: No such file or directory
"""
NO_HEADERS = """\
error: Failed to build `asyncpg==0.29.0`
         /tmp/x/asyncpg/record.c:4:10: fatal error: Python.h: No such file or directory
         compilation terminated.
         error: command '/usr/bin/gcc' failed with exit code 1
"""
UNSATISFIABLE = """\
error: No solution found when resolving dependencies
  cause: Because plain was not found in the package registry, we can conclude no more.
"""


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            NOT_COMPILED,
            (
                "a/pgproto.c:1667:105: error: invalid type argument of '->' (have 'int'), "
                "after implicit declaration of function '_PyGone'"
            ),
        ),
        (NO_COMPILER, "command 'gcc' failed: No such file or directory"),
        (NO_HEADERS, "record.c:4:10: fatal error: Python.h: No such file or directory"),
        (
            UNSATISFIABLE,
            "Because plain was not found in the package registry, we can conclude no more.",
        ),
        ("Traceback\n  File x\nKeyError: 'x'\n", "KeyError: 'x'"),
        ("it just stops in /tmp/here/now\n", "it just stops in now"),
        ("", "no output"),
    ],
)
def test_the_reason_is_one_line_without_folders(output, reason):
    assert reasons.why(output) == reason


@pytest.mark.parametrize("output", [NOT_COMPILED, NO_COMPILER, NO_HEADERS])
def test_the_culprit_is_named(output):
    assert reasons.culprit(output) == ("asyncpg", "0.29.0")


def test_without_a_culprit_none_is_invented():
    assert reasons.culprit(UNSATISFIABLE) is None


@pytest.mark.parametrize(
    "line",
    [
        "  cause: failed to write to file: No space left on device (os error 28)",
        "error: Failed to fetch: registry",
        "hint: Packages were unavailable because the network was disabled.",
        "gcc: fatal error: Killed signal terminated program cc1",
        "did not end within 1800 s",
    ],
)
def test_trouble_of_the_host_is_told_from_the_stacks(line):
    assert reasons.host_trouble(1, f"error: Failed to build `a==1`\n{line}\n") == line.strip()


@pytest.mark.parametrize("output", [NOT_COMPILED, NO_COMPILER, NO_HEADERS, UNSATISFIABLE])
def test_the_stacks_own_failures_are_not_blamed_on_the_host(output):
    assert reasons.host_trouble(1, output) is None


def test_an_installer_ended_by_a_signal_is_trouble_of_the_host():
    assert reasons.host_trouble(-9, "") == "the installer was ended by signal 9"
