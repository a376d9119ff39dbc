"""The password of a role, in an option file: what MariaDB's clients read it from.

Source: MariaDB Knowledge Base, "Configuring MariaDB with Option Files". With the standard library
alone, because services read it on any stack.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Final

_GROUP: Final = "client"


def written(password: str) -> str:
    """The content of an option file. The lab draws passwords that need no quotes."""
    return f"[{_GROUP}]\npassword={password}\n"


def password(content: str) -> str:
    """The password in the content of an option file; KeyError if there is none."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(content)
    return parser[_GROUP]["password"]


def read(passfile: str) -> str:
    """The password in an option file.

    Raises:
        OSError: it cannot be read.
        KeyError: it has none.
    """
    return password(Path(passfile).read_text(encoding="utf-8"))
