"""The stand-in for PostgreSQL's repository: apt trusts it by its key, and only by that key."""

from __future__ import annotations

import pytest

from tests.host import packages

pytestmark = pytest.mark.tier("T3")
SOURCE = """\
Types: deb
URIs: file:/srv/pgdg
Suites: {suite}
Components: main
Signed-By: {key}
"""


def update(host, key):
    source = SOURCE.format(suite=packages.SUITE, key=key)
    (host.tree / "etc/apt/sources.list.d/pgdg.sources").write_text(source)
    only = "-oDir::Etc::SourceList=/etc/apt/sources.list.d/pgdg.sources"
    return host.run("apt-get", "update", "-q", only, "-oDir::Etc::SourceParts=-", check=False)


def test_its_key_opens_it(host):
    assert update(host, "/srv/pgdg/key.asc").returncode == 0
    candidate = host.run("apt-cache", "policy", "postgresql-16").stdout
    assert "Candidate: 16." in candidate


def test_another_key_does_not(host):
    refused = update(host, "/usr/share/keyrings/debian-archive-keyring.gpg")
    assert refused.returncode != 0
    assert "is not signed" in refused.stdout + refused.stderr
