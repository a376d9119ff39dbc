"""Builds from source by the roles. They take minutes of two cores: asked for, not part of CI."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.host import chroot, root

pytestmark = [
    pytest.mark.tier("T3"),
    pytest.mark.skipif(
        os.environ.get("ORMLAB_TEST_BUILDS") != "1",
        reason="builds CPython and wrk for some minutes; ORMLAB_TEST_BUILDS=1 asks for it",
    ),
]
ONE_ROLE = Path(__file__).parent / "one_role.yml"
SOURCES = """\
Types: deb-src
URIs: {mirror}
Suites: {suite}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture
def host(tmp_path):
    """With the tarballs that Debian has built its packages from."""
    if reason := root.why_not():
        pytest.skip(reason)
    with chroot.started(tmp_path) as running:
        sources = SOURCES.format(mirror=root.mirror(), suite=root.SUITE)
        (running.tree / "etc/apt/sources.list.d/sources.sources").write_text(sources)
        fetch = "cd /srv && apt-get update -q && apt-get source --download-only python3.13 wrk"
        running.run("sh", "-c", fetch)
        yield running


def tarball(host, pattern):
    (found,) = host.tree.glob(f"srv/{pattern}")
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    return {"url": f"file:///srv/{found.name}", "sha256": digest}


def left_by_a_cut_build(host, path):
    """A file that would be taken for a finished step."""
    left = host.tree / path
    left.parent.mkdir(parents=True)
    left.write_text("half of it")


def test_wrk_is_built_and_found_before_the_distributions(host):
    source = {**tarball(host, "wrk_*.orig.tar.gz"), "version": "4.1.0"}
    variables = {"role_under_test": "loadgen", "loadgen": {"from": "source", "source": source}}
    left_by_a_cut_build(host, "opt/ormlab/wrk/4.1.0/source/wrk")
    first = host.play(ONE_ROLE, variables=variables)
    assert first.rc == 0, first.output
    assert host.run("readlink", "/usr/local/bin/wrk").stdout == "/opt/ormlab/wrk/4.1.0/wrk\n"
    assert host.play(ONE_ROLE, variables=variables).changed == []


def test_cpython_is_built_with_the_experimental_jit(host):
    # Debian's tarball is the one that CPython published: it has the digest that the role pins.
    source = {"url": tarball(host, "python3.13_*.orig.tar.xz")["url"], "optimize": False}
    variables = {
        "role_under_test": "python_runtime",
        "python_runtime": {"jit": True, "source": source},
    }
    left_by_a_cut_build(host, "opt/ormlab/python/3.13.5-jit/build/python")
    first = host.play(ONE_ROLE, variables=variables)
    assert first.rc == 0, first.output
    program = "/opt/ormlab/python/3.13.5-jit/bin/python3.13"
    asked = "import sysconfig; print(sysconfig.get_config_var('CONFIG_ARGS'))"
    assert "--enable-experimental-jit" in host.run(program, "-c", asked).stdout
    symbols = (host.tree / program.lstrip("/")).read_bytes()
    assert b"_PyJIT_Compile" in symbols
    assert host.run("readlink", "/usr/local/bin/python3.13-jit").stdout == f"{program}\n"
    assert host.play(ONE_ROLE, variables=variables).changed == []
