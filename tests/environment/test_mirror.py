"""Which of uv's own settings the lab hands on: where packages come from, and nothing else."""

from __future__ import annotations

import pytest

from host import mirror
from host.environment import environment


@pytest.fixture
def configured(tmp_path, monkeypatch):
    for name in mirror.SAID:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "system"))

    def write(user, system=""):
        for where, text in (("user", user), ("system", system)):
            (tmp_path / where / "uv").mkdir(parents=True, exist_ok=True)
            (tmp_path / where / "uv/uv.toml").write_text(text)

    return write


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", {}),
        ('exclude-newer = "2000-01-01"\nresolution = "lowest"\noffline = true', {}),
        ("this is no TOML", {}),
        ("index = 3\nfind-links = 'x'\npip = []", {}),
        ("index-url = 'file:///a'", {"UV_DEFAULT_INDEX": "file:///a"}),
        ("[pip]\nindex-url = 'file:///a'", {"UV_DEFAULT_INDEX": "file:///a"}),
        (
            """
            index = [
                {url = "file:///a", default = true},
                {url = "file:///b", name = "b"},
                {url = "file:///c", name = "c", explicit = true},
            ]
            """,
            {"UV_DEFAULT_INDEX": "file:///a", "UV_INDEX": "b=file:///b"},
        ),
        (
            "extra-index-url=['file:///a','file:///b']\nfind-links=['/c','/d']",
            {"UV_INDEX": "file:///a file:///b", "UV_FIND_LINKS": "/c,/d"},
        ),
        (
            "native-tls = true\nallow-insecure-host = ['localhost']",
            {"UV_SYSTEM_CERTS": "true", "UV_INSECURE_HOST": "localhost"},
        ),
    ],
)
def test_settings_that_name_a_place_are_handed_on(configured, text, named):
    configured(text)
    assert mirror.variables() == named
    assert named.items() <= environment("installer").items()
    assert not named.keys() & environment("service").keys()


def test_the_users_file_wins_over_the_systems(configured):
    configured("index-url = 'file:///user'", "index-url = 'file:///system'\nnative-tls = true")
    assert mirror.variables() == {"UV_DEFAULT_INDEX": "file:///user", "UV_SYSTEM_CERTS": "true"}


def test_who_names_a_mirror_by_a_variable_has_said_it(configured, monkeypatch):
    configured("index-url = 'file:///user'")
    monkeypatch.setenv("UV_INDEX_URL", "file:///variable")
    made = environment("installer")
    assert made["UV_INDEX_URL"] == "file:///variable"
    assert "UV_DEFAULT_INDEX" not in made


@pytest.mark.parametrize("name", ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS"])
def test_uv_trusts_what_the_system_trusts_unless_its_user_says_otherwise(
    monkeypatch, tmp_path, name
):
    for each in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr(mirror, "_TRUSTED", (str(tmp_path / "none"), str(tmp_path / "ca.crt")))
    assert mirror.trust() == {}
    (tmp_path / "ca.crt").touch()
    assert mirror.trust() == {"UV_SYSTEM_CERTS": "true"}
    assert mirror.trust().items() <= environment("installer").items()
    monkeypatch.setenv(name, "false")
    assert environment("installer")[name] == "false"
    assert mirror.trust() == {}
