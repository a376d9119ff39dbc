"""What an index says of releases, over HTTP; and what a hostile one says, refused."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from host.environment import environment
from ormlab.base import checkout
from ormlab.base.errors import LabError, ProvisioningError, UsageError
from ormlab.releases import index as indexes
from ormlab.releases.index import LARGEST, MEDIA, Release, read, releases
from tests.conftest import free_port
from tests.releases.planted import PACKAGE, Planted, project

PYTHON = "3.13"
FIT = Planted("1.10", "2026-01-03")
NO_WHEEL = "it has no wheel for CPython 3.13 here"


def told(*wheels, **changes):
    answer = json.dumps(project(*wheels, **changes)).encode()
    return read(answer, PACKAGE, PYTHON, "an index")


def why(*wheels):
    (release,) = told(*wheels)
    return release.unfit


def test_an_index_is_asked_for_one_package_in_json_and_orders_by_version(index):
    index.wheels = [FIT, Planted("1.9", "2026-02-01")]
    found = releases(PACKAGE, PYTHON, [index.address])
    assert found == (
        Release(Version("1.9"), datetime(2026, 2, 1, 12, tzinfo=UTC), None),
        Release(Version("1.10"), datetime(2026, 1, 3, 12, tzinfo=UTC), None),
    )
    assert index.asked == [(f"/simple/{PACKAGE}/", None)]


def test_the_first_index_that_has_the_package_decides(index):
    index.wheels = [FIT]
    elsewhere = index.address.replace("simple", "other")
    assert len(releases(PACKAGE, PYTHON, [elsewhere, index.address])) == 1
    with pytest.raises(UsageError, match="no index has the package") as unknown:
        releases(PACKAGE, PYTHON, [elsewhere])
    assert unknown.value.code == "package-unknown"


def test_a_password_goes_to_the_index_and_into_no_message(index):
    index.wheels = [FIT]
    secret = index.address.replace("//", "//me:geheim@")
    releases(PACKAGE, PYTHON, [secret])
    assert index.asked[-1][1].startswith("Basic ")
    index.instead = (HTTPStatus.FORBIDDEN, "text/plain", b"")
    nobody = f"http://me:geheim@127.0.0.1:{free_port()}"
    for address in (secret, secret.replace("http:", "ftp:"), nobody):
        with pytest.raises(LabError) as refused:
            releases(PACKAGE, PYTHON, [address])
        assert "geheim" not in str(refused.value.record())


@pytest.mark.parametrize(
    ("wheels", "reason"),
    [
        ([FIT], None),
        ([Planted("2.0rc1", "2026-01-01")], "it is a pre-release"),
        ([Planted("2.0.dev1", "2026-01-01")], "it is a pre-release"),
        ([Planted("1.0", "2026-01-01", yanked=True)], "it was yanked"),
        ([Planted("1.0", "2026-01-01", yanked="")], "it was yanked"),
        ([Planted("1.0", "2026-01-01", yanked="leaks\n memory")], "it was yanked: leaks memory"),
        ([Planted("1.0", "2026-01-01", python=">=3.14")], NO_WHEEL),
        ([Planted("1.0", "2026-01-01", python="sometimes")], NO_WHEEL),
        ([Planted("1.0", "2026-01-01", tag="cp312-cp312-any")], NO_WHEEL),
        (
            [
                Planted("1.0", "2026-01-01", yanked="broken"),
                Planted("1.0", "2026-01-02", tag="cp313-none-any"),
            ],
            None,
        ),
        ([Planted("1.0+local", "2026-01-01")], "its version is not one that a subject can have"),
    ],
    ids=str,
)
def test_why_a_release_cannot_be_measured(wheels, reason):
    assert why(*wheels) == reason


def test_a_long_reason_is_cut():
    assert len(why(Planted("1.0", "2026-01-01", yanked="x" * 5000))) < 200


def test_a_source_alone_is_no_release_that_can_be_measured():
    source = FIT.listed(filename=f"{PACKAGE}-1.10.tar.gz")
    (release,) = told(files=[source])
    assert release.unfit == NO_WHEEL


def test_files_of_other_packages_and_odd_names_are_no_releases():
    names = ["other-1.0-py3-none-any.whl", "ormlab_toy-1.0.exe", "x", "ormlab_toy-..-a-b-c.whl"]
    names.append(f"ormlab_toy-1.0-{'-'.join(['.'.join('abcdefghijkl')] * 3)}.whl")
    assert told(files=[FIT.listed(filename=name) for name in names]) == ()


def test_a_release_is_as_old_as_its_first_file():
    late = Planted("1.0", "2026-03-01", tag="cp313-none-any")
    (release,) = told(late, Planted("1.0", "2026-01-01"))
    assert release.uploaded.month == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"meta": {"api-version": "2.0"}}, "it has the version '2.0', not 1"),
        ({"meta": {}}, "api-version"),
        ({"name": "another"}, "it is about 'another'"),
        ({"files": {"a": 1}}, "files"),
        ({"files": [{"filename": 7}]}, "filename"),
        ({"files": [FIT.listed(**{"upload-time": "yesterday"})]}, "upload-time"),
        ({"files": [FIT.listed(**{"upload-time": "2026-01-01T00:00:00"})]}, "upload-time"),
        ({"files": [FIT.listed(yanked=7)]}, "yanked"),
    ],
)
def test_an_answer_of_another_form_is_refused(changes, said):
    with pytest.raises(UsageError, match="cannot be used") as refused:
        told(**changes)
    assert refused.value.code == "index-refused"
    assert said in refused.value.what


def test_an_index_without_times_is_refused_because_no_lock_could_use_it():
    with pytest.raises(UsageError) as refused:
        told(files=[FIT.listed(**{"upload-time": None})])
    assert refused.value.code == "index-undated"


@pytest.mark.parametrize(
    ("status", "kind", "body", "code"),
    [
        (HTTPStatus.OK, "text/html", b"<html>", "index-refused"),
        (HTTPStatus.OK, MEDIA, b"{", "index-refused"),
        (HTTPStatus.OK, MEDIA, b"[" * 200_000, "index-refused"),
        (HTTPStatus.OK, MEDIA, b'"\xff"', "index-refused"),
        (HTTPStatus.OK, MEDIA, b" " * (LARGEST + 1), "index-refused"),
        (HTTPStatus.INTERNAL_SERVER_ERROR, MEDIA, b"", "index-unreachable"),
        (HTTPStatus.FORBIDDEN, MEDIA, b"", "index-unreachable"),
    ],
    ids=["html", "torn", "deep", "bytes", "large", "500", "403"],
)
def test_a_hostile_or_broken_answer_is_one_error(index, status, kind, body, code):
    index.instead = (status, kind, body)
    with pytest.raises(LabError) as refused:
        releases(PACKAGE, PYTHON, [index.address])
    assert refused.value.code == code
    assert refused.value.hint


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps(text).encode()))
def test_no_bytes_are_more_than_an_error(data):
    with pytest.raises(UsageError):
        read(data, PACKAGE, PYTHON, "an index")


def test_an_index_that_nobody_serves_is_told_apart_from_a_mistake():
    with pytest.raises(ProvisioningError) as failed:
        releases(PACKAGE, PYTHON, [f"http://127.0.0.1:{free_port()}/simple"])
    assert failed.value.code == "index-unreachable"


@pytest.mark.parametrize("address", ["file:///etc", "ftp://127.0.0.1/simple", "index", "http://["])
def test_what_is_no_address_of_an_index_is_refused(address):
    with pytest.raises(UsageError) as refused:
        releases(PACKAGE, PYTHON, [address])
    assert refused.value.code == "index-address"


@pytest.fixture
def unnamed(monkeypatch, tmp_path):
    """No index is configured."""
    for name in (*os.environ,):
        if name.startswith("UV_"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path))
    return monkeypatch


def test_indexes_are_asked_in_the_order_of_uv(unnamed):
    unnamed.setenv("UV_INDEX", "mine=https://a.example/simple https://b.example/simple")
    unnamed.setenv("UV_EXTRA_INDEX_URL", "https://c.example/simple")
    unnamed.setenv("UV_INDEX_URL", "https://d.example/simple")
    hosts = ("a", "b", "c", "d")
    assert indexes.addresses() == tuple(f"https://{host}.example/simple" for host in hosts)
    unnamed.setenv("UV_DEFAULT_INDEX", "https://e.example/simple?x=https://y")
    assert indexes.addresses()[-1] == "https://e.example/simple?x=https://y"


@pytest.mark.usefixtures("unnamed")
def test_an_index_of_the_command_line_comes_first_here_and_for_all_that_installs(tmp_path):
    configured = tmp_path / "uv/uv.toml"
    configured.parent.mkdir()
    configured.write_text('index-url = "https://mirror.example/simple"\n')
    if "UV_DEFAULT_INDEX" not in environment("installer"):
        pytest.skip("the system's own uv.toml names an index")
    before = dict(os.environ)
    with indexes.asked_first("https://mine.example/simple"):
        first, *_, last = indexes.addresses()
        given = environment("installer")
    assert first == given["UV_INDEX"] == "https://mine.example/simple"
    assert last == given["UV_DEFAULT_INDEX"]
    assert dict(os.environ) == before


@pytest.mark.usefixtures("unnamed")
def test_without_a_configuration_uv_says_which_index_it_asks():
    if not checkout.UV.exists():
        pytest.skip("bootstrap.py has not installed uv")
    assert indexes._default_of_uv().startswith("https://")
