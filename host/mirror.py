"""The package mirror of uv's configuration files, as variables of uv.

The lab lets uv read no configuration, because a user-wide ``exclude-newer`` or ``resolution`` would
change what is installed. But the configuration may be the only place that names a mirror. So this
module reads the few settings that name mirrors and how to trust them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


# A caller that sets one of these names the source of packages itself.
SAID = (
    *("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL"),
    *("UV_NO_INDEX", "UV_OFFLINE"),
)


# Where distributions keep the certificates that they trust: Debian and Arch, Fedora, SUSE, Alpine.
_TRUSTED = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def trust() -> dict[str, str]:
    """The variable by which uv trusts what the system trusts, as pip does; empty without that.

    Else uv trusts only a list of its own, and a company's proxy is not in it.
    """
    said = "UV_SYSTEM_CERTS" in os.environ or "UV_NATIVE_TLS" in os.environ
    has_certificates = any(map(os.path.exists, _TRUSTED))
    return {} if said or not has_certificates else {"UV_SYSTEM_CERTS": "true"}


def variables() -> dict[str, str]:
    """The variables of uv for the mirror that its configuration names; the user's file wins.

    Empty if the caller names a mirror by variables. An unreadable file and one that is no TOML name
    no mirror.
    """
    named: dict[str, str] = {}
    if not any(name in os.environ for name in SAID):
        for path in _files():
            named.update(_named(_read(path)))
    return named


def _files() -> Iterator[Path]:
    """The configuration files of uv, those of the system and of the user, in this order."""
    folders = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    yield Path("/etc/uv/uv.toml")
    yield from (Path(folder) / "uv/uv.toml" for folder in reversed(folders.split(":")) if folder)
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111
    yield Path(home) / "uv/uv.toml"


def _read(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
        # Loading it takes a tenth of the time in which an agent starts, and agents read no such
        # file. Python has it from 3.11 on; before that only variables name a mirror.
        import tomllib  # noqa: PLC0415

        return tomllib.loads(text)
    except (OSError, ValueError, ModuleNotFoundError):
        return {}


def _named(document: dict[str, object]) -> dict[str, str]:
    given = {**_table(document.get("pip")), **document}
    indexes = [_table(index) for index in _list(given.get("index"))]
    default = [str(index["url"]) for index in indexes if index.get("default") and "url" in index]
    others = [
        f"{index['name']}={index['url']}" if "name" in index else str(index["url"])
        for index in indexes
        if "url" in index and not index.get("default") and not index.get("explicit")
    ]
    trusted = given.get("native-tls") is True or given.get("system-certs") is True
    values = {
        "UV_DEFAULT_INDEX": default[0] if default else given.get("index-url"),
        "UV_INDEX": " ".join([*others, *map(str, _list(given.get("extra-index-url")))]),
        "UV_FIND_LINKS": ",".join(map(str, _list(given.get("find-links")))),
        "UV_INSECURE_HOST": " ".join(map(str, _list(given.get("allow-insecure-host")))),
        "UV_SYSTEM_CERTS": "true" if trusted else "",
    }
    return {name: str(value) for name, value in values.items() if value}


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
